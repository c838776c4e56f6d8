// The checksum of a journal's row for an event, kept beside it from format 3 on.
#pragma once

#include <cstdint>
#include <string_view>

namespace kefu {

// What does not change while the event moves from state to state.
struct EventColumns {
  std::int64_t id = 0;
  std::int64_t queue = 0;
  std::int64_t kind = 0;
  std::int64_t accepted_at = 0;
  std::int64_t reply = 0;
  std::string_view customer;
  std::string_view dedup;
  std::string_view source;
  std::string_view payload;
};

// CRC-32, 0 to 2^32-1. Columns cannot be shifted into each other: their lengths are part of it.
std::int64_t checksum_of(const EventColumns& row);

}  // namespace kefu
