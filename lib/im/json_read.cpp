#include "lib/im/json_read.h"

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "lib/base/utf8.h"

namespace kefu::im {

using nlohmann::json;

namespace {

constexpr int kDepthMax = 32;

std::optional<std::int64_t> decimal(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<json> parse_json(std::string_view text) {
  bool too_deep = false;
  auto parsed = json::parse(
      text.begin(), text.end(),
      [&](int depth, json::parse_event_t event, json&) {
        const bool opens =
            event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
        too_deep = too_deep || (opens && depth >= kDepthMax);
        return !too_deep;
      },
      false);
  if (too_deep || parsed.is_discarded()) return std::nullopt;
  return parsed;
}

std::optional<json> parse_object(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  return parsed;
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
