#include "lib/base/utf8.h"

#include <algorithm>
#include <cassert>
#include <cstdint>

#include "lib/base/grapheme.h"

namespace kefu {
namespace {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;  // 0: no valid sequence begins here
};

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Length and lowest value of the sequence that `lead` begins; length 0 when nothing begins so (RFC 3629 §4).
struct Shape {
  std::size_t bytes;
  char32_t lowest;
};

Shape shape_of(unsigned char lead) {
  if (lead < 0x80) return {1, 0};
  if (lead >= 0xC2 && lead < 0xE0) return {2, 0x80};
  if (lead >= 0xE0 && lead < 0xF0) return {3, 0x800};
  if (lead >= 0xF0 && lead < 0xF5) return {4, 0x10000};
  return {0, 0};
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// The code point at the front of `text`. REQUIRES: not empty.
CodePoint read(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const Shape shape = shape_of(lead);
  if (shape.bytes == 1) return {lead, 1};
  if (shape.bytes == 0 || text.size() < shape.bytes) return {};
  char32_t value = lead & (0x7F >> shape.bytes);
  for (std::size_t i = 1; i < shape.bytes; ++i) {
    if (!is_continuation(text[i])) return {};
    value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < shape.lowest || value > 0x10FFFF || surrogate) return {};
  return {value, shape.bytes};
}

// How many bytes one U+FFFD stands for: the longest beginning of a valid sequence, as the Unicode standard
// recommends (§3.9).
std::size_t bad_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const Shape shape = shape_of(lead);
  if (shape.bytes < 2 || text.size() < 2 || !is_continuation(text[1])) return 1;
  const auto second = static_cast<unsigned char>(text[1]);
  const bool second_fits = !(lead == 0xE0 && second < 0xA0) && !(lead == 0xED && second > 0x9F) &&
                           !(lead == 0xF0 && second < 0x90) && !(lead == 0xF4 && second > 0x8F);
  if (!second_fits) return 1;
  std::size_t bytes = 2;
  while (bytes < shape.bytes && bytes < text.size() && is_continuation(text[bytes])) ++bytes;
  return bytes;
}

bool is_unwanted_control(char32_t c) {
  return c < 0x20 && c != '\t' && c != '\n' && c != '\r';
}

// Bytes of what a person sees as one character at the front of `text`.
std::size_t character_bytes(std::string_view text) {
  grapheme::Breaks breaks;
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const CodePoint next = read(text.substr(bytes));
    if (breaks.begins(next.value) && bytes > 0) break;
    bytes += next.bytes;
  }
  return bytes;
}

// The most whole code points that fit, for a character that is longer than a part may be.
std::size_t fitting_code_points(std::string_view text, std::size_t bytes_max) {
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const std::size_t next = read(text.substr(bytes)).bytes;
    if (bytes + next > bytes_max) break;
    bytes += next;
  }
  return bytes;
}

// Bytes of the next part. REQUIRES: text not empty.
std::size_t part_bytes(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text.size();
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const std::size_t next = character_bytes(text.substr(bytes));
    if (bytes + next > bytes_max) break;
    bytes += next;
  }
  return bytes > 0 ? bytes : fitting_code_points(text, bytes_max);
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = read(text).bytes;
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string clean_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto plain = static_cast<std::size_t>(
        std::find_if(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) < 0x20; }) -
        text.begin());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const CodePoint next = read(text);
    if (next.bytes == 0) {
      out += kReplacement;
      text.remove_prefix(bad_bytes(text));
      continue;
    }
    if (!is_unwanted_control(next.value)) out += text.substr(0, next.bytes);
    text.remove_prefix(next.bytes);
  }
  return out;
}

std::vector<std::string> split_utf8(std::string_view text, std::size_t bytes_max) {
  assert(bytes_max >= 4);
  assert(is_valid_utf8(text));
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t bytes = part_bytes(text, bytes_max);
    if (bytes == 0) break;  // only when the caller broke the requirements
    parts.emplace_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return parts;
}

}  // namespace kefu
