#include "sandbox/json_read.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "lib/base/json.h"

namespace kefu::sandbox {

using nlohmann::json;

std::optional<json> parse_object(std::string_view text) {
  auto value = parse_json(text, {});
  if (!value || !value->is_object()) return std::nullopt;
  return value;
}

const json* member(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::optional<std::string> read_text(const json& object, const char* key) {
  const json* value = member(object, key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

std::optional<std::int64_t> read_integer(const json& object, const char* key) {
  const json* value = member(object, key);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  if (value->is_number_unsigned() && value->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    return std::nullopt;
  }
  return value->get<std::int64_t>();
}

std::optional<std::uint32_t> read_u32(const json& object, const char* key) {
  const auto value = read_integer(object, key);
  if (!value || *value < 0 || *value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

bool read_flag(const json& object, const char* key) {
  const json* value = member(object, key);
  if (value == nullptr) return false;
  return value->is_boolean() ? value->get<bool>() : read_integer(object, key) == 1;
}

std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace kefu::sandbox
