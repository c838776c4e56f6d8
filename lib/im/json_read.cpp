#include "lib/im/json_read.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "lib/base/json.h"
#include "lib/base/utf8.h"

namespace kefu::im {

using nlohmann::json;

namespace {

constexpr std::size_t kEscapedUnitBytes = 6;  // \uXXXX

std::optional<std::int64_t> decimal(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The UTF-16 unit that `text` begins with as \uXXXX; nothing when it begins otherwise.
std::optional<std::uint32_t> escaped_unit(std::string_view text) {
  if (text.size() < kEscapedUnitBytes || text.substr(0, 2) != "\\u") return std::nullopt;
  const auto digits = text.substr(2, kEscapedUnitBytes - 2);
  std::uint32_t unit = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
  if (problem != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return unit;
}

bool is_high_surrogate(std::optional<std::uint32_t> unit) {
  return unit && *unit >= 0xD800 && *unit <= 0xDBFF;
}
bool is_low_surrogate(std::optional<std::uint32_t> unit) {
  return unit && *unit >= 0xDC00 && *unit <= 0xDFFF;
}

// Half a character, escaped as \uD800 to \uDFFF without its other half, becomes \ufffd: the parser would
// refuse the whole text for it. Backslashes stand in strings only, so nobody has to know where a string
// begins.
std::string mend_surrogates(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto unit = escaped_unit(text);
    std::size_t bytes = unit ? kEscapedUnitBytes : 1;
    if (!unit && text.front() == '\\') bytes = std::min<std::size_t>(2, text.size());
    const bool whole =
        is_high_surrogate(unit) && is_low_surrogate(escaped_unit(text.substr(kEscapedUnitBytes)));
    if (whole) bytes = 2 * kEscapedUnitBytes;
    const bool half = !whole && (is_high_surrogate(unit) || is_low_surrogate(unit));
    out += half ? std::string_view("\\ufffd") : text.substr(0, bytes);
    text.remove_prefix(bytes);
  }
  return out;
}

}  // namespace

std::optional<json> parse_object(std::string_view text, int depth_max) {
  auto parsed = kefu::parse_json(text, {depth_max});
  if (!parsed || !parsed->is_object()) return std::nullopt;
  return parsed;
}

std::optional<json> parse_mended_object(std::string_view text, int depth_max) {
  return parse_object(mend_surrogates(clean_utf8(text)), depth_max);
}

const json* member(const json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::optional<std::int64_t> read_integer(const json& object, const char* key) {
  const auto* value = member(object, key);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return decimal(value->get_ref<const std::string&>());
  if (!value->is_number_integer()) return std::nullopt;
  const bool too_large =
      value->is_number_unsigned() &&
      value->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (too_large) return std::nullopt;
  return value->get<std::int64_t>();
}

std::optional<std::uint32_t> read_u32(const json& object, const char* key) {
  const auto value = read_integer(object, key);
  if (!value || *value < 0 || *value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

std::string read_text(const json& object, const char* key) {
  const auto* value = member(object, key);
  if (value != nullptr && value->is_string()) return clean_utf8(value->get_ref<const std::string&>());
  const auto number = read_integer(object, key);
  return number ? std::to_string(*number) : std::string();
}

}  // namespace kefu::im
