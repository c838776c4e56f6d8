// Two of everything at once: two workers with one event, two connections with one push, a restart in between.
#include <doctest/doctest.h>

#include <csignal>
#include <thread>

#include "tests/process/stack.h"

using namespace kefu::test;

namespace {

const std::string kAlice = "oAlice_0123456789-abcdefghij";

bool has_line(const std::string& metrics, const std::string& line) {
  return metrics.find(line + "\n") != std::string::npos;
}

// Both at the same instant, each on a connection of its own.
template <class Push>
void twice_at_once(Answer (&answers)[2], const Push& push) {
  std::jthread first([&] { answers[0] = push(); });
  answers[1] = push();
}

}  // namespace

TEST_CASE("race: a worker that wakes after another took its event changes nothing with its stale result") {
  Stack stack;
  stack.start_all();
  stack.clouds.hold("sendmsg");
  stack.say(kAlice, "first");
  stack.say(kAlice, "second");
  stack.clouds.wait_for("sendmsg", 1);
  stack.relays[0]->freeze();
  stack.clouds.release();  // the answer waits in the sleeper's socket
  stack.start_relay();
  stack.clouds.wait_for("sendmsg", 3);  // after the gateway has given the sleeper up
  stack.relays[0]->signal(SIGCONT);
  CHECK(eventually([&] { return stack.queue("relay")["workers"].size() == 2; }));
  CHECK(stack.relays[0]->stop() == 0);  // it has told everything it had to tell

  stack.say(kAlice, "third");
  stack.clouds.wait_for("sendmsg", 4);
  CHECK(eventually([&] { return stack.queue("relay")["done"] == 3; }));
  const auto sends = stack.clouds.calls("sendmsg");
  REQUIRE(sends.size() == 4);
  CHECK(sends[0].raw == sends[1].raw);  // so IM shows it once
  CHECK(text_of(sends[2]) == "second");
  CHECK(text_of(sends[3]) == "third");
  CHECK(has_line(stack.ops("/metrics").body, R"(kefu_results_total{queue="relay",result="done"} 3)"));
  CHECK(stack.queue("relay")["dead"] == 0);
}

TEST_CASE("race: the same push twice at the same instant on two connections is one event") {
  Stack stack;
  stack.start_gateway();
  for (int round = 0; round < 10; ++round) {
    const auto text = stack.text_body(kAlice, "text " + std::to_string(round));
    const auto reply = stack.reply_body(kAlice, "reply " + std::to_string(round));
    Answer answers[2];
    twice_at_once(answers, [&] { return stack.push(text); });
    CHECK(answers[0].status == 200);
    CHECK(answers[0].body == answers[1].body);
    twice_at_once(answers, [&] { return stack.callback(reply); });
    CHECK(answers[0].status == 200);
    CHECK(answers[1].status == 200);
  }
  CHECK(stack.queue("relay")["ready"] == 10);
  CHECK(stack.queue("notifier")["ready"] == 10);
  const auto metrics = stack.ops("/metrics").body;
  CHECK(has_line(metrics, R"(kefu_duplicates_total{source="wechat"} 10)"));
  CHECK(has_line(metrics, R"(kefu_duplicates_total{source="im"} 10)"));
}

TEST_CASE("race: a duplicate after a restart gets the answer of the original and makes no event") {
  Stack stack;
  stack.start_gateway();
  const auto text = stack.text_body(kAlice, "hello");
  const auto reply = stack.reply_body(kAlice, "yes?");
  const auto answer = stack.push(text).body;
  CHECK(answer.find("One moment, please.") != std::string::npos);
  CHECK(stack.callback(reply).status == 200);
  stack.gateway->kill();
  stack.start_gateway();
  CHECK(stack.push(text).body == answer);
  CHECK(stack.callback(reply).status == 200);
  CHECK(stack.queue("relay")["ready"] == 1);
  CHECK(stack.queue("notifier")["ready"] == 1);
}

// WeChat cannot know what became of the first: it pushes again.
TEST_CASE("race: pushes cut off by kill -9 and pushed again are one event each") {
  Stack stack;
  stack.start_gateway();
  constexpr int kRounds = 8;
  for (int round = 0; round < kRounds; ++round) {
    const auto body = stack.text_body(kAlice, std::to_string(round));
    {
      std::jthread pusher([&] { stack.push(body); });
      std::this_thread::sleep_for(std::chrono::microseconds(400 * round));  // another moment each time
      stack.gateway->kill();
    }
    stack.start_gateway();
    CHECK(stack.push(body).status == 200);
  }
  stack.start_relay();
  stack.clouds.wait_for("sendmsg", kRounds);
  CHECK(eventually([&] { return stack.queue("relay")["done"] == kRounds; }));
  const auto sends = stack.clouds.calls("sendmsg");
  REQUIRE(sends.size() == kRounds);
  for (int round = 0; round < kRounds; ++round) CHECK(text_of(sends[round]) == std::to_string(round));
}

TEST_CASE("race: a first failure of WeChat is followed by the same reply again, before all later ones") {
  Stack stack(Environment{{"KEFU_RETRY_FIRST", "200ms"}});
  stack.start_all();
  stack.say(kAlice, "hello");
  SUBCASE("WeChat is busy") {
    stack.clouds.fail_next("custom_send", -1);
  }
  SUBCASE("an error page") {
    stack.clouds.answer_next("custom_send", {502, "<html>bad gateway</html>"});
  }
  stack.reply(kAlice, "first");
  stack.reply(kAlice, "second");
  stack.clouds.wait_for("custom_send", 3);
  CHECK(eventually([&] { return stack.queue("notifier")["done"] == 2; }));
  const auto sends = stack.clouds.calls("custom_send");
  CHECK(text_of(sends[0]) == "first");
  CHECK(text_of(sends[1]) == "first");
  CHECK(text_of(sends[2]) == "second");
}
