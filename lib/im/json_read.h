// Reading JSON that strangers wrote, without exceptions or silent conversions (PITFALLS, nlohmann/json).
// Private to lib/im.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace kefu::im {

inline constexpr int kDepthMax = 32;

// Nothing when it is not a JSON object, or nested deeper than that.
std::optional<nlohmann::json> parse_object(std::string_view text, int depth_max = kDepthMax);
// The same, but bad UTF-8 and lone surrogates (\ud83d) become U+FFFD: one cut character in a text must not
// cost the whole message.
std::optional<nlohmann::json> parse_mended_object(std::string_view text, int depth_max = kDepthMax);

// The member, or null.
const nlohmann::json* member(const nlohmann::json& object, const char* key);

// Numbers may come as quoted strings (reference: IM §4.5). Nothing when missing, of another kind, or out of
// the type's range.
std::optional<std::int64_t> read_integer(const nlohmann::json& object, const char* key);
std::optional<std::uint32_t> read_u32(const nlohmann::json& object, const char* key);

// A string, or an integer in decimal; empty when missing or of another kind. Clean UTF-8.
std::string read_text(const nlohmann::json& object, const char* key);

}  // namespace kefu::im
