// Replies that WeChat does not let through: the customer's window as the gateway sees it, what opens it
// again, and what the agent is told.
#include <doctest/doctest.h>

#include "gateway/dispatcher.h"
#include "gateway/journal/memory_journal.h"
#include "lib/base/digest.h"
#include "lib/base/limits.h"

using namespace kefu;
using namespace std::chrono_literals;
using Kind = CustomerPush::Kind;
using Notices = std::vector<std::string>;

namespace {

const OpenId kAlice("oAlice");

// One customer, one agent, and a WeChat whose answers the test gives.
struct Talk {
  MemoryDisk disk;
  DispatcherOptions options;
  Timestamp now{1'700'000'000'000};
  std::unique_ptr<Journal> journal;
  std::unique_ptr<Dispatcher> dispatcher;
  int pushes = 0;

  Talk() {
    options.agents = {"agent1", "agent2"};
    options.notices = &texts("en");
    options.notifier.retry.give_up_after = 48h;
    restart();
  }

  void restart() {
    dispatcher.reset();
    journal.reset();
    journal = open_memory_journal(disk);
    dispatcher = std::make_unique<Dispatcher>(
        options, *journal, [] { return 0.5; }, now);
    hello();
  }
  void hello() {
    for (const auto queue : {v1::QUEUE_RELAY, v1::QUEUE_NOTIFIER}) {
      v1::FromWorker message;
      auto& hello = *message.mutable_hello();
      hello.set_protocol(limits::kProtocolVersion);
      hello.set_worker_id("worker " + std::to_string(queue));
      hello.set_queue(queue);
      hello.set_slots(8);
      dispatcher->receive(hello.worker_id(), message, now);
    }
    turn();
  }
  void turn() {
    dispatcher->tick(now);
    dispatcher->commit(now);
    dispatcher->outgoing();
    dispatcher->steps();
  }
  void pass(Millis time) {
    now = now + time;
    hello();
  }

  CustomerPush push(Kind kind) {
    CustomerPush push;
    push.key = dedup_key({"push", std::to_string(++pushes)});
    push.customer = kAlice;
    push.kind = kind;
    push.text = "hello";
    push.message_type = "text";
    return push;
  }
  Receipt take(const Submission& submission) {
    const auto receipt = dispatcher->accept(submission, now);
    turn();
    return receipt;
  }
  Receipt customer(Kind kind) { return take(push(kind)); }
  void agent(const std::string& text, const std::string& agent = "agent1") {
    take(AgentPush{dedup_key({"reply", std::to_string(++pushes)}), agent, ImUserId(kAlice.value), text,
                   "1_2_3"});
  }

  void settle(const v1::Delivery& delivery, v1::Outcome outcome, std::uint32_t parts = 0, int code = 0,
              v1::Failure failure = v1::FAILURE_UNSPECIFIED) {
    v1::FromWorker message;
    auto& verdict = *message.mutable_verdict();
    verdict.set_event_id(delivery.event().id());
    verdict.set_lease(delivery.lease());
    verdict.set_outcome(outcome);
    verdict.set_progress(parts);
    verdict.set_code(code);
    verdict.set_failure(failure);
    verdict.set_reason("as WeChat says");
    dispatcher->receive("worker " + std::to_string(delivery.event().queue()), message, now);
    turn();
  }
  // Everything that waits for the relay goes out; gives what of it is told to the agent.
  Notices notices() {
    Notices found;
    work();
    for (const auto& one : std::exchange(for_relay, {})) {
      if (one.event().customer_message().kind() == "notice") {
        CHECK(one.im_user() == kAlice.value);
        told = one.agent();
        found.push_back(one.event().customer_message().text());
      }
      settle(one, v1::OUTCOME_DONE);
      auto more = notices();
      found.insert(found.end(), more.begin(), more.end());
    }
    return found;
  }
  // The reply that goes out now, if one does.
  std::optional<v1::Delivery> reply() {
    work();
    if (for_notifier.empty()) return std::nullopt;
    return std::exchange(for_notifier, {}).front();
  }
  void work() {
    for (const auto& out : dispatcher->handouts(now)) {
      auto list = std::vector<v1::Delivery>{out.message.delivery()};
      if (out.message.has_bundle())
        list.assign(out.message.bundle().deliveries().begin(), out.message.bundle().deliveries().end());
      for (const auto& one : list)
        (one.event().has_agent_message() ? for_notifier : for_relay).push_back(one);
    }
  }
  // A word of the customer in the same millisecond would count as later than the delivery.
  void park(int code) {
    now = now + 1ms;
    settle(reply().value(), v1::OUTCOME_PARKED, 0, code, v1::FAILURE_WAIT_FOR_CUSTOMER);
  }
  void pass_until(Timestamp at) { pass(at - now); }

  ReplyWindow window() { return journal->customer(kAlice).value_or(Customer{}).window; }
  queue::Counts replies() { return dispatcher->queue(v1::QUEUE_NOTIFIER).counts(); }

  std::vector<v1::Delivery> for_relay, for_notifier;
  std::string told;  // the agent who got the last notice
};

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the window is kept from what the customer does and what becomes of replies") {
  Talk talk;
  talk.customer(Kind::follow);
  CHECK(talk.window().opened_by == ReplyWindow::Opener::follow);
  CHECK(talk.window().replies_left == 3);
  talk.customer(Kind::message);
  CHECK(talk.window().replies_left == 5);
  CHECK(talk.window().ends_at == talk.now + 48h);

  talk.agent("in one part");
  talk.settle(talk.reply().value(), v1::OUTCOME_DONE, 1);
  CHECK(talk.window().replies_left == 4);
  talk.agent("in three, with a failure between");
  talk.settle(talk.reply().value(), v1::OUTCOME_RETRY, 2, -1, v1::FAILURE_RETRY);
  CHECK(talk.window().replies_left == 2);
  talk.pass(2s);
  talk.settle(talk.reply().value(), v1::OUTCOME_DONE, 3);
  CHECK(talk.window().replies_left == 1);

  talk.agent("one more than WeChat thinks");
  SUBCASE("WeChat counts otherwise") {
    talk.park(45047);
    CHECK(talk.window().replies_left == 0);
    CHECK(talk.window().is_open(talk.now));
  }
  SUBCASE("WeChat says that it is closed") {
    talk.park(45015);
    CHECK_FALSE(talk.window().is_open(talk.now));
  }
  SUBCASE("the customer leaves") {
    talk.customer(Kind::unfollow);
    CHECK_FALSE(talk.window().is_open(talk.now));
  }
  talk.restart();
  talk.customer(Kind::message);
  CHECK(talk.window().replies_left == 5);
}

TEST_CASE("nothing is refused because of the window: WeChat's answer decides") {
  Talk talk;
  talk.customer(Kind::message);
  talk.pass(50h);
  CHECK_FALSE(talk.window().is_open(talk.now));
  talk.agent("still there?");
  CHECK(talk.reply());
}

TEST_CASE("whatever lets replies through lets the parked ones through") {
  Talk talk;
  talk.customer(Kind::message);
  talk.agent("one");
  talk.agent("two");
  talk.park(45047);
  CHECK_FALSE(talk.reply());
  auto opener = Kind::message;
  SUBCASE("a message") {}
  SUBCASE("following again") {
    opener = Kind::follow;
  }
  SUBCASE("a scan") {
    opener = Kind::scan;
  }
  SUBCASE("a tap on the menu") {
    opener = Kind::menu;
  }
  talk.customer(opener);
  for (const auto* text : {"one", "two"}) {
    const auto reply = talk.reply();
    REQUIRE(reply);
    CHECK(reply->event().agent_message().text() == text);
    talk.settle(*reply, v1::OUTCOME_DONE, 1);
  }
}

TEST_CASE("leaving lets nothing through") {
  Talk talk;
  talk.customer(Kind::message);
  talk.agent("one");
  talk.park(45047);
  talk.customer(Kind::unfollow);
  CHECK(talk.replies().parked == 1);
}

TEST_CASE("a tap and a scan make no event, and their repeat counts for nothing") {
  Talk talk;
  for (const auto kind : {Kind::menu, Kind::scan}) {
    const auto push = talk.push(kind);
    CHECK(talk.take(push).kind == Receipt::Kind::stored);
    CHECK(talk.dispatcher->queue(v1::QUEUE_RELAY).counts().ready == 0);
    const auto ends_at = talk.window().ends_at;
    CHECK(ends_at == talk.now + 1min);
    talk.pass(5s);
    if (kind == Kind::scan) talk.restart();
    const auto again = talk.take(push);
    CHECK(again.kind == Receipt::Kind::duplicate);
    CHECK(again.reply == ReplyKind::none);
    CHECK(talk.window().ends_at == ends_at);
  }
}

TEST_CASE("an item of a msgmenu that was tapped opens less than a message") {
  Talk talk;
  auto push = talk.push(Kind::message);
  push.chosen = true;
  talk.take(push);
  CHECK(talk.window().opened_by == ReplyWindow::Opener::menu);
  CHECK(talk.window().replies_left == 3);
}

TEST_CASE("the agent is told once for a conversation and cause, however many replies wait") {
  Talk talk;
  talk.customer(Kind::message);
  talk.agent("one");
  talk.agent("two");
  talk.park(45047);
  auto notices = talk.notices();
  REQUIRE(notices.size() == 1);
  CHECK(says(notices[0], "5 replies"));
  CHECK(says(notices[0], "48 hours"));
  CHECK(talk.told == "agent1");

  talk.customer(Kind::message);
  talk.park(45047);
  CHECK(talk.notices().empty());
  SUBCASE("another cause") {
    talk.customer(Kind::menu);
    talk.park(45015);
    notices = talk.notices();
    REQUIRE(notices.size() == 1);
    CHECK(says(notices[0], "48 hours, or have left"));
  }
  SUBCASE("over a restart") {
    talk.restart();
    talk.pass(11s);
    talk.customer(Kind::menu);
    talk.park(45047);
    CHECK(talk.notices().empty());
  }
  SUBCASE("another conversation") {
    talk.pass(limits::kConversationIdle);
    talk.customer(Kind::message);
    talk.park(45047);
    CHECK(talk.notices().size() == 1);
  }
  SUBCASE("another agent, whose conversation is another one") {
    talk.customer(Kind::message);
    talk.settle(talk.reply().value(), v1::OUTCOME_DONE, 1);
    talk.settle(talk.reply().value(), v1::OUTCOME_DONE, 1);
    talk.agent("three", "agent2");
    talk.park(45047);
    CHECK(talk.notices().size() == 1);
    CHECK(talk.told == "agent2");
  }
}

TEST_CASE("parked replies die with the window of the customer's message, and the agent is told of each") {
  Talk talk;
  talk.customer(Kind::message);
  const auto end = talk.window().ends_at;
  talk.pass(1h);
  talk.agent("the first reply, which is rather long");
  talk.agent("the second");
  talk.park(45047);
  CHECK(talk.notices().size() == 1);
  SUBCASE("in one run") {}
  SUBCASE("over a restart") {
    talk.restart();
  }
  talk.pass_until(end - 1ms);
  CHECK(talk.replies().parked == 1);
  talk.pass(1ms);
  CHECK(talk.replies().parked == 0);
  auto notices = talk.notices();
  REQUIRE(notices.size() == 1);
  CHECK(says(notices[0], "“the first reply, whi…”"));
  CHECK(says(notices[0], "did not write again"));

  // The cloud is asked about the second: it decides. Its no is the end, without a notice of waiting.
  talk.park(45015);
  CHECK(talk.replies().parked == 0);
  notices = talk.notices();
  REQUIRE(notices.size() == 1);
  CHECK(says(notices[0], "“the second”"));
  CHECK(talk.journal->totals(v1::QUEUE_NOTIFIER).dead == 2);
}

TEST_CASE("a new message gives parked replies a new window") {
  Talk talk;
  talk.customer(Kind::message);
  talk.agent("one");
  talk.park(45047);
  talk.pass(47h);
  talk.customer(Kind::message);
  talk.park(45047);
  talk.pass_until(talk.window().ends_at - 1ms);
  CHECK(talk.replies().parked == 1);
  talk.pass(1ms);
  CHECK(talk.replies().parked == 0);
}

TEST_CASE("a reply after the window's end waits as long as a window would last") {
  Talk talk;
  talk.customer(Kind::message);
  talk.pass(60h);
  talk.agent("are you still interested?");
  const auto end = talk.now + 48h;
  talk.park(45015);
  talk.pass_until(end - 1ms);
  CHECK(talk.replies().parked == 1);
  talk.pass(1ms);
  CHECK(talk.replies().parked == 0);
}

TEST_CASE("the agent is told of every dead reply once, with its cause") {
  Talk talk;
  talk.customer(Kind::message);
  const auto dies = [&](const std::string& text, int code, v1::Failure failure) {
    talk.agent(text);
    const auto reply = talk.reply().value();
    talk.settle(reply, v1::OUTCOME_DEAD, 0, code, failure);
    talk.settle(reply, v1::OUTCOME_DEAD, 0, code, failure);  // repeated
    const auto notices = talk.notices();
    REQUIRE(notices.size() == 1);
    CHECK(says(notices[0], text));
    return notices[0];
  };
  CHECK(says(dies("one", 43004, v1::FAILURE_DEAD), "they have left"));
  CHECK(says(dies("two", 48008, v1::FAILURE_DEAD), "(code 48008)"));
  CHECK(says(dies("three", 0, v1::FAILURE_UNKNOWN_OUTCOME), "it may have arrived"));

  talk.agent("four");
  talk.park(45047);
  CHECK(talk.notices().size() == 1);
  const auto parked = talk.dispatcher->queue(v1::QUEUE_NOTIFIER).in_state(queue::State::parked);
  REQUIRE(parked.size() == 1);
  CHECK(talk.dispatcher->drop(parked[0], talk.now));
  talk.turn();
  const auto notices = talk.notices();
  REQUIRE(notices.size() == 1);
  CHECK(says(notices[0], "an administrator withdrew it"));
}

TEST_CASE("where accounts are kept, agents hear of customers who have left too") {
  Talk talk;
  SUBCASE("kept") {
    talk.options.delete_on_unfollow = false;
  }
  SUBCASE("deleted: a notice would bring the account back") {}
  talk.restart();
  talk.customer(Kind::message);
  talk.agent("bye");
  const auto reply = talk.reply().value();
  talk.customer(Kind::unfollow);
  talk.settle(reply, v1::OUTCOME_DEAD, 0, 43004, v1::FAILURE_DEAD);
  CHECK(talk.notices().size() == (talk.options.delete_on_unfollow ? 0 : 1));
}

TEST_CASE("a start with a wrong clock that is mended later gives up no reply") {
  Talk talk;
  talk.customer(Kind::message);
  talk.agent("one");
  talk.agent("two");
  talk.settle(talk.reply().value(), v1::OUTCOME_PARKED, 0, 45047);
  const auto counts = [&] { return talk.dispatcher->queue(v1::QUEUE_NOTIFIER).counts(); };
  const auto waiting = counts().ready + counts().waiting;
  REQUIRE(counts().parked == 1);
  const auto right = talk.now;
  Timestamp wrong{};
  SUBCASE("ten years ahead") {
    wrong = right + 24h * 3650;
  }
  SUBCASE("ten years behind") {
    wrong = right - 24h * 3650;
  }
  SUBCASE("a day ahead") {
    wrong = right + 24h;
  }
  talk.now = wrong;
  talk.restart();
  talk.pass(1h);
  CHECK(counts().parked == 1);
  talk.now = right + 1h;
  talk.restart();
  talk.pass(1h);
  CHECK(counts().parked == 1);
  CHECK(counts().ready + counts().waiting == waiting);
  const auto window = talk.journal->customer(kAlice)->window;
  CHECK(window.is_open(talk.now));
  CHECK(window.ends_at <= right + 48h + 1h);

  talk.pass(48h);
  CHECK(counts().parked == 0);
  CHECK(talk.journal->dead(v1::QUEUE_NOTIFIER).size() >= 1);
}

TEST_CASE("a long stop lets no reply die of a window that WeChat was not asked about") {
  Talk talk;
  talk.customer(Kind::message);
  talk.agent("one");
  talk.now = talk.now + 24h * 5;
  talk.restart();
  const auto late = talk.reply();
  REQUIRE(late);
  CHECK(late->event().agent_message().text() == "one");
  talk.settle(*late, v1::OUTCOME_RETRY);
  CHECK(talk.journal->dead(v1::QUEUE_NOTIFIER).empty());
}
