// Start, configuration, readiness and stopping.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>

#include "tests/process/stack.h"

using namespace kefu::test;

namespace {
const std::string kAlice = "oAlice_0123456789-abcdefghij";
}

TEST_CASE("start: all problems of the settings are told at once, and no secret's value") {
  const Environment wrong{
      {"KEFU_HTTP_LISTEN", "nonsense"}, {"KEFU_LOCALE", "fr"}, {"WECHAT_AES_KEY", "tooshort-and-secret"}};
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{}, {"--check-config"}}) {
    Process gateway("kefu-gateway", wrong, arguments);
    CHECK(gateway.wait() == 2);
    const auto output = gateway.output();
    for (const auto* name : {"KEFU_HTTP_LISTEN", "KEFU_LOCALE", "WECHAT_AES_KEY", "WECHAT_TOKEN",
                             "WECHAT_APP_ID", "IM_SDK_APP_ID", "IM_AGENTS", "IM_CALLBACK_TOKEN"}) {
      CAPTURE(name);
      CHECK(output.find(name) != std::string::npos);
    }
    CHECK(output.find("tooshort-and-secret") == std::string::npos);
    CHECK(std::count(output.begin(), output.end(), '\n') == 8);
  }
}

TEST_CASE("start: every program tells its version, its help, and checks its settings") {
  Stack stack;
  for (const std::string program : {"gateway", "relay", "notifier", "sandbox"}) {
    CAPTURE(program);
    Process version("kefu-" + program, {}, {"--version"});
    CHECK(version.wait() == 0);
    CHECK(version.output().find("kefu-" + program) != std::string::npos);
    Process help("kefu-" + program, {}, {"--help"});
    CHECK(help.wait() == 0);
    CHECK(help.output().find("KEFU_LOG_LEVEL") != std::string::npos);
  }
  for (const std::string program : {"gateway", "relay", "notifier"}) {
    Process check("kefu-" + program, stack.environment(program, free_port()), {"--check-config"});
    CHECK(check.wait() == 0);
  }
}

TEST_CASE("start: a second gateway on the same folder or port is refused with a reason") {
  Stack stack;
  stack.start_gateway();
  auto environment = stack.environment("gateway", free_port());
  Process same_folder("kefu-gateway", environment);
  CHECK(same_folder.wait() == 2);
  CHECK(same_folder.output().find("another gateway works in") != std::string::npos);
  Folder other;
  environment["KEFU_DATA_DIR"] = other.path();
  for (const auto* name : {"KEFU_QUEUE_LISTEN", "KEFU_TAP_LISTEN", "KEFU_ADMIN_LISTEN"}) {
    environment[name] = "tcp://127.0.0.1:" + std::to_string(free_port());
  }
  Process same_port("kefu-gateway", environment);
  CHECK(same_port.wait() == 2);
  CHECK(same_port.output().find("KEFU_HTTP_LISTEN") != std::string::npos);
}

TEST_CASE("start: the HTTP doors may be on IPv6, and kefuctl asks there") {
  std::ifstream addresses("/proc/net/if_inet6");
  const std::string all{std::istreambuf_iterator<char>(addresses), {}};
  if (all.find("00000000000000000000000000000001 ") == std::string::npos) return;  // a machine without IPv6
  Stack stack;
  auto environment = stack.environment("gateway", 0);
  const auto web = "[::1]:" + std::to_string(free_port());
  const auto ops = "[::1]:" + std::to_string(free_port());
  environment["KEFU_HTTP_LISTEN"] = web;
  environment["KEFU_OPS_LISTEN"] = ops;
  const Process gateway("kefu-gateway", environment);
  CHECK(eventually([&] {
    Process health("kefuctl", {}, {"health", "http://" + ops});
    return health.wait() == 0;
  }));
  auto client = kefu::http::Client::make("http://" + web);
  REQUIRE(client.ok());
  CHECK((*client)->get("/", std::chrono::seconds(5)).status == 403);
}

TEST_CASE("start: a journal of other accounts is refused, and nothing that waits in it reaches them") {
  Stack stack;
  stack.start_gateway();
  CHECK(stack.say(kAlice, "said to the demo").status == 200);
  CHECK(stack.gateway->stop() == 0);
  auto others = stack.environment("gateway", free_port());
  others["IM_SDK_APP_ID"] = "1400000077";
  Process refused("kefu-gateway", others);
  CHECK(refused.wait() == 2);
  for (const auto* told : {"1400000001", "1400000077", "KEFU_DATA_DIR", "KEFU_JOURNAL_ADOPT=1"}) {
    CAPTURE(told);
    CHECK(refused.output().find(told) != std::string::npos);
  }
  stack.gateway_settings = {{"IM_SDK_APP_ID", "1400000077"}, {"KEFU_JOURNAL_ADOPT", "1"}};
  stack.start_gateway();
  CHECK(stack.queue("relay")["ready"] == 1);
}

TEST_CASE("start: a worker is ready when it is connected") {
  Stack stack;
  const int port = free_port();
  Process relay("kefu-relay", stack.environment("relay", port));
  auto client = kefu::http::Client::make("http://127.0.0.1:" + std::to_string(port));
  REQUIRE(client.ok());
  const auto status = [&] { return (*client)->get("/readyz", std::chrono::seconds(5)).status; };
  CHECK(eventually([&] { return status() == 503; }));
  stack.start_gateway();
  CHECK(eventually([&] { return status() == 200; }));
  CHECK((*client)->get("/healthz", std::chrono::seconds(5)).status == 200);
  CHECK(relay.stop() == 0);
}

TEST_CASE("stop: a relay finishes the call it is in and its verdict counts") {
  Stack stack;
  stack.start_all();
  stack.clouds.hold("sendmsg");
  stack.say(kAlice, "hello");
  stack.clouds.wait_for("sendmsg", 1);
  stack.relays[0]->signal(SIGTERM);
  CHECK(eventually([&] { return stack.queue("relay")["workers"][0]["draining"] == true; }));
  stack.clouds.release();
  CHECK(stack.relays[0]->wait() == 0);
  const auto queue = stack.queue("relay");
  CHECK(queue["done"] == 1);
  CHECK(queue["workers"].empty());
  CHECK(stack.clouds.count("sendmsg") == 1);
}

TEST_CASE("stop: all programs end with status 0, with and without a gateway") {
  Stack stack;
  stack.start_all();
  stack.say(kAlice, "hello");
  stack.clouds.wait_for("sendmsg", 1);
  CHECK(stack.gateway->stop() == 0);
  CHECK(stack.relays[0]->stop() == 0);
  stack.notifier->signal(SIGINT);
  CHECK(stack.notifier->wait() == 0);
}

TEST_CASE("ops: the figures are there") {
  Stack stack;
  stack.start_all();
  CHECK(stack.ops("/healthz").status == 200);
  const auto body = stack.text_body(kAlice, "hello");
  stack.push(body);
  stack.push(body);
  stack.clouds.wait_for("sendmsg", 1);
  CHECK(eventually([&] { return stack.queue("relay")["done"] == 1; }));
  const auto metrics = stack.ops("/metrics").body;
  for (const auto* line :
       {"kefu_accepted_total{source=\"wechat\"} 1", "kefu_duplicates_total{source=\"wechat\"} 1",
        "kefu_attempts_total{queue=\"relay\"} 1", "kefu_results_total{queue=\"relay\",result=\"done\"} 1",
        "kefu_queue_events{queue=\"relay\",state=\"ready\"} 0",
        "kefu_queue_oldest_seconds{queue=\"relay\",state=\"ready\"} 0", "kefu_workers{queue=\"notifier\"} 1",
        "kefu_end_to_end_seconds_count{queue=\"relay\"} 1"}) {
    CAPTURE(line);
    CHECK(metrics.find(line) != std::string::npos);
  }
}
