// What an operator does, against the real gateway.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/process/stack.h"

using namespace kefu::test;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("operator: a question that is too long hears so, and the next one is answered") {
  Stack stack;
  stack.start_gateway();
  const auto refused = stack.ask({{"cmd", "list"}, {"queue", std::string(2 << 20, 'x')}});
  CHECK(refused["ok"] == false);
  CHECK(refused["error"].get<std::string>().find("1048576") != std::string::npos);
  CHECK(stack.ask({{"cmd", "queues"}})["ok"] == true);
}

TEST_CASE(
    "operator: the log tells what became of workers, queues and events, who acted, and names no customer") {
  Stack stack;
  stack.start_all();
  stack.clouds.fail_next("sendmsg", 80001);  // for good
  stack.say("oAlice", "a very private word");
  REQUIRE(eventually([&] { return stack.queue("relay")["dead"] == 1; }));
  stack.clouds.fail_next("stable_token", 40164);
  stack.reply("oAlice", "a very private answer");
  REQUIRE(eventually([&] { return !stack.queue("notifier")["unavailable"].get<std::string>().empty(); }));
  for (int i = 0; i < 3; ++i)
    CHECK(stack.push(stack.text_body("oAlice", "forged"), "signature=0").status == 403);
  CHECK(stack.callback("{}", "SdkAppid=1").status == 403);
  CHECK(stack.ask({{"cmd", "pause"}, {"queue", "relay"}})["ok"] == true);
  CHECK(stack.ask({{"cmd", "replay"}, {"id", 1}})["ok"] == true);
  CHECK(stack.ask({{"cmd", "resume"}, {"queue", "notifier"}})["ok"] == true);
  stack.clouds.wait_for("custom_send", 1);
  CHECK(stack.notifier->stop() == 0);
  CHECK(stack.gateway->stop() == 0);
  const auto log = stack.gateway->output();
  CAPTURE(log);
  CHECK(contains(log, "info a worker is connected queue=relay worker="));
  CHECK(contains(log, "info a worker has disconnected queue=notifier worker="));
  CHECK(contains(log,
                 "warning an event is a dead letter; kefuctl show says why event=1 queue=relay "
                 "type=customer_message class=dead code=80001"));
  CHECK(contains(log, "warning a queue closes queue=notifier why="));
  CHECK(contains(log, "40164"));
  CHECK(contains(log, "info a queue opens again queue=notifier"));
  CHECK(contains(log, "info an operator acts command=pause queue=relay"));
  CHECK(contains(log, "info an operator acts command=replay queue=- event=1 count=1"));
  CHECK(contains(log, "its signature does not hold reason=signature left_out=0"));
  CHECK(contains(log, "it is not for IM_SDK_APP_ID reason=sdkappid"));
  CHECK_FALSE(contains(log, "left_out=1"));        // the second is counted for a later line
  CHECK(contains(log, "setting=WECHAT_AES_KEY"));  // plain mode is said at start
  CHECK_FALSE(contains(log, "oAlice"));
  CHECK_FALSE(contains(log, "private"));
}

TEST_CASE("operator: the watcher of the documents prints the steps") {
  Stack stack;
  stack.start_gateway();
  stack.start_relay();
  stack.await_workers("relay", 1);
  Process watcher(
      KEFU_PYTHON, {{"TZ", "UTC"}},
      {KEFU_SOURCE_DIR "/docs/watch.py", "tcp://127.0.0.1:" + std::to_string(stack.tap_port()), "relay."});
  // Until its subscription is there it sees nothing.
  const bool seen = eventually([&] {
    stack.say("oWatched", "hello");
    return contains(watcher.output(), "relay done customer_message") || !watcher.running();
  });
  CHECK_MESSAGE(seen, watcher.output());
  CHECK_MESSAGE(watcher.running(), watcher.output());
  CHECK(contains(watcher.output(), "oWatched attempt 1"));
}

TEST_CASE("operator: kefuctl carries events from one gateway to another, once") {
  Stack from;
  from.start_gateway();
  for (const auto* text : {"one", "two", "three"}) from.say("oAlice", text);
  const std::string file = from.data_folder() + "/events.jsonl";
  const auto kefuctl = [&](const Stack& stack, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"--connect", "tcp://127.0.0.1:" + std::to_string(stack.admin_port())});
    Process run("kefuctl", {}, std::move(arguments));
    CHECK(run.wait() == 0);
    return run.output();
  };
  CHECK(contains(kefuctl(from, {"export", "relay", "--file", file}), "3 events exported"));

  Stack to;
  to.start_gateway();
  CHECK(kefuctl(to, {"import", file}) == "3 events imported, 0 were there already\n");
  CHECK(kefuctl(to, {"import", file}) == "0 events imported, 3 were there already\n");
  to.start_relay();
  to.clouds.wait_for("sendmsg", 3);
  CHECK(contains(kefuctl(to, {"trace", "oAlice"}), "accepted"));
}
