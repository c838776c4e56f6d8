// Reading JSON that strangers wrote, without exceptions or silent conversions (PITFALLS §7). Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace kefu::sandbox {

// Nothing when it is no JSON object, or nested deeper than 32.
std::optional<nlohmann::json> parse_object(std::string_view text);

// The member, or null.
const nlohmann::json* member(const nlohmann::json& object, const char* key);

// Nothing when missing or of another kind.
std::optional<std::string> read_text(const nlohmann::json& object, const char* key);
std::optional<std::int64_t> read_integer(const nlohmann::json& object, const char* key);
std::optional<std::uint32_t> read_u32(const nlohmann::json& object, const char* key);
bool read_flag(const nlohmann::json& object, const char* key);  // true or 1

// Raw UTF-8 on one line; bad bytes become U+FFFD.
std::string dumped(const nlohmann::json& value);

}  // namespace kefu::sandbox
