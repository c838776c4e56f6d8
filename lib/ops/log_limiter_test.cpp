#include "lib/ops/log_limiter.h"

#include <doctest/doctest.h>

using namespace kefu;
using namespace std::chrono_literals;

namespace {

constexpr Timestamp kStart{1'700'000'000'000};

}  // namespace

TEST_CASE("log limiter: the first line goes at once, those of the same minute are counted for the next one") {
  log::LogLimiter limiter;
  CHECK(limiter.admit("signature", kStart) == 0);
  for (int i = 1; i <= 5; ++i) CHECK_FALSE(limiter.admit("signature", kStart + i * 10s));
  CHECK_FALSE(limiter.admit("signature", kStart + 59'999ms));
  CHECK(limiter.admit("signature", kStart + 60s) == 6);
  CHECK_FALSE(limiter.admit("signature", kStart + 61s));
  CHECK(limiter.admit("signature", kStart + 10min) == 1);
  CHECK(limiter.admit("signature", kStart + 20min) == 0);
}

TEST_CASE("log limiter: keys do not hold each other back") {
  log::LogLimiter limiter;
  CHECK(limiter.admit("signature", kStart) == 0);
  CHECK(limiter.admit("sdkappid", kStart) == 0);
  CHECK_FALSE(limiter.admit("signature", kStart));
}

TEST_CASE("log limiter: what was left out is told after a minute, also when nothing follows") {
  log::LogLimiter limiter;
  limiter.admit("late", kStart);
  limiter.admit("late", kStart + 1s);
  limiter.admit("late", kStart + 2s);
  CHECK(limiter.overdue(kStart + 59s).empty());
  const auto overdue = limiter.overdue(kStart + 60s);
  REQUIRE(overdue.size() == 1);
  CHECK(overdue[0].key == "late");
  CHECK(overdue[0].count == 2);
  CHECK(limiter.overdue(kStart + 10min).empty());
}

TEST_CASE("log limiter: a stranger who invents keys fills neither the memory nor the log") {
  log::LogLimiter limiter(1min, 3);
  for (const auto* key : {"a", "b", "c"}) CHECK(limiter.admit(key, kStart) == 0);
  CHECK(limiter.admit("d", kStart) == 0);  // the first of the others
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(limiter.admit(std::to_string(i), kStart));
  const auto overdue = limiter.overdue(kStart + 1min);
  REQUIRE(overdue.size() == 1);
  CHECK(overdue[0].key == log::LogLimiter::kOtherKeys);
  CHECK(overdue[0].count == 1000);
}

TEST_CASE("log limiter: keys with nothing left to tell make room for new ones") {
  log::LogLimiter limiter(1min, 2);
  limiter.admit("a", kStart);
  limiter.admit("b", kStart);
  CHECK(limiter.admit("c", kStart + 1min) == 0);
  CHECK(limiter.admit("d", kStart + 1min) == 0);
  CHECK_FALSE(limiter.admit("c", kStart + 1min));
}

TEST_CASE("log limiter: a clock that was set back holds no line back for longer than an interval") {
  log::LogLimiter limiter;
  limiter.admit("late", kStart);
  CHECK(limiter.admit("late", kStart - 1h) == 0);
  CHECK_FALSE(limiter.admit("late", kStart - 1h + 59s));
  CHECK(limiter.admit("late", kStart - 1h + 60s) == 1);
}
