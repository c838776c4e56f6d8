// Time is passed in. Deciding code takes a Timestamp; only shells ask a Clock, and the system's clocks are
// read in clock.cpp alone.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace kefu {

using Millis = std::chrono::milliseconds;

// Unix milliseconds.
struct Timestamp {
  std::int64_t ms = 0;
  auto operator<=>(const Timestamp&) const = default;
};

constexpr Timestamp operator+(Timestamp at, Millis by) {
  return {at.ms + by.count()};
}
constexpr Timestamp operator-(Timestamp at, Millis by) {
  return {at.ms - by.count()};
}
constexpr Millis operator-(Timestamp later, Timestamp earlier) {
  return Millis(later.ms - earlier.ms);
}

// Unix time as it was at the first call plus what has passed since: never steps back within a process,
// whatever is done to the system's clock. For queues, timers, leases. Thread-safe.
Timestamp steady_now();

// What the system's clock says. For signatures that the other side checks against its own clock. Thread-safe.
Timestamp wall_now();

}  // namespace kefu
