#include "kefuctl/printable.h"

#include <array>
#include <cstdio>
#include <functional>

#include "lib/base/utf8.h"

namespace kefu::ctl {
namespace {

bool steers(char32_t c) {
  const bool is_control = c < 0x20 || (c >= 0x7F && c <= 0x9F);
  const bool is_bidi = c == 0x61C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
                       (c >= 0x2066 && c <= 0x2069);
  return is_control || is_bidi || c == 0x2028 || c == 0x2029;
}

// Bytes of the character that begins at `at`; 0: it is not valid UTF-8.
std::size_t bytes_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (bytes < 2) return bytes;
  return is_valid_utf8(text.substr(at, bytes)) && at + bytes <= text.size() ? bytes : 0;
}

char32_t point_of(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return lead;
  char32_t point = lead & (0xFFU >> (character.size() + 1));
  for (const char c : character.substr(1)) point = (point << 6) | (static_cast<unsigned char>(c) & 0x3FU);
  return point;
}

std::string written(const char* format, char32_t value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), format, static_cast<unsigned>(value));
  return text.data();
}

// `show` says what stands for a character that steers, or for a byte that is not UTF-8.
std::string replaced(std::string_view text, const std::function<std::string(char32_t)>& show) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto bytes = bytes_at(text, at);
    if (bytes == 0) {
      clean += show(static_cast<unsigned char>(text[at++]));
      continue;
    }
    const auto character = text.substr(at, bytes);
    const auto point = point_of(character);
    clean += steers(point) ? show(point) : std::string(character);
    at += bytes;
  }
  return clean;
}

}  // namespace

std::string printable(std::string_view text) {
  return replaced(text, [](char32_t c) -> std::string {
    if (c == '\n' || c == '\t') return " ";
    return c < 0x100 ? written("\\x%02x", c) : written("\\u%04x", c);
  });
}

std::string printable_json(std::string_view json) {
  return replaced(json, [](char32_t c) -> std::string {
    const bool is_between_tokens = c == '\n' || c == '\r' || c == '\t';
    return is_between_tokens ? std::string(1, static_cast<char>(c)) : written("\\u%04x", c);
  });
}

}  // namespace kefu::ctl
