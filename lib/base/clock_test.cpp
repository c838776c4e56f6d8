#include "lib/base/clock.h"

#include <doctest/doctest.h>

#include <limits>

using namespace kefu;

namespace {
constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
}  // namespace

TEST_CASE("times add up, and stop at the ends of their range instead of wrapping") {
  CHECK((Timestamp{7} + Millis(3)).ms == 10);
  CHECK((Timestamp{7} - Millis(9)).ms == -2);
  CHECK((Timestamp{7} - Timestamp{9}).count() == -2);
  CHECK((Timestamp{kMost - 1} + Millis(2)).ms == kMost);
  CHECK((Timestamp{kMost} + Millis(kMost)).ms == kMost);
  CHECK((Timestamp{kLeast + 1} + Millis(-2)).ms == kLeast);
  CHECK((Timestamp{kLeast} - Millis(1)).ms == kLeast);
  CHECK((Timestamp{5} - Millis(kLeast)).ms == kMost);
  CHECK((Timestamp{-5} - Millis(kMost)).ms == kLeast);
  CHECK((Timestamp{kMost} - Millis(-1)).ms == kMost);
  CHECK((Timestamp{kMost} - Timestamp{kLeast}).count() == kMost);
  CHECK((Timestamp{kLeast} - Timestamp{kMost}).count() == kLeast);
}
