#include "sandbox/rate_limits.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace kefu::sandbox {
namespace {

constexpr Timestamp kNow{1'735'689'600'000};

RateLimits::Row row_of(const RateLimits& limits, std::string_view api) {
  const auto rows = limits.rows();
  const auto row = std::find_if(rows.begin(), rows.end(), [api](const auto& one) { return one.api == api; });
  REQUIRE(row != rows.end());
  return *row;
}

}  // namespace

TEST_CASE("IM takes as many calls in a second as it says") {
  RateLimits limits;
  for (int i = 0; i < 200; ++i) CHECK(limits.admit("im", "sendmsg", kNow + Millis(i)));
  CHECK_FALSE(limits.admit("im", "sendmsg", kNow + Millis(999)));
  CHECK(limits.admit("im", "sendmsg", kNow + Millis(1000)));
  CHECK(limits.admit("im", "account_import", kNow + Millis(999)));  // counts by itself
  CHECK(row_of(limits, "multiaccount_import").per_second == 100);

  const auto row = row_of(limits, "sendmsg");
  CHECK(row.used == 201);
  CHECK(row.refused == 1);
  REQUIRE(row.seconds.size() == 2);
  CHECK(row.seconds[0].at_s == kNow.ms / 1000);
  CHECK(row.seconds[0].used == 200);
  CHECK(row.seconds[0].refused == 1);
  CHECK(row.seconds[1].used == 1);
}

TEST_CASE("a limit can be set, and taken away") {
  RateLimits limits;
  limits.set("im", "sendmsg", 1);
  CHECK(limits.admit("im", "sendmsg", kNow));
  CHECK_FALSE(limits.admit("im", "sendmsg", kNow));
  limits.set("im", "sendmsg", std::nullopt);
  for (int i = 0; i < 1000; ++i) REQUIRE(limits.admit("im", "sendmsg", kNow));
  CHECK(limits.admit("wechat", "custom_send", kNow));  // has none of its own
  limits.set("wechat", "custom_send", 1);
  CHECK_FALSE(limits.admit("wechat", "custom_send", kNow));

  limits.reset();
  CHECK(row_of(limits, "sendmsg").per_second == 200);
  CHECK(row_of(limits, "sendmsg").used == 0);
  CHECK(limits.admit("wechat", "custom_send", kNow));
}

TEST_CASE("what was counted long ago is forgotten second by second, the sums stay") {
  RateLimits limits;
  for (int i = 0; i < 4000; ++i) limits.admit("im", "sendmsg", kNow + Millis(1000 * i));
  const auto row = row_of(limits, "sendmsg");
  CHECK(row.seconds.size() == 3600);
  CHECK(row.seconds.back().at_s == kNow.ms / 1000 + 3999);
  CHECK(row.used == 4000);
}

}  // namespace kefu::sandbox
