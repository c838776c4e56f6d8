// Who gets a new customer, through the real binaries.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "lib/base/clock.h"
#include "tests/process/stack.h"

using namespace kefu::test;
using nlohmann::json;

namespace {

const Environment kTwoAgents{{"IM_AGENTS", "agent1,agent2"}};

kefu::http::Response statuses(const std::string& first, const std::string& second) {
  const json told{{"ActionStatus", "OK"},
                  {"ErrorInfo", ""},
                  {"ErrorCode", 0},
                  {"QueryResult", json::array({{{"To_Account", "agent1"}, {"Status", first}},
                                               {{"To_Account", "agent2"}, {"Status", second}}})}};
  return {200, told.dump(), "application/json"};
}

Answer changes_to(Stack& stack, const std::string& agent, const std::string& action) {
  const json body{{"CallbackCommand", "State.StateChange"},
                  {"EventTime", kefu::wall_now().ms},
                  {"Info", {{"Action", action}, {"To_Account", agent}, {"Reason", "Register"}}}};
  return stack.callback(body.dump());
}

std::string state_of(Stack& stack, const std::string& agent) {
  const auto told = stack.ask({{"cmd", "agents"}});
  for (const auto& one : told.at("agents")) {
    if (one.at("agent") == agent) return one.at("state").get<std::string>();
  }
  return "";
}

// Who was sent the words of eight new customers.
std::multiset<std::string> agents_of_eight(Stack& stack, const std::string& prefix) {
  const auto before = stack.clouds.count("sendmsg");
  for (int i = 0; i < 8; ++i)
    CHECK(stack.say("o" + prefix + std::to_string(i) + "_456789-abcdefghijkl", "hello").status == 200);
  stack.clouds.wait_for("sendmsg", before + 8);
  std::multiset<std::string> agents;
  const auto calls = stack.clouds.calls("sendmsg");
  for (auto i = before; i < calls.size(); ++i) agents.insert(calls[i].text("To_Account"));
  return agents;
}

}  // namespace

TEST_CASE("agents: eight of eight new customers go to the agent who is online") {
  Stack stack(kTwoAgents);
  SUBCASE("as IM answers at the start") {
    stack.clouds.answer_next("query_online_status", statuses("Offline", "Online"));
    stack.start_all();
    REQUIRE(eventually([&] { return state_of(stack, "agent1") == "offline"; }));
  }
  SUBCASE("as a callback says, in an app that may not ask") {
    stack.start_all();
    CHECK(changes_to(stack, "agent1", "Logout").status == 200);
    CHECK(state_of(stack, "agent1") == "offline");
  }
  CHECK(agents_of_eight(stack, "New").count("agent2") == 8);
  CHECK(changes_to(stack, "agent1", "Login").status == 200);
  CHECK(agents_of_eight(stack, "Later").count("agent1") == 8);  // who has fewer conversations
}

TEST_CASE("agents: in an app that tells nothing of presence they share new customers") {
  Stack stack(kTwoAgents);
  stack.start_all();
  stack.clouds.wait_for("query_online_status", 1);
  const auto agents = agents_of_eight(stack, "New");
  CHECK(agents.count("agent1") == 4);
  CHECK(agents.count("agent2") == 4);
}

TEST_CASE("agents: a customer who finds nobody at the desk is told so once") {
  Stack stack(Environment{{"IM_AGENTS", "agent1,agent2"},
                          {"KEFU_REPLY_OFFLINE", "we are away"},
                          {"KEFU_REPLY_TRANSFER", "wait"}});
  stack.clouds.answer_next("query_online_status", statuses("Offline", "Offline"));
  stack.start_all();
  REQUIRE(eventually([&] { return state_of(stack, "agent2") == "offline"; }));
  const std::string alice = "oAlice_0123456789-abcdefghij";
  CHECK(stack.say(alice, "hello?").body.find("<![CDATA[we are away]]>") != std::string::npos);
  CHECK(stack.say(alice, "hello?").body == "success");
  stack.clouds.wait_for("sendmsg", 2);  // both are kept for the agent
}
