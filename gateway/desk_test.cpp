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

TEST_CASE("the agent with the fewest open conversations is next") {
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

TEST_CASE("agents who are equally busy get new conversations in turn") {
  AgentDesk desk({"a", "b", "c"}, kIdle);
  std::vector<std::string> agents;
  for (int i = 0; i < 6; ++i) {
    const OpenId customer("o" + std::to_string(i));
    agents.push_back(desk.customer_wrote(customer, kStart).agent);
    desk.customer_left(customer);
  }
  CHECK(agents == std::vector<std::string>{"a", "b", "c", "a", "b", "c"});
}

TEST_CASE("to ask who is next takes nobody's turn") {
  AgentDesk desk({"a", "b"}, kIdle);
  CHECK(desk.next_agent(kStart) == "a");
  CHECK(desk.next_agent(kStart) == "a");
  CHECK(desk.customer_wrote(kAlice, kStart).agent == "a");
  CHECK(desk.next_agent(kStart) == "b");
}

TEST_CASE("an agent who is offline gets no new conversation while another is there") {
  AgentDesk desk({"a", "b"}, kIdle);
  desk.set_availability("a", Availability::offline);
  for (int i = 0; i < 8; ++i) {
    const auto visit = desk.customer_wrote(OpenId("o" + std::to_string(i)), kStart);
    CHECK(visit.agent == "b");
    CHECK_FALSE(visit.is_empty);
  }
  desk.set_availability("a", Availability::online);
  CHECK(desk.customer_wrote(kAlice, kStart).agent == "a");
}

TEST_CASE("an agent without a connected client comes after those who are online and before those offline") {
  AgentDesk desk({"a", "b", "c"}, kIdle);
  desk.set_availability("a", Availability::reachable);
  desk.set_availability("b", Availability::offline);
  CHECK(desk.customer_wrote(OpenId("o1"), kStart).agent == "c");
  CHECK(desk.customer_wrote(OpenId("o2"), kStart).agent == "c");
  desk.set_availability("c", Availability::offline);
  const auto visit = desk.customer_wrote(OpenId("o3"), kStart);
  CHECK(visit.agent == "a");
  CHECK_FALSE(visit.is_empty);
}

TEST_CASE("an open conversation stays with its agent, offline or not") {
  AgentDesk desk({"a", "b"}, kIdle);
  CHECK(desk.customer_wrote(kAlice, kStart).agent == "a");
  desk.set_availability("a", Availability::offline);
  CHECK(desk.customer_wrote(kAlice, kStart).agent == "a");
}

TEST_CASE("with nobody at the desk the least busy agent gets it, and the customer is told once") {
  AgentDesk desk({"a", "b"}, kIdle);
  desk.customer_wrote(kBob, kStart);
  desk.set_availability("a", Availability::offline);
  desk.set_availability("b", Availability::offline);
  const auto first = desk.customer_wrote(kAlice, kStart);
  CHECK(first.agent == "b");
  CHECK(first.first);
  CHECK(first.tells_empty);
  const auto second = desk.customer_wrote(kAlice, kStart);
  CHECK(second.is_empty);
  CHECK_FALSE(second.tells_empty);
  SUBCASE("also when everybody has left since the conversation began") {
    const auto later = desk.customer_wrote(kBob, kStart);
    CHECK_FALSE(later.first);
    CHECK(later.tells_empty);
    CHECK_FALSE(desk.customer_wrote(kBob, kStart).tells_empty);
  }
  SUBCASE("and again in the next conversation") {
    CHECK(desk.customer_wrote(kAlice, kStart + kIdle).tells_empty);
  }
  SUBCASE("and not again after a restart") {
    AgentDesk restarted({"a", "b"}, kIdle);
    restarted.set_availability("a", Availability::offline);
    restarted.set_availability("b", Availability::offline);
    restarted.restore(kAlice, "b", kStart, kStart);
    CHECK_FALSE(restarted.customer_wrote(kAlice, kStart).tells_empty);
  }
}

TEST_CASE("a conversation belongs to the agent who answered last") {
  AgentDesk desk({"a", "b"}, kIdle);
  CHECK(desk.customer_wrote(kAlice, kStart).agent == "a");
  CHECK(desk.agent_wrote(kAlice, "b", kStart).agent == "b");
  CHECK(desk.customer_wrote(kAlice, kStart).agent == "b");
  CHECK(desk.open_conversations("a", kStart) == 0);
  CHECK(desk.open_conversations("b", kStart) == 1);
  SUBCASE("not to one whose older word is found later") {
    CHECK(desk.agent_wrote(kAlice, "a", kStart + Millis(10), kStart - Millis(1)).agent == "b");
    CHECK(desk.customer_wrote(kAlice, kStart + Millis(10)).agent == "b");
  }
}

TEST_CASE("a customer who comes back goes to the agent they know") {
  AgentDesk desk({"a", "b"}, kIdle);
  const AgentDesk::Last last{"b", kStart};
  const auto later = kStart + kIdle;
  SUBCASE("if that one is there") {
    desk.set_availability("b", Availability::reachable);
    const auto visit = desk.customer_wrote(kAlice, later, last);
    CHECK(visit.agent == "b");
    CHECK(visit.first);
  }
  SUBCASE("not if that one is offline") {
    desk.set_availability("b", Availability::offline);
    CHECK(desk.customer_wrote(kAlice, later, last).agent == "a");
  }
  SUBCASE("not if that one is no agent any more") {
    CHECK(desk.customer_wrote(kAlice, later, {"gone", kStart}).agent == "a");
  }
  SUBCASE("for thirty days") {
    const auto limit = kStart + Millis(limits::kAgentKnownFor);
    CHECK(desk.customer_wrote(kAlice, limit - Millis(1), last).agent == "b");
    CHECK(desk.customer_wrote(kBob, limit, last).agent == "a");
  }
}

TEST_CASE("only a state that says so takes an agent from the desk") {
  CHECK(availability_of("online") == Availability::online);
  CHECK(availability_of("") == Availability::online);
  CHECK(availability_of("of a newer program") == Availability::online);
  CHECK(availability_of("disconnected") == Availability::reachable);
  CHECK(availability_of("push_online") == Availability::reachable);
  CHECK(availability_of("offline") == Availability::offline);
}
