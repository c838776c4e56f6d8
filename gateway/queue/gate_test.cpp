#include "gateway/queue/gate.h"

#include <doctest/doctest.h>

using namespace kefu;
using namespace kefu::queue;
using Allowance = Gate::Allowance;

namespace {
constexpr Timestamp kStart{1'000'000};
constexpr EventId kOne{1};
constexpr EventId kTwo{2};
}  // namespace

TEST_CASE("a gate is open until the destination cannot be used") {
  Gate gate;
  CHECK(gate.allowance(kStart) == Allowance::any);
  gate.unavailable(kOne, Millis(0), "connection refused", kStart);
  CHECK(gate.allowance(kStart) == Allowance::none);
  CHECK(gate.next_change(kStart) == kStart + Gate::kFirstPause);
  CHECK(gate.reason() == "connection refused");
}

TEST_CASE("after the pause one probe goes out and its success opens the gate") {
  Gate gate;
  gate.unavailable(kOne, Millis(0), "down", kStart);
  const Timestamp later = kStart + Gate::kFirstPause;
  REQUIRE(gate.allowance(later) == Allowance::one);
  gate.delivered(kTwo);
  CHECK(gate.allowance(later) == Allowance::none);
  gate.answered(kOne);  // an older delivery, not the probe
  CHECK(gate.allowance(later) == Allowance::none);
  gate.answered(kTwo);
  CHECK(gate.allowance(later) == Allowance::any);
}

TEST_CASE("a failing probe doubles the pause, up to the longest") {
  Gate gate;
  Timestamp now = kStart;
  gate.unavailable(kOne, Millis(0), "down", now);
  Millis pause = Gate::kFirstPause;
  for (int i = 0; i < 10; ++i) {
    now = now + pause;
    REQUIRE(gate.allowance(now) == Allowance::one);
    gate.delivered(kOne);
    gate.unavailable(kOne, Millis(0), "down", now);
    pause = std::min(pause * 2, Gate::kLongestPause);
    CHECK(gate.next_change(now) == now + pause);
  }
}

TEST_CASE("what the destination asks for is honoured, also from deliveries that were under way") {
  Gate gate;
  gate.unavailable(kOne, Millis(0), "throttled", kStart);
  gate.unavailable(kTwo, Millis(60000), "throttled", kStart);
  CHECK(gate.next_change(kStart) == kStart + Millis(60000));
}

TEST_CASE("a lost probe is replaced by another one") {
  Gate gate;
  gate.unavailable(kOne, Millis(0), "down", kStart);
  const Timestamp later = kStart + Gate::kFirstPause;
  gate.delivered(kOne);
  gate.not_tried(kOne);
  CHECK(gate.allowance(later) == Allowance::one);
}

TEST_CASE("an operator's pause holds whatever the destination says, and resuming opens the gate") {
  Gate gate;
  gate.pause();
  gate.unavailable(kOne, Millis(0), "down", kStart);
  CHECK(gate.allowance(kStart + Millis(3600000)) == Allowance::none);
  gate.resume();
  CHECK(gate.allowance(kStart) == Allowance::any);
}

TEST_CASE("failures of several customers close the gate, those of one do not") {
  Gate gate;
  for (int i = 0; i < 10; ++i) CHECK_FALSE(gate.failed(kOne, OpenId("alice"), "busy", kStart));
  CHECK_FALSE(gate.failed(kTwo, OpenId("bob"), "busy", kStart));
  CHECK(gate.allowance(kStart) == Allowance::any);
  CHECK(gate.failed(EventId{3}, OpenId("carol"), "busy", kStart));
  CHECK(gate.allowance(kStart) == Allowance::none);
  CHECK(gate.reason() == "calls fail for several customers: busy");
  const Timestamp later = kStart + Gate::kFirstPause;
  REQUIRE(gate.allowance(later) == Allowance::one);
  gate.delivered(kOne);
  CHECK(gate.failed(kOne, OpenId("alice"), "busy", later));
  CHECK(gate.next_change(later) == later + 2 * Gate::kFirstPause);
  gate.delivered(kOne);
  gate.answered(kOne);
  CHECK(gate.allowance(later) == Allowance::any);
}

TEST_CASE("a success between them means that it is the events") {
  Gate gate;
  for (int i = 0; i < 10; ++i) {
    CHECK_FALSE(gate.failed(kOne, OpenId("alice"), "busy", kStart));
    CHECK_FALSE(gate.failed(kTwo, OpenId("bob"), "busy", kStart));
    gate.answered(EventId{3});
  }
}

TEST_CASE("a probe that only failed for its own sake opens the gate") {
  Gate gate;
  gate.unavailable(kOne, Millis(0), "connection refused", kStart);
  gate.delivered(kOne);
  CHECK_FALSE(gate.failed(kOne, OpenId("alice"), "busy", kStart + Gate::kFirstPause));
  CHECK(gate.allowance(kStart + Gate::kFirstPause) == Allowance::any);
}
