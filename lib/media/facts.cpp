#include "lib/media/facts.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

namespace kefu::media {
namespace {

using namespace std::literals;
using Bytes = std::string_view;

// A length that a file claims of itself beyond this is not believed.
constexpr std::uint64_t kDurationMsMax = Millis(24h).count();
constexpr std::uint32_t kPixelsMax = 100'000;  // a side

std::uint8_t byte_at(Bytes bytes, std::size_t at) {
  return at < bytes.size() ? static_cast<std::uint8_t>(bytes[at]) : 0;
}

// What lies past the end reads as zeros. REQUIRES of both: size <= 8.
std::uint64_t big_endian(Bytes bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | byte_at(bytes, at + i);
  return value;
}
std::uint64_t little_endian(Bytes bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | byte_at(bytes, at + i);
  return value;
}

bool has(Bytes bytes, std::size_t at, Bytes what) {
  return at <= bytes.size() && bytes.substr(at, what.size()) == what;
}

// From `at` on, at most `size` bytes.
Bytes part(Bytes bytes, std::size_t at, std::uint64_t size) {
  if (at >= bytes.size()) return {};
  return bytes.substr(at, static_cast<std::size_t>(std::min<std::uint64_t>(size, bytes.size() - at)));
}

Facts picture(Format format, std::uint64_t width, std::uint64_t height) {
  Facts facts;
  facts.format = format;
  if (width == 0 || height == 0 || width > kPixelsMax || height > kPixelsMax) return facts;
  facts.width = static_cast<std::uint32_t>(width);
  facts.height = static_cast<std::uint32_t>(height);
  return facts;
}

// `units` of which `per_second` make a second.
Millis lasting(std::uint64_t units, std::uint64_t per_second) {
  if (per_second == 0 || units / per_second > kDurationMsMax / 1000) return Millis(0);
  const auto ms = units / per_second * 1000 + units % per_second * 1000 / per_second;
  return Millis(static_cast<Millis::rep>(std::min(ms, kDurationMsMax)));
}

Facts sound(Format format, Millis duration) {
  Facts facts;
  facts.format = format;
  facts.duration = duration;
  return facts;
}

// --- images ---

bool begins_a_jpeg_frame(std::uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

Facts jpeg(Bytes bytes) {
  std::size_t at = 2;
  while (at + 4 <= bytes.size() && byte_at(bytes, at) == 0xFF) {
    const auto marker = byte_at(bytes, at + 1);
    if (begins_a_jpeg_frame(marker))
      return picture(Format::jpeg, big_endian(bytes, at + 7, 2), big_endian(bytes, at + 5, 2));
    const bool stands_alone = marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7);
    if (marker == 0xFF) {
      ++at;  // a fill byte
    } else if (stands_alone) {
      at += 2;
    } else {
      const auto length = big_endian(bytes, at + 2, 2);
      if (length < 2 || marker == 0xD9 || marker == 0xDA) break;
      at += 2 + length;
    }
  }
  return picture(Format::jpeg, 0, 0);
}

Facts bmp(Bytes bytes) {
  const auto header_bytes = little_endian(bytes, 14, 4);
  if (header_bytes == 12)
    return picture(Format::bmp, little_endian(bytes, 18, 2), little_endian(bytes, 20, 2));
  const auto height = static_cast<std::int32_t>(static_cast<std::uint32_t>(little_endian(bytes, 22, 4)));
  const auto tall = static_cast<std::int64_t>(height);  // negative: the rows run downwards
  return picture(Format::bmp, little_endian(bytes, 18, 4),
                 static_cast<std::uint64_t>(tall < 0 ? -tall : tall));
}

bool is_bmp(Bytes bytes) {
  const auto header_bytes = little_endian(bytes, 14, 4);
  return has(bytes, 0, "BM") && bytes.size() >= 26 &&
         (header_bytes == 12 || (header_bytes >= 16 && header_bytes <= 124));
}

Facts webp(Bytes bytes) {
  if (has(bytes, 12, "VP8X"))
    return picture(Format::webp, 1 + little_endian(bytes, 24, 3), 1 + little_endian(bytes, 27, 3));
  if (has(bytes, 12, "VP8L") && byte_at(bytes, 20) == 0x2F) {
    const auto bits = little_endian(bytes, 21, 4);
    return picture(Format::webp, 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF));
  }
  if (has(bytes, 12, "VP8 ") && has(bytes, 23, "\x9D\x01\x2A"))
    return picture(Format::webp, little_endian(bytes, 26, 2) & 0x3FFF, little_endian(bytes, 28, 2) & 0x3FFF);
  return picture(Format::webp, 0, 0);
}

// --- sounds ---

// Bytes of a frame after its header, by its type (RFC 4867 §3.6, 3GPP TS 26.101, 26.201); -1: no such type.
constexpr std::array<int, 16> kAmrNarrow{12, 13, 15, 17, 19, 20, 26, 31, 5, -1, -1, -1, -1, -1, -1, 0};
constexpr std::array<int, 16> kAmrWide{17, 23, 32, 36, 40, 46, 50, 58, 60, 5, -1, -1, -1, -1, 0, 0};

Facts amr(Bytes bytes, std::size_t at, const std::array<int, 16>& frame_bytes) {
  std::uint64_t frames = 0;
  while (at < bytes.size()) {
    const int size = frame_bytes[byte_at(bytes, at) >> 3 & 15];
    if (size < 0 || static_cast<std::size_t>(size) >= bytes.size() - at) break;
    at += 1 + static_cast<std::size_t>(size);
    ++frames;
  }
  return sound(Format::amr, lasting(frames, 50));
}

struct Mp3Frame {
  std::size_t bytes = 0;  // with its header
  std::uint32_t rate = 0;
  std::uint32_t samples = 0;
  std::size_t xing_at = 0;
};

// Layer III alone.
std::optional<Mp3Frame> mp3_frame(Bytes bytes, std::size_t at) {
  constexpr std::array<std::uint32_t, 16> kKbits1{0,   32,  40,  48,  56,  64,  80,  96,
                                                  112, 128, 160, 192, 224, 256, 320, 0};
  constexpr std::array<std::uint32_t, 16> kKbits2{0,  8,  16, 24,  32,  40,  48,  56,
                                                  64, 80, 96, 112, 128, 144, 160, 0};
  constexpr std::array<std::uint32_t, 4> kRates{44100, 48000, 32000, 0};
  if (at >= bytes.size() || bytes.size() - at < 4) return std::nullopt;
  const auto head = static_cast<std::uint32_t>(big_endian(bytes, at, 4));
  const auto version = head >> 19 & 3;  // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
  const bool first = version == 3;
  const auto kbits = (first ? kKbits1 : kKbits2)[head >> 12 & 15];
  const auto rate = kRates[head >> 10 & 3] / (first ? 1 : version == 2 ? 2 : 4);
  if (head >> 21 != 0x7FF || version == 1 || (head >> 17 & 3) != 1 || kbits == 0 || rate == 0)
    return std::nullopt;
  const bool mono = (head >> 6 & 3) == 3;
  Mp3Frame frame;
  frame.bytes = (first ? 144 : 72) * kbits * 1000 / rate + (head >> 9 & 1);
  frame.rate = rate;
  frame.samples = first ? 1152 : 576;
  frame.xing_at = 4 + (first ? (mono ? 17 : 32) : (mono ? 9 : 17));
  return frame;
}

std::size_t after_id3(Bytes bytes) {
  std::size_t at = 0;
  while (has(bytes, at, "ID3") && bytes.size() - at >= 10) {
    std::size_t size = 0;
    for (std::size_t i = 6; i < 10; ++i) size = size << 7 | (byte_at(bytes, at + i) & 0x7F);
    at += 10 + size + ((byte_at(bytes, at + 5) & 0x10) != 0 ? 10 : 0);
  }
  return at;
}

// Where the first frame begins: one that another one follows, or the end.
std::optional<std::size_t> first_mp3_frame(Bytes bytes) {
  constexpr std::size_t kSearchedMax = 64 << 10;  // behind a tag there may be padding
  const auto begin = after_id3(bytes);
  const auto end = begin == 0 ? 1 : begin + kSearchedMax;
  for (auto at = begin; at < std::min(end, bytes.size()); ++at) {
    const auto frame = mp3_frame(bytes, at);
    if (!frame) continue;
    const auto next = at + frame->bytes;
    if (next == bytes.size() || mp3_frame(bytes, next)) return at;
  }
  return std::nullopt;
}

// As the encoder noted them in the first frame; 0: it did not.
std::uint64_t noted_mp3_frames(Bytes frame, std::size_t xing_at) {
  if ((has(frame, xing_at, "Xing") || has(frame, xing_at, "Info")) && (byte_at(frame, xing_at + 7) & 1) != 0)
    return big_endian(frame, xing_at + 8, 4);
  return has(frame, 36, "VBRI") ? big_endian(frame, 36 + 14, 4) : 0;
}

Facts mp3(Bytes bytes, std::size_t at) {
  const auto first = mp3_frame(bytes, at);
  if (!first) return sound(Format::mp3, Millis(0));
  auto frames = noted_mp3_frames(part(bytes, at, first->bytes), first->xing_at);
  if (frames == 0) {
    for (auto frame = first; frame && at < bytes.size(); frame = mp3_frame(bytes, at)) {
      at += frame->bytes;
      ++frames;
    }
  }
  return sound(Format::mp3, lasting(frames * first->samples, first->rate));
}

Facts wav(Bytes bytes) {
  std::uint64_t bytes_per_second = 0;
  std::size_t at = 12;
  while (bytes.size() - at >= 8) {
    const auto size = little_endian(bytes, at + 4, 4);
    if (has(bytes, at, "fmt ")) bytes_per_second = little_endian(bytes, at + 16, 4);
    const auto left = bytes.size() - at - 8;
    if (has(bytes, at, "data"))
      return sound(Format::wav, lasting(std::min<std::uint64_t>(size, left), bytes_per_second));
    if (size + (size & 1) > left) break;
    at += 8 + static_cast<std::size_t>(size + (size & 1));
  }
  return sound(Format::wav, Millis(0));
}

// The last page tells how many samples there were.
Facts speex_in_ogg(Bytes bytes) {
  const auto rate = little_endian(bytes, 28 + 36, 4);
  const auto samples = little_endian(bytes, bytes.rfind("OggS") + 6, 8);
  return sound(Format::speex, lasting(samples, rate));
}

// --- MP4 (ISO/IEC 14496-12): boxes in boxes ---

struct Box {
  Bytes kind;
  Bytes content;
  std::size_t bytes = 0;  // all in all
};

std::optional<Box> box_at(Bytes bytes, std::size_t at) {
  if (at >= bytes.size() || bytes.size() - at < 8) return std::nullopt;
  const auto left = bytes.size() - at;
  std::uint64_t size = big_endian(bytes, at, 4);
  std::size_t head = 8;
  if (size == 1) {
    size = big_endian(bytes, at + 8, 8);
    head = 16;
  } else if (size == 0) {
    size = left;
  }
  if (size < head || head > left) return std::nullopt;
  const auto all = static_cast<std::size_t>(std::min<std::uint64_t>(size, left));  // the last may be cut
  return Box{bytes.substr(at + 4, 4), bytes.substr(at + head, all - head), all};
}

template <class See>
void for_each_box(Bytes bytes, See see) {
  std::size_t at = 0;
  while (const auto box = box_at(bytes, at)) {
    see(*box);
    at += box->bytes;
  }
}

Bytes first_box(Bytes bytes, Bytes kind) {
  Bytes found;
  for_each_box(bytes, [&](const Box& box) {
    if (found.empty() && box.kind == kind) found = box.content;
  });
  return found;
}

Millis movie_duration(Bytes mvhd) {
  if (byte_at(mvhd, 0) == 1) return lasting(big_endian(mvhd, 24, 8), big_endian(mvhd, 20, 4));
  return lasting(big_endian(mvhd, 16, 4), big_endian(mvhd, 12, 4));
}

// As people see it: phones film upright with a matrix that turns the picture.
Facts track_size(Bytes tkhd) {
  const std::size_t matrix = byte_at(tkhd, 0) == 1 ? 52 : 40;
  const auto width = big_endian(tkhd, matrix + 36, 4) >> 16;
  const auto height = big_endian(tkhd, matrix + 40, 4) >> 16;
  const bool on_its_side = big_endian(tkhd, matrix, 4) == 0 && big_endian(tkhd, matrix + 16, 4) == 0 &&
                           big_endian(tkhd, matrix + 4, 4) != 0;
  return on_its_side ? picture(Format::mp4, height, width) : picture(Format::mp4, width, height);
}

Facts mp4(Bytes bytes) {
  Facts facts = picture(Format::mp4, 0, 0);
  bool has_tracks = false;
  const auto movie = first_box(bytes, "moov");
  for_each_box(movie, [&](const Box& box) {
    if (box.kind != "trak") return;
    has_tracks = true;
    if (facts.width == 0) facts = track_size(first_box(box.content, "tkhd"));
  });
  const bool says_sound = has(bytes, 8, "M4A ") || has(bytes, 8, "M4B ");
  if (facts.width == 0 && (has_tracks || says_sound)) facts.format = Format::m4a;
  facts.duration = movie_duration(first_box(movie, "mvhd"));
  return facts;
}

// Pictures and QuickTime films come in such boxes, too.
bool is_mp4(Bytes bytes) {
  constexpr std::array kOthers{"qt  "sv, "heic"sv, "heix"sv, "heim"sv, "hevc"sv,
                               "mif1"sv, "msf1"sv, "avif"sv, "avis"sv};
  return has(bytes, 4, "ftyp") && bytes.size() >= 12 &&
         std::find(kOthers.begin(), kOthers.end(), bytes.substr(8, 4)) == kOthers.end();
}

}  // namespace

Facts facts_of(std::string_view bytes) {
  if (has(bytes, 0, "\xFF\xD8\xFF")) return jpeg(bytes);
  if (has(bytes, 0, "\x89PNG\r\n\x1A\n") && has(bytes, 12, "IHDR"))
    return picture(Format::png, big_endian(bytes, 16, 4), big_endian(bytes, 20, 4));
  if (has(bytes, 0, "GIF87a") || has(bytes, 0, "GIF89a"))
    return picture(Format::gif, little_endian(bytes, 6, 2), little_endian(bytes, 8, 2));
  if (is_bmp(bytes)) return bmp(bytes);
  if (has(bytes, 0, "RIFF") && has(bytes, 8, "WEBP")) return webp(bytes);
  if (has(bytes, 0, "RIFF") && has(bytes, 8, "WAVE")) return wav(bytes);
  if (has(bytes, 0, "#!AMR\n")) return amr(bytes, 6, kAmrNarrow);
  if (has(bytes, 0, "#!AMR-WB\n")) return amr(bytes, 9, kAmrWide);
  if (has(bytes, 0, "OggS") && has(bytes, 28, "Speex   ")) return speex_in_ogg(bytes);
  if (is_mp4(bytes)) return mp4(bytes);
  if (const auto at = first_mp3_frame(bytes)) return mp3(bytes, *at);
  return {};
}

bool is_image(Format format) {
  return format == Format::jpeg || format == Format::png || format == Format::gif || format == Format::bmp ||
         format == Format::webp;
}

bool is_sound(Format format) {
  return format == Format::amr || format == Format::speex || format == Format::mp3 || format == Format::wav ||
         format == Format::m4a;
}

namespace {

struct Names {
  Format format;
  std::string_view extension;
  std::string_view mime_type;
};
constexpr Names kNames[] = {
    {Format::unknown, "bin", "application/octet-stream"},
    {Format::jpeg, "jpg", "image/jpeg"},
    {Format::png, "png", "image/png"},
    {Format::gif, "gif", "image/gif"},
    {Format::bmp, "bmp", "image/bmp"},
    {Format::webp, "webp", "image/webp"},
    {Format::amr, "amr", "audio/amr"},
    {Format::speex, "spx", "audio/ogg"},
    {Format::mp3, "mp3", "audio/mpeg"},
    {Format::wav, "wav", "audio/wav"},
    {Format::m4a, "m4a", "audio/mp4"},
    {Format::mp4, "mp4", "video/mp4"},
};

const Names& names_of(Format format) {
  const auto* found =
      std::find_if(std::begin(kNames), std::end(kNames), [&](const Names& n) { return n.format == format; });
  return found != std::end(kNames) ? *found : kNames[0];
}

}  // namespace

std::string_view mime_type(Format format) {
  return names_of(format).mime_type;
}
std::string_view extension(Format format) {
  return names_of(format).extension;
}
Format format_of_extension(std::string_view extension) {
  const auto* found = std::find_if(std::begin(kNames), std::end(kNames),
                                   [&](const Names& n) { return n.extension == extension; });
  return found != std::end(kNames) ? found->format : Format::unknown;
}

}  // namespace kefu::media
