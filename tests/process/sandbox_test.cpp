// The same through the sandbox, which plays both clouds by their rules: signatures, tokens and UserSigs are
// really checked.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "tests/process/stack.h"

using namespace kefu::test;
using nlohmann::json;

namespace {

// One sandbox and the services that were told it is the clouds.
struct SandboxStack {
  int port = free_port();
  std::string url = "http://127.0.0.1:" + std::to_string(port);
  Stack stack;
  std::optional<Process> sandbox;

  explicit SandboxStack(Environment more = {})
      : stack(with_sandbox(more, "http://127.0.0.1:" + std::to_string(port))) {
    Environment environment;
    for (const auto* program : {"gateway", "relay", "notifier"})
      environment.merge(stack.environment(program, 1));
    environment["KEFU_OPS_LISTEN"] = "off";
    environment["KEFU_SANDBOX_LISTEN"] = "127.0.0.1:" + std::to_string(port);
    environment["KEFU_GATEWAY_URL"] = "http://127.0.0.1:" + std::to_string(stack.http_port());
    sandbox.emplace("kefu-sandbox", environment);
    stack.start_all();
    REQUIRE(eventually([&] { return ask("/api/state").is_object(); }));
  }

  static Environment with_sandbox(Environment more, const std::string& url) {
    more.emplace("IM_API", url);
    more.emplace("WECHAT_API", url);
    return more;
  }

  json ask(const std::string& target, const std::optional<json>& body = {}) const {
    auto client = kefu::http::Client::make(url);
    REQUIRE(client.ok());
    const auto result =
        body ? (*client)->post(target, body->dump(), "application/json", std::chrono::seconds(30))
             : (*client)->get(target, std::chrono::seconds(30));
    return json::parse(result.body, nullptr, false);
  }
  json act(const std::string& what, json body) const {
    body["wait"] = true;
    return ask("/api/" + what, body);
  }
  // "welcome: Thank you", …
  std::vector<std::string> seen(const std::string& customer) const {
    std::vector<std::string> lines;
    const auto answer = ask("/api/customer?id=" + customer);
    for (const auto& one : answer.at("seen")) {
      lines.push_back(one["kind"].get<std::string>() + ": " + one["text"].get<std::string>());
    }
    return lines;
  }
  std::vector<std::string> at_desk(const std::string& agent, const std::string& customer) const {
    std::vector<std::string> lines;
    const auto answer = ask("/api/agent?id=" + agent);
    if (!answer.at("conversations").contains(customer)) return lines;
    for (const auto& one : answer.at("conversations").at(customer))
      lines.push_back(one["text"].get<std::string>());
    return lines;
  }
};

const std::string kAlice = "oAlice_0123456789-abcdefghij";
using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("sandbox: a conversation by the clouds' rules, in plain and in safe mode") {
  Environment mode;
  SUBCASE("plain") {}
  SUBCASE("safe") {
    mode["WECHAT_AES_KEY"] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
  }
  SandboxStack world(mode);
  CHECK(world.act("follow", {{"customer", kAlice}})["status"] == 200);
  CHECK(world.act("say", {{"customer", kAlice}, {"text", "Is it open? 🙂"}})["attempts"] == 1);
  CHECK(eventually([&] { return world.at_desk("agent1", kAlice) == Lines{"Is it open? 🙂"}; }));
  CHECK(world.act("reply", {{"agent", "agent1"}, {"customer", kAlice}, {"text", "Until six."}})["status"] ==
        200);
  CHECK(eventually([&] { return world.seen(kAlice).size() == 4; }));
  const auto seen = world.seen(kAlice);
  CHECK(seen[0].starts_with("welcome: Thank you for following us!"));
  CHECK(seen[1] == "own: Is it open? 🙂");
  CHECK(seen[2].starts_with("reply: We have received your message"));
  CHECK(seen[3] == "message: Until six.");
  world.act("unfollow", {{"customer", kAlice}});
  CHECK(eventually([&] { return world.stack.queue("relay")["done"] == 3; }));
  CHECK(world.stack.queue("relay")["dead"] == 0);
}

TEST_CASE("sandbox: calls that act and then time out are not seen twice by the agent") {
  SandboxStack world(Environment{{"KEFU_RETRY_FIRST", "200ms"}});
  world.act("follow", {{"customer", kAlice}});
  for (const auto* mode : {"act_then_reset", "error", "http"}) {
    world.ask("/api/fault", json{{"cloud", "im"},
                                 {"api", "sendmsg"},
                                 {"mode", mode},
                                 {"code", 91000},
                                 {"status", 502},
                                 {"times", 1}});
    world.act("say", {{"customer", kAlice}, {"text", mode}});
  }
  world.act("say", {{"customer", kAlice}, {"text", "last"}});
  CHECK(eventually([&] { return world.stack.queue("relay")["done"] == 5; }));
  CHECK(world.at_desk("agent1", kAlice) == Lines{"act_then_reset", "error", "http", "last"});
}

TEST_CASE(
    "sandbox: the reply quota parks replies, the agent is told, and the customer's next word frees them") {
  SandboxStack world;
  world.act("follow", {{"customer", kAlice}});
  world.act("say", {{"customer", kAlice}, {"text", "hello"}});
  for (int i = 1; i <= 7; ++i) {
    world.act("reply", {{"agent", "agent1"}, {"customer", kAlice}, {"text", "answer " + std::to_string(i)}});
  }
  const auto known = [&] {
    return world.stack.ask({{"cmd", "customer"}, {"openid", kAlice}}).at("customer");
  };
  const auto notices = [&] {
    const auto desk = world.at_desk("agent1", kAlice);
    return std::count_if(desk.begin(), desk.end(),
                         [](const auto& line) { return line.starts_with("[Waiting]"); });
  };
  CHECK(eventually([&] { return known()["parked"] == 1; }));
  CHECK(known()["ready"] == 1);  // the seventh stands behind the sixth
  CHECK(known()["replies_left"] == 0);
  CHECK(known()["window_opened_by"] == "message");
  CHECK(eventually([&] { return notices() == 1; }));

  world.act("say", {{"customer", kAlice}, {"text", "go on"}});
  CHECK(eventually([&] { return world.seen(kAlice).back() == "message: answer 7"; }));
  const auto seen = world.seen(kAlice);
  CHECK(seen.at(seen.size() - 2) == "message: answer 6");
  CHECK(eventually([&] { return known()["replies_left"] == 3; }));
  CHECK(eventually([&] { return known()["ready"] == 0 && known()["in_flight"] == 0; }));
  CHECK(notices() == 1);
}

TEST_CASE(
    "sandbox: on a paid edition a deleted account stays locked, and the customer comes back under another "
    "one") {
  SandboxStack world;
  world.ask("/api/edition", json{{"paid", true}});
  world.act("follow", {{"customer", kAlice}});
  world.act("unfollow", {{"customer", kAlice}});
  world.act("follow", {{"customer", kAlice}});
  world.act("say", {{"customer", kAlice}, {"text", "back again"}});
  CHECK(eventually([&] { return world.at_desk("agent1", kAlice + "-1") == Lines{"back again"}; }));
  world.act("reply", {{"agent", "agent1"}, {"customer", kAlice + "-1"}, {"text", "welcome back"}});
  CHECK(eventually([&] { return world.seen(kAlice).back() == "message: welcome back"; }));
}

TEST_CASE("sandbox: calls that IM refuses as too many come again, all of them and in order") {
  constexpr int kCustomers = 6, kMessages = 4;
  SandboxStack world;
  world.ask("/api/limit", json{{"cloud", "im"}, {"api", "sendmsg"}, {"per_second", 5}});
  const auto name = [](int number) { return "oCustomer_" + std::to_string(number); };
  for (int i = 0; i < kCustomers; ++i) world.act("follow", {{"customer", name(i)}});
  for (int m = 0; m < kMessages; ++m) {
    for (int i = 0; i < kCustomers; ++i)
      world.act("say", {{"customer", name(i)}, {"text", std::to_string(m)}});
  }
  CHECK(eventually([&] { return world.stack.queue("relay")["done"] == kCustomers * (kMessages + 1); },
                   std::chrono::seconds(90)));
  std::size_t arrived = 0;
  for (int i = 0; i < kCustomers; ++i) {
    auto lines = world.at_desk("agent1", name(i));
    for (auto& line : world.at_desk("agent2", name(i))) lines.push_back(std::move(line));
    CHECK(lines == Lines{"0", "1", "2", "3"});
    arrived += lines.size();
  }
  CHECK(arrived == kCustomers * kMessages);
  CHECK(world.stack.queue("relay")["dead"] == 0);
  for (const auto& limit : world.ask("/api/limits")) {
    if (limit["api"] != "sendmsg") continue;
    CHECK(limit["refused"] > 0);  // or nothing was tested
    CHECK(limit["used"] == arrived);
    for (const auto& second : limit["seconds"]) CHECK(second["used"] <= 5);
  }
}
