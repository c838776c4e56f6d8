// Parsing JSON that strangers wrote, without exceptions, in time that grows with its length.
//
// nlohmann's parser callback is not used for this: it makes the parser search the whole parent at the end of
// every object, so that a list of n objects costs n² steps.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

namespace kefu {

struct JsonLimits {
  int depth = 32;  // how many objects and lists may stand in each other; deeper ones overflow the stack later
  std::size_t values =
      static_cast<std::size_t>(-1);  // how many values there may be, lists and objects included
};

// Nothing when the text is not JSON, or exceeds the limits.
std::optional<nlohmann::json> parse_json(std::string_view text, const JsonLimits& limits);
// The same with the members in their order. An object of n members costs n² steps here, so `limits.values`
// has to be small.
std::optional<nlohmann::ordered_json> parse_ordered_json(std::string_view text, const JsonLimits& limits);

}  // namespace kefu
