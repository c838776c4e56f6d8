// Fields of the gateway's JSON as cells of a table. What is not there shows as "-".
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "kefuctl/printable.h"
#include "kefuctl/table.h"

namespace kefu::ctl {

// Discarded when it is no JSON.
inline nlohmann::json parse(std::string_view text) {
  return nlohmann::json::parse(text, nullptr, false);
}

// Strings as they are (made printable), anything else as JSON.
inline std::string cell(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return "-";
  const auto field = object.find(key);
  if (field == object.end() || field->is_null()) return "-";
  if (!field->is_string())
    return printable(field->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  const std::string text = printable(field->get_ref<const std::string&>());
  return text.empty() ? "-" : text;
}

inline std::int64_t number(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return 0;
  const auto field = object.find(key);
  return field == object.end() || !field->is_number() ? 0 : field->get<std::int64_t>();
}

inline std::string age_cell(const nlohmann::json& object, const char* key) {
  const auto milliseconds = number(object, key);
  return milliseconds == 0 ? "-" : format_age(milliseconds);
}

inline std::string time_cell(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return "-";
  const auto field = object.find(key);
  return field == object.end() || !field->is_number() ? "-" : format_time(field->get<std::int64_t>());
}

// The array under `key`, or an empty one. `object` must outlive it.
inline const nlohmann::json& rows_of(nlohmann::json&& object, const char* key) = delete;
inline const nlohmann::json& rows_of(const nlohmann::json& object, const char* key) {
  static const nlohmann::json kNone = nlohmann::json::array();
  if (!object.is_object()) return kNone;
  const auto field = object.find(key);
  return field != object.end() && field->is_array() ? *field : kNone;
}

}  // namespace kefu::ctl
