#include "kefuctl/width.h"

#include <clocale>
#include <cwchar>
#include <utility>

namespace kefu::ctl {
namespace {

// The tables of Unicode's widths are those of the C library, which gives them by locale: ours is one that all
// systems have, not the one of the environment.
class Utf8Locale {
 public:
  Utf8Locale() : before_(::uselocale(utf8())) {}
  ~Utf8Locale() { ::uselocale(before_); }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  static locale_t utf8() {
    static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;  // none on a system without it: the locale stays, and all characters count alike
  }
  const locale_t before_;
};

// One character of UTF-8 at `at`: how many bytes it has, and which it is. A stray byte is one of its own.
std::pair<std::size_t, char32_t> character(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (length == 1 || at + length > text.size()) return {1, lead};
  char32_t point = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i)
    point = (point << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  return {length, point};
}

// REQUIRES: a Utf8Locale.
std::size_t columns_of_point(char32_t point) {
  if (point < 0x80) return 1;
  const int columns = ::wcwidth(static_cast<wchar_t>(point));
  return columns < 0 ? 1 : static_cast<std::size_t>(columns);
}

// Where the part ends that begins at `from` and takes at most so many columns.
std::size_t end_of_part(std::string_view text, std::size_t from, std::size_t columns) {
  const Utf8Locale locale;
  std::size_t used = 0;
  std::size_t at = from;
  while (at < text.size()) {
    const auto [length, point] = character(text, at);
    used += columns_of_point(point);
    if (used > columns) break;
    at += length;
  }
  return at;
}

}  // namespace

std::size_t columns_of(std::string_view text) {
  const Utf8Locale locale;
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto [length, point] = character(text, at);
    columns += columns_of_point(point);
    at += length;
  }
  return columns;
}

std::string fit(std::string_view line, std::size_t columns) {
  return std::string(line.substr(0, end_of_part(line, 0, columns)));
}

std::vector<std::string> wrap(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    auto end = end_of_part(text, at, columns);
    if (end == at) end = text.size();  // a character that is wider than a line
    const auto blank = text.rfind(' ', end);
    const bool breaks_a_word = end < text.size() && blank != std::string_view::npos && blank > at;
    if (breaks_a_word) end = blank;
    lines.emplace_back(text.substr(at, end - at));
    at = end;
    while (at < text.size() && text[at] == ' ') ++at;
  }
  return lines;
}

}  // namespace kefu::ctl
