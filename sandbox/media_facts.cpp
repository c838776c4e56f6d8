#include "sandbox/media_facts.h"

#include <array>

#include "lib/base/utf8.h"

namespace kefu::sandbox {
namespace {

std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
  return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
}

std::uint32_t big_endian(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | byte_at(bytes, at + i);
  return value;
}

bool begins(std::string_view bytes, std::string_view with) {
  return bytes.substr(0, with.size()) == with;
}

// The first frame header tells the size.
void measure_jpeg(std::string_view bytes, MediaFacts& facts) {
  std::size_t at = 2;
  while (at + 9 < bytes.size() && byte_at(bytes, at) == 0xff) {
    const auto marker = byte_at(bytes, at + 1);
    const bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) {
      facts.height = big_endian(bytes, at + 5, 2);
      facts.width = big_endian(bytes, at + 7, 2);
      return;
    }
    at += 2 + big_endian(bytes, at + 2, 2);
  }
}

// Frames of 20 ms; the mode in each one's first byte tells its size (RFC 4867 §5.3).
double amr_seconds(std::string_view bytes) {
  static constexpr std::array<std::size_t, 16> kFrameBytes = {13, 14, 16, 18, 20, 21, 27, 32,
                                                              6,  1,  1,  1,  1,  1,  1,  1};
  std::size_t frames = 0;
  for (std::size_t at = 6; at < bytes.size(); ++frames) at += kFrameBytes[byte_at(bytes, at) >> 3 & 15];
  return static_cast<double>(frames) * 0.02;
}

std::size_t mp3_begin(std::string_view bytes) {
  if (!begins(bytes, "ID3")) return 0;
  std::size_t size = 0;
  for (std::size_t i = 6; i < 10; ++i) size = size << 7 | (byte_at(bytes, i) & 0x7f);
  return 10 + size;
}

struct Mp3Frame {
  std::size_t bytes = 0;  // 0: no frame of layer III
  double seconds = 0;
};

Mp3Frame mp3_frame(std::string_view bytes, std::size_t at) {
  static constexpr std::array<int, 16> kRates1 = {0,   32,  40,  48,  56,  64,  80,  96,
                                                  112, 128, 160, 192, 224, 256, 320, 0};
  static constexpr std::array<int, 16> kRates2 = {0,  8,  16, 24,  32,  40,  48,  56,
                                                  64, 80, 96, 112, 128, 144, 160, 0};
  static constexpr std::array<int, 4> kHertz = {44100, 48000, 32000, 0};
  const auto head = big_endian(bytes, at, 4);
  const auto version = head >> 19 & 3;  // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
  const int hertz = kHertz[head >> 10 & 3] / (version == 3 ? 1 : version == 2 ? 2 : 4);
  const int rate = 1000 * (version == 3 ? kRates1 : kRates2)[head >> 12 & 15];
  if (head >> 21 != 0x7ff || version == 1 || (head >> 17 & 3) != 1 || hertz == 0 || rate == 0) return {};
  const int samples = version == 3 ? 1152 : 576;
  const auto padding = static_cast<int>(head >> 9 & 1);
  return {static_cast<std::size_t>(samples / 8 * rate / hertz + padding),
          static_cast<double>(samples) / hertz};
}

double mp3_seconds(std::string_view bytes) {
  double seconds = 0;
  for (std::size_t at = mp3_begin(bytes); at + 4 <= bytes.size();) {
    const auto frame = mp3_frame(bytes, at);
    if (frame.bytes == 0) break;
    seconds += frame.seconds;
    at += frame.bytes;
  }
  return seconds;
}

double mp4_seconds(std::string_view bytes) {
  const auto at = bytes.find("mvhd");
  if (at == std::string_view::npos || byte_at(bytes, at + 4) != 0) return 0;
  const auto scale = big_endian(bytes, at + 16, 4);
  return scale == 0 ? 0 : static_cast<double>(big_endian(bytes, at + 20, 4)) / scale;
}

}  // namespace

MediaFacts facts_of(std::string_view bytes) {
  MediaFacts facts;
  if (begins(bytes, "\xff\xd8\xff")) {
    facts = {"jpg", "image/jpeg"};
    measure_jpeg(bytes, facts);
  } else if (begins(bytes, "\x89PNG\r\n\x1a\n")) {
    facts = {"png", "image/png", big_endian(bytes, 16, 4), big_endian(bytes, 20, 4)};
  } else if (begins(bytes, "GIF8")) {
    facts = {"gif", "image/gif", byte_at(bytes, 6) | byte_at(bytes, 7) << 8,
             byte_at(bytes, 8) | byte_at(bytes, 9) << 8};
  } else if (begins(bytes, "#!AMR\n")) {
    facts = {"amr", "audio/amr", 0, 0, amr_seconds(bytes)};
  } else if (mp3_frame(bytes, mp3_begin(bytes)).bytes > 0) {
    facts = {"mp3", "audio/mpeg", 0, 0, mp3_seconds(bytes)};
  } else if (bytes.size() > 12 && bytes.substr(4, 4) == "ftyp") {
    facts = {"mp4", "video/mp4", 0, 0, mp4_seconds(bytes)};
  } else if (!bytes.empty() && clean_utf8(bytes) == bytes) {
    facts = {"txt", "text/plain"};
  }
  return facts;
}

}  // namespace kefu::sandbox
