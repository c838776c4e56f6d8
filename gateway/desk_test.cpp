#include "gateway/desk.h"

#include <doctest/doctest.h>

using namespace kefu;

namespace {
constexpr Timestamp kStart{1'000'000'000};
constexpr Millis kIdle{std::chrono::minutes(30)};
const OpenId kAlice("oAlice");
const OpenId kBob("oBob");
}  // namespace

TEST_CASE("a customer stays with the agent while the conversation lasts") {
  AgentDesk desk({"a", "b"}, kIdle);
  const auto first = desk.customer_wrote(kAlice, kStart);
  CHECK(first.first);
  desk.customer_wrote(kBob, kStart);
  Timestamp now = kStart;
  for (int i = 0; i < 10; ++i) {
    now = now + kIdle - Millis(1);
    const auto next = desk.customer_wrote(kAlice, now);
    CHECK(next.agent == first.agent);
    CHECK_FALSE(next.first);
  }
}

TEST_CASE("the agent with the fewest open conversations is next, and the first of equals") {
  AgentDesk desk({"a", "b", "c"}, kIdle);
  CHECK(desk.customer_wrote(OpenId("o1"), kStart).agent == "a");
  CHECK(desk.customer_wrote(OpenId("o2"), kStart).agent == "b");
  CHECK(desk.customer_wrote(OpenId("o3"), kStart).agent == "c");
  CHECK(desk.customer_wrote(OpenId("o4"), kStart).agent == "a");
  desk.customer_left(OpenId("o2"));
  CHECK(desk.customer_wrote(OpenId("o5"), kStart).agent == "b");
}

TEST_CASE("a conversation ends after idle time and frees its agent") {
  AgentDesk desk({"a", "b"}, kIdle);
  desk.customer_wrote(kAlice, kStart);
  desk.customer_wrote(kBob, kStart + Millis(1000));
  const auto back = desk.customer_wrote(kAlice, kStart + kIdle);
  CHECK(back.first);
  CHECK(back.agent == "a");  // b still talks to Bob
}

TEST_CASE("an agent's word keeps a conversation open, and opens one") {
  AgentDesk desk({"a", "b"}, kIdle);
  desk.customer_wrote(kAlice, kStart);
  desk.agent_wrote(kAlice, "a", kStart + kIdle - Millis(1));
  CHECK_FALSE(desk.customer_wrote(kAlice, kStart + kIdle).first);
  desk.agent_wrote(kBob, "b", kStart + kIdle);
  const auto answer = desk.customer_wrote(kBob, kStart + kIdle);
  CHECK(answer.agent == "b");
  CHECK_FALSE(answer.first);
}

TEST_CASE("what the journal remembers counts, unless it is over or the agent is gone") {
  AgentDesk desk({"a", "b"}, kIdle);
  desk.restore(kAlice, "b", kStart - Millis(1000), kStart);
  desk.restore(kBob, "a", kStart - kIdle, kStart);
  desk.restore(OpenId("oCarol"), "gone", kStart, kStart);
  CHECK(desk.customer_wrote(kAlice, kStart).agent == "b");
  CHECK(desk.customer_wrote(kBob, kStart).first);
  CHECK(desk.customer_wrote(OpenId("oCarol"), kStart).first);
  CHECK_FALSE(desk.knows("gone"));
}
