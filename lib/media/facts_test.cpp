#include "lib/media/facts.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>

using namespace kefu;
using namespace kefu::media;
using namespace std::string_literals;

namespace {

std::string big(std::uint64_t value, std::size_t size) {
  std::string out;
  while (size-- > 0) out += static_cast<char>(value >> (8 * size) & 0xFF);
  return out;
}
std::string little(std::uint64_t value, std::size_t size) {
  const auto reversed = big(value, size);
  return {reversed.rbegin(), reversed.rend()};
}

std::string jpeg_segment(char marker, const std::string& content) {
  return "\xFF"s + marker + big(content.size() + 2, 2) + content;
}
std::string jpeg(int width, int height) {
  return "\xFF\xD8"s + jpeg_segment('\xE0', "JFIF\0and so on"s) + jpeg_segment('\xDB', std::string(65, 'q')) +
         "\xFF" + jpeg_segment('\xC2', "\x08"s + big(height, 2) + big(width, 2) + "\x01\x11\x00"s) +
         jpeg_segment('\xDA', "scan") + "pixels\xFF\xD9";
}
std::string png(int width, int height) {
  return "\x89PNG\r\n\x1A\n"s + big(13, 4) + "IHDR" + big(width, 4) + big(height, 4) + "\x08\x02\0\0\0crc"s;
}
std::string bmp(int width, int height) {
  return "BM"s + std::string(12, '\0') + little(40, 4) + little(width, 4) +
         little(static_cast<std::uint32_t>(height), 4) + std::string(28, '\0');
}
std::string webp(const std::string& chunk, const std::string& content) {
  return "RIFF" + little(content.size() + 12, 4) + "WEBP" + chunk + little(content.size(), 4) + content;
}

// 417 bytes: MPEG 1, layer III, 128 kbit/s, 44.1 kHz, stereo.
std::string mp3_frame(const std::string& content = {}) {
  auto frame = "\xFF\xFB\x90\x00"s + content;
  frame.resize(417, '\0');
  return frame;
}
std::string repeated(const std::string& text, int times) {
  std::string out;
  while (times-- > 0) out += text;
  return out;
}

std::string box(const std::string& kind, const std::string& content) {
  return big(content.size() + 8, 4) + kind + content;
}
std::string tkhd(int width, int height, bool turned = false) {
  const auto one = big(0x10000, 4);
  const auto none = big(0, 4);
  const auto matrix = turned ? none + one + none + one + none + none + none + none + big(0x40000000, 4)
                             : one + none + none + none + one + none + none + none + big(0x40000000, 4);
  return box("tkhd", std::string(40, '\0') + matrix + big(width << 16, 4) + big(height << 16, 4));
}
std::string moov(const std::string& track_header, std::uint64_t ms) {
  const auto mvhd = box("mvhd", std::string(12, '\0') + big(1000, 4) + big(ms, 4) + std::string(80, '\0'));
  return box("moov", mvhd + box("trak", track_header));
}
std::string ftyp(const std::string& brand) {
  return box("ftyp", brand + std::string(4, '\0') + "isommp41");
}

void check_size(const std::string& bytes, Format format, std::uint32_t width, std::uint32_t height) {
  const auto facts = facts_of(bytes);
  CHECK(facts.format == format);
  CHECK(facts.width == width);
  CHECK(facts.height == height);
}
void check_duration(const std::string& bytes, Format format, int ms) {
  const auto facts = facts_of(bytes);
  CHECK(facts.format == format);
  CHECK(facts.duration.count() == ms);
}

}  // namespace

TEST_CASE("facts: images tell their size") {
  check_size(jpeg(640, 480), Format::jpeg, 640, 480);
  check_size(png(320, 200), Format::png, 320, 200);
  check_size("GIF89a" + little(11, 2) + little(7, 2) + "...", Format::gif, 11, 7);
  check_size(bmp(100, 50), Format::bmp, 100, 50);
  check_size(bmp(100, -50), Format::bmp, 100, 50);
  check_size(webp("VP8X", "\0\0\0\0"s + little(1919, 3) + little(1079, 3)), Format::webp, 1920, 1080);
  check_size(webp("VP8L", "\x2F"s + little(99 | 49 << 14, 4)), Format::webp, 100, 50);
  check_size(webp("VP8 ", "\0\0\0\x9D\x01\x2A"s + little(176, 2) + little(144, 2)), Format::webp, 176, 144);
}

TEST_CASE("facts: an image that claims to be as large as no screen is not believed") {
  check_size(png(0x7FFFFFFF, 1), Format::png, 0, 0);
  check_size(png(5, 0), Format::png, 0, 0);
}

TEST_CASE("facts: AMR is as long as it has frames of 20 ms") {
  const auto frame = "\x3C"s + std::string(31, '\0');  // 12.2 kbit/s
  check_duration("#!AMR\n" + repeated(frame, 150), Format::amr, 3000);
  check_duration("#!AMR\n" + repeated(frame, 2) + frame.substr(0, 20), Format::amr, 40);
  check_duration("#!AMR\n" + frame + "\x48" + frame, Format::amr, 20);  // no such frame
  check_duration("#!AMR-WB\n" + repeated("\x04"s + std::string(17, '\0'), 50), Format::amr, 1000);
  check_duration("#!AMR\n", Format::amr, 0);
}

TEST_CASE("facts: MP3 by its frames, or by what its encoder noted") {
  check_duration(repeated(mp3_frame(), 100), Format::mp3, 2612);
  check_duration("ID3\x04\0\0\0\0\x01\x00"s + std::string(128, 'x') + repeated(mp3_frame(), 100), Format::mp3,
                 2612);
  check_duration(repeated(mp3_frame(), 100) + "TAG and a title", Format::mp3, 2612);
  const auto xing = mp3_frame(std::string(32, '\0') + "Xing" + big(1, 4) + big(1000, 4));
  check_duration(xing + repeated(mp3_frame(), 3), Format::mp3, 26122);
  const auto absurd = mp3_frame(std::string(32, '\0') + "Xing" + big(1, 4) + big(0xFFFFFFFF, 4));
  check_duration(absurd + mp3_frame(), Format::mp3, 0);
}

TEST_CASE("facts: text that looks like a frame for a moment is no MP3") {
  CHECK(facts_of("\xFF\xFB\x90\x00 but nothing follows"s).format == Format::unknown);
  CHECK(facts_of("x" + repeated(mp3_frame(), 3)).format == Format::unknown);
}

TEST_CASE("facts: WAV and Speex tell their length") {
  const auto fmt = "fmt "s + little(16, 4) + little(1, 2) + little(1, 2) + little(8000, 4) +
                   little(16000, 4) + little(2, 2) + little(16, 2);
  check_duration("RIFF....WAVE"s + fmt + "data" + little(32000, 4) + std::string(32000, '\0'), Format::wav,
                 2000);
  check_duration("RIFF....WAVE"s + fmt + "data" + little(0xFFFFFFFF, 4) + std::string(16000, '\0'),
                 Format::wav, 1000);
  const auto page = [](std::uint64_t samples) {
    return "OggS\0\0"s + little(samples, 8) + std::string(14, '\0');
  };
  const auto head = "Speex   "s + std::string(28, '\0') + little(16000, 4) + std::string(40, '\0');
  check_duration(page(0) + head + page(32000) + "packets", Format::speex, 2000);
}

TEST_CASE("facts: MP4 tells size and length, wherever its index lies") {
  const auto index = moov(tkhd(1280, 720), 12'345);
  for (const auto& bytes :
       {ftyp("isom") + index + box("mdat", "frames"), ftyp("mp42") + box("mdat", "frames") + index}) {
    check_size(bytes, Format::mp4, 1280, 720);
    check_duration(bytes, Format::mp4, 12'345);
  }
  check_size(ftyp("isom") + moov(tkhd(1280, 720, true), 1), Format::mp4, 720, 1280);
  check_duration(ftyp("M4A ") + moov(tkhd(0, 0), 2000), Format::m4a, 2000);
  check_duration(ftyp("isom") + moov(tkhd(0, 0), 2000), Format::m4a, 2000);
  CHECK(facts_of(ftyp("heic") + index).format == Format::unknown);
}

TEST_CASE("facts: an MP4 whose boxes lie about their size ends the search, no more") {
  check_size(ftyp("isom") + big(1, 4) + "moov" + big(~0ULL, 8), Format::mp4, 0, 0);
  check_size(ftyp("isom") + big(7, 4) + "moov", Format::mp4, 0, 0);
  check_size(ftyp("isom") + big(0, 4) + "free", Format::mp4, 0, 0);
}

TEST_CASE("facts: what is cut anywhere, or spoilt, is read without harm") {
  const auto whole = {jpeg(4, 3),
                      png(4, 3),
                      bmp(4, 3),
                      webp("VP8X", std::string(10, '\0')),
                      repeated(mp3_frame(), 3),
                      ftyp("isom") + moov(tkhd(4, 3), 9),
                      "#!AMR\n" + repeated("\x3C"s + std::string(31, '\0'), 3)};
  for (const auto& bytes : whole) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      facts_of(std::string_view(bytes).substr(0, i));
      auto spoilt = bytes;
      spoilt[i] = '\xFF';
      facts_of(spoilt);
    }
  }
  CHECK(facts_of("").format == Format::unknown);
  CHECK(facts_of("{\"errcode\":40007}").format == Format::unknown);
}

TEST_CASE("facts: names and types of formats") {
  CHECK(is_image(Format::webp));
  CHECK_FALSE(is_image(Format::mp4));
  CHECK(is_sound(Format::m4a));
  CHECK_FALSE(is_sound(Format::unknown));
  CHECK(mime_type(Format::mp3) == "audio/mpeg");
  CHECK(extension(Format::unknown) == "bin");
  CHECK(format_of_extension("jpg") == Format::jpeg);
  CHECK(format_of_extension("exe") == Format::unknown);
}
