#include "gateway/sweeper.h"

#include <doctest/doctest.h>

#include <string>

using namespace kefu;
using namespace std::chrono_literals;

namespace {

const OpenId kAlice("oAlice");
constexpr Timestamp kStart{1'700'000'000'000};
constexpr Millis kBeforeFirst = 60s + Sweeper::kOverlap;

}  // namespace

TEST_CASE("an active conversation is asked about every so often, one question at a time") {
  Sweeper sweeper(60s);
  sweeper.active(kAlice, {}, kStart);
  CHECK_FALSE(sweeper.next(kStart + 59s));
  const auto first = sweeper.next(kStart + 60s);
  REQUIRE(first);
  CHECK(first->since == kStart - kBeforeFirst);
  CHECK_FALSE(sweeper.next(kStart + 1h));  // under way
  sweeper.active(kAlice, kStart, kStart + 61s);
  CHECK_FALSE(sweeper.next(kStart + 1h));
  sweeper.ended(kAlice, true, kStart + 62s);
  CHECK(sweeper.next_due() == kStart + 122s);
  REQUIRE(sweeper.next(kStart + 122s));
}

TEST_CASE("it goes on for a while after the last word, and begins again where that was") {
  Sweeper sweeper(60s);
  sweeper.active(kAlice, {}, kStart);
  Timestamp now = kStart;
  int asked = 0;
  for (; sweeper.size() > 0 && asked < 100; now = now + 1s) {
    if (!sweeper.next(now)) continue;
    ++asked;
    sweeper.ended(kAlice, true, now);
  }
  CHECK(asked == 16);
  sweeper.active(kAlice, kStart, now + 1h);
  CHECK(sweeper.next(now + 2h)->since == kStart - kBeforeFirst);
}

TEST_CASE(
    "a question that was answered is not asked for the same time again, but for the clocks' difference") {
  Sweeper sweeper(60s);
  sweeper.active(kAlice, {}, kStart);
  sweeper.active(kAlice, {}, kStart + 29min);
  sweeper.next(kStart + 30min);
  sweeper.ended(kAlice, true, kStart + 30min);
  CHECK(sweeper.next(kStart + 31min)->since == kStart + 30min - Sweeper::kOverlap);
  sweeper.ended(kAlice, false, kStart + 31min);
  CHECK(sweeper.next(kStart + 32min)->since == kStart + 30min - Sweeper::kOverlap);
}

TEST_CASE("after a start all are asked about at once, from their last word, and the idle ones once") {
  Sweeper sweeper(60s);
  sweeper.restore(kAlice, kStart - 20h, kStart);
  const auto due = sweeper.next(kStart);
  REQUIRE(due);
  CHECK(due->since == kStart - 20h - kBeforeFirst);
  SUBCASE("answered") {
    sweeper.ended(kAlice, true, kStart);
  }
  SUBCASE("never answered") {
    for (int i = 1; i < Sweeper::kTries; ++i) {
      sweeper.ended(kAlice, false, kStart);
      CHECK(sweeper.next(kStart + 1h));
    }
    sweeper.ended(kAlice, false, kStart);
  }
  CHECK(sweeper.size() == 0);
}

TEST_CASE("after a start it looks back as far as the last question may have been from the last word") {
  const auto since = [](Millis every) {
    Sweeper sweeper(every);
    sweeper.restore(kAlice, kStart - 1h, kStart);
    return sweeper.next(kStart)->since;
  };
  CHECK(since(1s) == kStart - 1h - 60s - Sweeper::kOverlap);
  CHECK(since(5min) == kStart - 1h - 5min - Sweeper::kOverlap);
}

TEST_CASE("those that have waited longest come first, and nobody is asked about twice") {
  Sweeper sweeper(60s);
  for (int i = 0; i < 100'000; ++i) sweeper.active(OpenId("o" + std::to_string(i)), {}, kStart + Millis(i));
  const Timestamp later = kStart + 10min;
  CHECK(sweeper.next(later)->customer == OpenId("o0"));
  CHECK(sweeper.next(later)->customer == OpenId("o1"));
  CHECK(sweeper.size() == 100'000);
}

TEST_CASE("switched off it keeps nothing") {
  Sweeper sweeper(0s);
  sweeper.active(kAlice, {}, kStart);
  sweeper.restore(kAlice, kStart, kStart);
  CHECK(sweeper.size() == 0);
  CHECK_FALSE(sweeper.next_due());
}
