// Killed with -9 at bad moments: nothing accepted is lost, nothing is out of order.
#include <doctest/doctest.h>

#include <csignal>
#include <thread>

#include "tests/process/stack.h"

using namespace kefu::test;

namespace {
const std::string kAlice = "oAlice_0123456789-abcdefghij";
}  // namespace

TEST_CASE("crash: a gateway killed between acceptance and delivery delivers after its restart") {
  Stack stack;
  stack.start_gateway();
  for (int i = 0; i < 10; ++i) REQUIRE(stack.say(kAlice, std::to_string(i)).status == 200);
  stack.gateway->kill();
  stack.start_gateway();
  stack.start_relay();
  stack.clouds.wait_for("sendmsg", 10);
  int next = 0;
  for (const auto& send : stack.clouds.calls("sendmsg")) CHECK(text_of(send) == std::to_string(next++));
}

TEST_CASE("crash: a gateway killed while a call is under way neither repeats nor loses it") {
  Stack stack;
  stack.start_all();
  stack.clouds.hold("sendmsg");
  stack.say(kAlice, "first");
  stack.say(kAlice, "second");
  stack.clouds.wait_for("sendmsg", 1);
  stack.gateway->kill();
  stack.start_gateway();
  stack.clouds.release();
  stack.clouds.wait_for("sendmsg", 2);
  CHECK(eventually([&] { return stack.queue("relay")["done"] == 2; }));
  const auto sends = stack.clouds.calls("sendmsg");
  REQUIRE(sends.size() == 2);  // the worker still had the first one, or its verdict
  CHECK(text_of(sends[0]) == "first");
  CHECK(text_of(sends[1]) == "second");
}

TEST_CASE("crash: what a killed relay had in hand goes to another one, as the same message") {
  Stack stack;
  stack.start_all();
  stack.clouds.hold("sendmsg");
  stack.say(kAlice, "first");
  stack.say(kAlice, "second");
  stack.clouds.wait_for("sendmsg", 1);
  stack.relays[0]->kill();
  stack.clouds.release();
  stack.start_relay();
  stack.clouds.wait_for("sendmsg", 3);
  const auto sends = stack.clouds.calls("sendmsg");
  CHECK(sends[0].raw == sends[1].raw);
  CHECK(sends[0].body["MsgSeq"] == sends[1].body["MsgSeq"]);
  CHECK(sends[0].body["MsgRandom"] == sends[1].body["MsgRandom"]);
  CHECK(text_of(sends[2]) == "second");
}

TEST_CASE("crash: a stopped relay that wakes up later does not spoil the order") {
  Stack stack;
  stack.start_all();
  stack.relays[0]->freeze();
  stack.say(kAlice, "first");
  stack.say(kAlice, "second");
  stack.start_relay();
  stack.clouds.wait_for("sendmsg", 2);
  stack.relays[0]->signal(SIGCONT);
  stack.say(kAlice, "third");
  CHECK(eventually([&] { return stack.queue("relay")["done"] == 3; }));
  const auto sends = stack.clouds.calls("sendmsg");
  REQUIRE(sends.size() == 3);
  CHECK(text_of(sends[0]) == "first");
  CHECK(text_of(sends[1]) == "second");
  CHECK(text_of(sends[2]) == "third");
}

TEST_CASE("crash: the same push four times at once is one event with one answer") {
  Stack stack;
  stack.start_all();
  const auto body = stack.text_body(kAlice, "once");
  std::vector<Answer> answers(4);
  {
    std::vector<std::jthread> pushers;
    for (auto& answer : answers) pushers.emplace_back([&] { answer = stack.push(body); });
  }
  for (const auto& answer : answers) {
    CHECK(answer.status == 200);
    CHECK(answer.body == answers[0].body);
    CHECK(answer.body.find("One moment, please.") != std::string::npos);
  }
  CHECK(eventually([&] { return stack.queue("relay")["done"] == 1; }));
  stack.gateway->kill();  // and a restart between duplicate and original
  stack.start_gateway();
  CHECK(stack.push(body).body == answers[0].body);
  stack.say(kAlice, "twice");
  stack.clouds.wait_for("sendmsg", 2);
  const auto sends = stack.clouds.calls("sendmsg");
  REQUIRE(sends.size() == 2);
  CHECK(text_of(sends[1]) == "twice");
}

TEST_CASE("crash: workers started before the gateway come to work when it is there") {
  Stack stack;
  stack.start_relay();
  stack.start_notifier();
  stack.start_gateway();
  stack.await_workers("relay", 1);
  stack.await_workers("notifier", 1);
  stack.say(kAlice, "hello");
  stack.clouds.wait_for("sendmsg", 1);
}

TEST_CASE("crash: workers come back to a restarted gateway by themselves") {
  Stack stack;
  stack.start_all();
  for (int round = 0; round < 3; ++round) {
    stack.gateway->kill();
    stack.start_gateway();
    stack.await_workers("relay", 1);
    stack.await_workers("notifier", 1);
  }
  stack.say(kAlice, "hello");
  stack.clouds.wait_for("sendmsg", 1);
}
