// Time is passed in. Deciding code takes a Timestamp; only shells ask a Clock, and the system's clocks are
// read in clock.cpp alone.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>

namespace kefu {

using Millis = std::chrono::milliseconds;

// Unix milliseconds.
struct Timestamp {
  std::int64_t ms = 0;
  auto operator<=>(const Timestamp&) const = default;
};

// What lies beyond the range of 64 bits is its nearest end: times come from workers, files and the system's
// clock, and any of them may be nonsense.
constexpr std::int64_t saturating_sum(std::int64_t a, std::int64_t b) {
  using Range = std::numeric_limits<std::int64_t>;
  if (b > 0 && a > Range::max() - b) return Range::max();
  if (b < 0 && a < Range::min() - b) return Range::min();
  return a + b;
}
constexpr std::int64_t saturating_difference(std::int64_t a, std::int64_t b) {
  using Range = std::numeric_limits<std::int64_t>;
  if (b < 0 && a > Range::max() + b) return Range::max();
  if (b > 0 && a < Range::min() + b) return Range::min();
  return a - b;
}

constexpr Timestamp operator+(Timestamp at, Millis by) {
  return {saturating_sum(at.ms, by.count())};
}
constexpr Timestamp operator-(Timestamp at, Millis by) {
  return {saturating_difference(at.ms, by.count())};
}
constexpr Millis operator-(Timestamp later, Timestamp earlier) {
  return Millis(saturating_difference(later.ms, earlier.ms));
}

// Unix time as it was at the first call plus what has passed since: never steps back within a process,
// whatever is done to the system's clock. For queues, timers, leases. Thread-safe.
Timestamp steady_now();

// What the system's clock says. For signatures that the other side checks against its own clock. Thread-safe.
Timestamp wall_now();

}  // namespace kefu
