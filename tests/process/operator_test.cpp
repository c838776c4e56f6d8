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
