#include "gateway/queue/pacer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <random>

using namespace kefu;
using namespace kefu::queue;

namespace {

constexpr Timestamp kStart{1'700'000'000'000};
constexpr Millis kStall{120};  // of a disk or a busy machine

// A cloud that takes so many calls in any second, wherever it begins, and refuses the others.
struct Cloud {
  std::size_t limit;
  std::deque<Timestamp> last_second{};
  int taken = 0;
  int refused = 0;

  bool call(Timestamp at) {
    while (!last_second.empty() && at - last_second.front() >= Millis(1000)) last_second.pop_front();
    if (last_second.size() >= limit) {
      ++refused;
      return false;
    }
    last_second.push_back(at);
    ++taken;
    return true;
  }
};

// As much as may go, from a loop that wakes up late by up to `late`, and now and then much more.
void run(Pacer& pacer, Cloud& cloud, Timestamp from, Millis time, Millis late, unsigned seed) {
  std::mt19937 random(seed);
  for (Timestamp now = from; now < from + time;) {
    while (pacer.may_go(Kind::message, now)) {
      pacer.went(Kind::message, now);
      if (!cloud.call(now)) pacer.throttled(Kind::message, now);
    }
    Millis lateness{std::uniform_int_distribution<std::int64_t>(0, late.count())(random)};
    if (std::uniform_int_distribution<>(1, 1000)(random) <= 2) lateness += kStall;
    now = std::max(now + Millis(1), pacer.next(Kind::message)) + lateness;
  }
}

}  // namespace

TEST_CASE("a limit is used to 98 % and never exceeded, in whatever second the cloud counts") {
  for (const std::size_t limit : {10U, 100U, 200U, 1000U}) {
    CAPTURE(limit);
    Pacer pacer({static_cast<double>(limit), 0, 0, 0});
    Cloud cloud{limit};
    run(pacer, cloud, kStart, Millis(60'000), Millis(8), 1);
    CHECK(cloud.refused == 0);
    CHECK(cloud.taken >= static_cast<int>(limit) * 60 * 98 / 100);
  }
}

TEST_CASE("after a rest there is no burst that the cloud would refuse") {
  Pacer pacer({200, 0, 0, 0});
  Cloud cloud{200};
  for (int round = 0; round < 20; ++round)
    run(pacer, cloud, kStart + Millis(3700 * round), Millis(1500), Millis(3), 2);
  CHECK(cloud.refused == 0);
}

TEST_CASE("without a limit everything may go") {
  Pacer pacer;
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(pacer.may_go(Kind::reply, kStart));
    pacer.went(Kind::reply, kStart);
  }
  CHECK(pacer.rate(Kind::reply, kStart) == 0);
}

TEST_CASE("kinds have their own pace") {
  Pacer pacer({1, 1, 0, 0});
  pacer.went(Kind::message, kStart);
  CHECK_FALSE(pacer.may_go(Kind::message, kStart + Millis(500)));
  CHECK(pacer.may_go(Kind::import_account, kStart));
}

TEST_CASE("calls beyond the first are paid for by waiting") {
  Pacer pacer({100, 0, 0, 0});
  pacer.went(Kind::message, kStart, 200);
  CHECK_FALSE(pacer.may_go(Kind::message, kStart + Millis(1700)));
  CHECK(pacer.may_go(Kind::message, kStart + Millis(2000)));
}

TEST_CASE("a throttle answer lowers the rate for a while, then it climbs back") {
  Pacer pacer({200, 0, 0, 0});
  const double full = pacer.rate(Kind::message, kStart);
  pacer.throttled(Kind::message, kStart);
  CHECK(pacer.rate(Kind::message, kStart) == doctest::Approx(full * 0.7));
  SUBCASE("the other answers of the same burst change nothing") {
    for (int i = 0; i < 50; ++i) pacer.throttled(Kind::message, kStart + Millis(i));
    CHECK(pacer.rate(Kind::message, kStart + Millis(50)) == doctest::Approx(full * 0.7));
  }
  SUBCASE("and it climbs back to the whole") {
    CHECK(pacer.rate(Kind::message, kStart + Millis(7000)) == doctest::Approx(full * 0.8));
    CHECK(pacer.rate(Kind::message, kStart + Millis(60'000)) == doctest::Approx(full));
  }
  SUBCASE("however often, something still goes") {
    for (int i = 0; i < 50; ++i) pacer.throttled(Kind::message, kStart + Millis(3000 * i));
    CHECK(pacer.rate(Kind::message, kStart + Millis(150'000)) >= 3);
  }
}

TEST_CASE("a cloud that allows less than the settings say is found out and kept to") {
  Pacer pacer({200, 0, 0, 0});
  Cloud cloud{50};  // others use the rest
  run(pacer, cloud, kStart, Millis(300'000), Millis(2), 3);
  CHECK(cloud.taken > 300 * 50 / 2);
  CHECK(cloud.refused < cloud.taken / 2);
}
