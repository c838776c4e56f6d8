// What agents do besides writing: recall, edit, send more than text.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "gateway/admin.h"
#include "gateway/agent_words.h"
#include "gateway/dispatcher.h"
#include "gateway/journal/memory_journal.h"
#include "gateway/journal/sqlite_journal.h"
#include "gateway/notice.h"
#include "lib/base/digest.h"
#include "lib/base/limits.h"
#include "lib/im/elements.h"
#include "lib/wechat/card.h"

using namespace kefu;

namespace {

const OpenId kAlice("oAlice");
constexpr const char* kRelayRoute = "r";
constexpr const char* kNotifierRoute = "n";

struct Bench {
  std::string folder = (std::filesystem::temp_directory_path() / ("kefu-" + random_hex(8))).string();
  MemoryDisk disk;
  DispatcherOptions options;
  Timestamp now{1'700'000'000'000};
  std::unique_ptr<Journal> journal;
  std::unique_ptr<Dispatcher> dispatcher;
  int keys = 0;
  bool sweeps = true;     // the relay knows them
  bool presence = false;  // the relay can be asked which agents are online
  std::uint32_t slots = 8;

  Bench() {
    std::filesystem::create_directories(folder);
    options.agents = {"agent1"};
    options.notices = &texts("en");
    restart();
  }
  ~Bench() {
    dispatcher.reset();
    journal.reset();
    std::filesystem::remove_all(folder);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void restart() {
    dispatcher.reset();
    journal.reset();
    const char* wanted = std::getenv("KEFU_TEST_JOURNAL");
    const bool in_memory = wanted && std::string(wanted) == "memory";
    journal = in_memory ? open_memory_journal(disk) : open_sqlite_journal(folder + "/journal.db");
    dispatcher = std::make_unique<Dispatcher>(
        options, *journal, [] { return 0.5; }, now);
  }

  Receipt::Kind accept(const Submission& submission) {
    const auto receipt = dispatcher->accept(submission, now);
    turn();
    return receipt.kind;
  }
  void turn() {
    dispatcher->tick(now);
    dispatcher->commit(now);
    dispatcher->steps();
  }
  void alice_writes() {
    CustomerPush push;
    push.key = dedup_key({"push", std::to_string(++keys)});
    push.customer = kAlice;
    push.text = "hello";
    push.message_type = "text";
    accept(push);
  }
  static AgentPush reply(const std::string& text, const std::string& key = "k1") {
    return {dedup_key({key}), "agent1", ImUserId(kAlice.value), text, key};
  }
  static Recall recall(const std::string& key = "k1") {
    return {dedup_key({key}), ImUserId(kAlice.value), key};
  }
  static Edit edit(const std::string& text, const std::string& key = "k1") { return {reply(text, key)}; }

  v1::FromWorker hello(v1::Queue queue) {
    v1::FromWorker message;
    auto& hello = *message.mutable_hello();
    hello.set_protocol(limits::kProtocolVersion);
    hello.set_worker_id(queue == v1::QUEUE_RELAY ? "relay" : "notifier");
    hello.set_queue(queue);
    hello.set_slots(slots);
    hello.set_sweeps(sweeps);
    hello.set_typing(true);
    hello.set_presence(presence);
    return message;
  }
  void connect() {
    dispatcher->receive(kRelayRoute, hello(v1::QUEUE_RELAY), now);
    dispatcher->receive(kNotifierRoute, hello(v1::QUEUE_NOTIFIER), now);
    turn();
    dispatcher->outgoing();
  }
  std::vector<v1::Delivery> deliveries(v1::Queue queue) {
    std::vector<v1::Delivery> found;
    connect();
    for (const auto& one : dispatcher->handouts(now)) {
      REQUIRE(one.message.has_delivery());
      if (one.message.delivery().event().queue() == queue) {
        found.push_back(one.message.delivery());
      } else {
        settle(one.message.delivery(), v1::OUTCOME_DONE);
      }
    }
    return found;
  }
  void settle(const v1::Delivery& delivery, v1::Outcome outcome, v1::Verdict told = {}) {
    v1::FromWorker message;
    auto& verdict = *message.mutable_verdict();
    verdict = std::move(told);
    verdict.set_event_id(delivery.event().id());
    verdict.set_lease(delivery.lease());
    verdict.set_outcome(outcome);
    verdict.set_failure(outcome == v1::OUTCOME_DONE ? v1::FAILURE_UNSPECIFIED : v1::FAILURE_RETRY);
    dispatcher->receive(delivery.event().queue() == v1::QUEUE_RELAY ? kRelayRoute : kNotifierRoute, message,
                        now);
    turn();
  }
  std::vector<v1::Delivery> replies() { return deliveries(v1::QUEUE_NOTIFIER); }
  // What the agent reads, but for the customer's own words.
  std::vector<std::string> notices() {
    std::vector<std::string> found;
    for (const auto& stored : journal->page(v1::QUEUE_RELAY, std::nullopt, EventId{}, 100)) {
      const auto& message = stored.event.customer_message();
      if (message.kind() == "notice") found.push_back(message.text());
    }
    for (const auto& stored : journal->list(v1::QUEUE_RELAY, queue::State::done, 100)) {
      const auto& message = stored.event.customer_message();
      if (message.kind() == "notice") found.push_back(message.text());
    }
    return found;
  }
  Totals totals() { return journal->totals(v1::QUEUE_NOTIFIER); }
};

using Notices = std::vector<std::string>;

v1::Element face(const std::string& data) {
  v1::Element element;
  element.mutable_face()->set_data(data);
  return element;
}

}  // namespace

TEST_CASE("a reply that was recalled in time reaches nobody, and nobody is troubled") {
  Bench bench;
  bench.alice_writes();
  bench.accept(Bench::reply("oops"));
  SUBCASE("once") {}
  SUBCASE("told twice") {
    bench.accept(Bench::recall());
  }
  SUBCASE("after a restart, before the notifier came back") {
    bench.restart();
  }
  CHECK(bench.accept(Bench::recall()) != Receipt::Kind::refused);
  CHECK(bench.replies().empty());
  CHECK(bench.notices().empty());
  CHECK(bench.totals().dead == 0);
  CHECK(bench.totals().done == 1);
  const auto row = bench.journal->list(v1::QUEUE_NOTIFIER, queue::State::done, 1).at(0);
  CHECK(row.error == "recalled by the agent");
  CHECK(bench.journal->hops(EventId{row.event.id()}).back().error == "recalled by the agent");
  // The message does not come back.
  CHECK(bench.accept(Bench::reply("oops")) == Receipt::Kind::duplicate);
}

TEST_CASE("a recall in the same turn as its message wins") {
  Bench bench;
  bench.alice_writes();
  bench.dispatcher->accept(Bench::reply("oops"), bench.now);
  bench.dispatcher->accept(Bench::recall(), bench.now);
  bench.turn();
  CHECK(bench.replies().empty());
  CHECK(bench.totals().done == 1);
  bench.restart();
  CHECK(bench.replies().empty());
}

TEST_CASE("a recall that comes before its message wins") {
  Bench bench;
  bench.alice_writes();
  CHECK(bench.accept(Bench::recall()) == Receipt::Kind::stored);
  bench.restart();
  CHECK(bench.accept(Bench::reply("oops")) == Receipt::Kind::duplicate);
  CHECK(bench.replies().empty());
}

TEST_CASE("of a recall that comes too late the agent is told, once") {
  Bench bench;
  bench.alice_writes();
  bench.accept(Bench::reply("gone"));
  const auto sent = bench.replies();
  REQUIRE(sent.size() == 1);
  SUBCASE("delivered") {
    bench.settle(sent[0], v1::OUTCOME_DONE);
    bench.accept(Bench::recall());
  }
  SUBCASE("in flight") {
    bench.accept(Bench::recall());
    bench.settle(sent[0], v1::OUTCOME_DONE);
  }
  bench.accept(Bench::recall());
  CHECK(bench.notices() == Notices{notice_of_recall("gone", texts("en"))});
}

TEST_CASE("what was recalled in flight is not tried again") {
  Bench bench;
  bench.alice_writes();
  bench.accept(Bench::reply("gone"));
  const auto sent = bench.replies();
  REQUIRE(sent.size() == 1);
  bench.accept(Bench::recall());
  bench.settle(sent[0], v1::OUTCOME_RETRY);
  bench.now = bench.now + Millis(3'600'000);
  CHECK(bench.replies().empty());
  CHECK(bench.totals().done == 1);
}

TEST_CASE("a dead letter that is recalled cannot be replayed") {
  Bench bench;
  bench.alice_writes();
  bench.accept(Bench::reply("never"));
  bench.settle(bench.replies().at(0), v1::OUTCOME_DEAD);
  CHECK(bench.totals().dead == 1);
  bench.accept(Bench::recall());
  CHECK(bench.totals().dead == 0);
  CHECK(bench.notices().size() == 1);  // of its death
}

TEST_CASE("a recall to somebody who is no customer is ignored") {
  Bench bench;
  CHECK(bench.accept(Bench::recall()) == Receipt::Kind::ignored);
}

TEST_CASE("a reply that was edited in time says what it says now") {
  Bench bench;
  bench.alice_writes();
  SUBCASE("it waits") {
    bench.accept(Bench::reply("9 o'clock"));
    bench.accept(Bench::edit("10 o'clock"));
  }
  SUBCASE("in the same turn") {
    bench.dispatcher->accept(Bench::reply("9 o'clock"), bench.now);
    bench.dispatcher->accept(Bench::edit("10 o'clock"), bench.now);
    bench.turn();
  }
  SUBCASE("over a restart") {
    bench.accept(Bench::reply("9 o'clock"));
    bench.accept(Bench::edit("10 o'clock"));
    bench.restart();
  }
  const auto sent = bench.replies();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].event().agent_message().text() == "10 o'clock");
  CHECK(sent[0].event().customer() == kAlice.value);
  CHECK(sent[0].event().source_id() == "k1");
  CHECK(bench.notices().empty());
}

TEST_CASE("of an edit that comes too late the agent is told") {
  Bench bench;
  bench.alice_writes();
  bench.accept(Bench::reply("9 o'clock"));
  const auto sent = bench.replies();
  REQUIRE(sent.size() == 1);
  SUBCASE("delivered") {
    bench.settle(sent[0], v1::OUTCOME_DONE);
  }
  SUBCASE("in flight") {}
  bench.accept(Bench::edit("10 o'clock"));
  bench.accept(Bench::edit("10 o'clock"));
  CHECK(bench.notices() == Notices{notice_of_edit("9 o'clock", texts("en"))});
}

TEST_CASE("an edit that overtakes its message is the message") {
  Bench bench;
  bench.alice_writes();
  auto edit = Bench::edit("10 o'clock");
  edit.sent_at = bench.now - std::chrono::seconds(1);
  CHECK(bench.accept(edit) == Receipt::Kind::stored);
  SUBCASE("over a restart") {
    bench.restart();
  }
  SUBCASE("with another edit") {
    edit.message.text = "11 o'clock";
    bench.accept(edit);
  }
  CHECK(bench.accept(Bench::reply("9 o'clock")) == Receipt::Kind::duplicate);
  const auto sent = bench.replies();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].event().agent_message().text() == edit.message.text);
  CHECK(bench.notices().empty());
}

TEST_CASE("an edit of what may have been delivered long ago, or is none of our business, is no message") {
  Bench bench;
  bench.alice_writes();
  auto edit = Bench::edit("10 o'clock");
  SUBCASE("long ago") {
    edit.sent_at = bench.now - std::chrono::minutes(11);
  }
  SUBCASE("not told when") {}
  SUBCASE("recalled before") {
    edit.sent_at = bench.now;
    bench.accept(Bench::recall());
  }
  CHECK(bench.accept(edit) == Receipt::Kind::ignored);
  CHECK(bench.replies().empty());
}

TEST_CASE("of an edit of a reply that died the agent is told, and a replay sends what it says now") {
  Bench bench;
  bench.alice_writes();
  bench.accept(Bench::reply("9 o'clock"));
  auto sent = bench.replies();
  REQUIRE(sent.size() == 1);
  bench.settle(sent[0], v1::OUTCOME_DEAD);
  CHECK(bench.notices().size() == 1);
  CHECK(bench.accept(Bench::edit("10 o'clock")) == Receipt::Kind::stored);
  REQUIRE(bench.notices().size() == 2);
  CHECK(bench.notices().back() == notice_of_edit_of_dead("9 o'clock", texts("en")));
  CHECK(bench.dispatcher->replay(EventId{sent[0].event().id()}, bench.now).ok());
  bench.turn();
  sent = bench.replies();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].event().agent_message().text() == "10 o'clock");
}

TEST_CASE("a success that comes after its reply was given up is kept, told, and not sent again") {
  Bench bench;
  bench.options.notifier.retry.unsure_max = 1;
  bench.restart();
  bench.alice_writes();
  bench.accept(Bench::reply("9 o'clock"));
  const auto sent = bench.replies();
  REQUIRE(sent.size() == 1);
  const EventId event{sent[0].event().id()};
  bench.now = bench.now + limits::kWorkerLostAfter + Millis(1);
  bench.turn();
  CHECK(bench.journal->event(event)->state == queue::State::dead);
  CHECK(bench.journal->totals(v1::QUEUE_NOTIFIER).dead == 1);
  CHECK(bench.notices().size() == 1);
  bench.connect();
  bench.settle(sent[0], v1::OUTCOME_DONE);
  CHECK(bench.journal->event(event)->state == queue::State::done);
  CHECK(bench.journal->totals(v1::QUEUE_NOTIFIER).dead == 0);
  CHECK(bench.journal->totals(v1::QUEUE_NOTIFIER).done == 1);
  REQUIRE(bench.notices().size() == 2);
  CHECK(bench.notices().back() == notice_of_late_success("9 o'clock", texts("en")));
  CHECK_FALSE(bench.dispatcher->replay(event, bench.now).ok());
  bench.settle(sent[0], v1::OUTCOME_DONE);
  CHECK(bench.journal->totals(v1::QUEUE_NOTIFIER).done == 1);
  CHECK(bench.notices().size() == 2);
}

TEST_CASE("an edit of a message that nobody knows is ignored") {
  Bench bench;
  bench.alice_writes();
  CHECK(bench.accept(Bench::edit("new")) == Receipt::Kind::ignored);
  CHECK(bench.replies().empty());
}

TEST_CASE("what was none of our business stays so") {
  Bench bench;
  bench.alice_writes();
  CHECK(bench.accept(Disregard{dedup_key({"k1"}), ImUserId(kAlice.value)}) == Receipt::Kind::stored);
  CHECK(bench.accept(Bench::reply("by REST")) == Receipt::Kind::duplicate);
  CHECK(bench.replies().empty());
}

TEST_CASE("a message of elements carries them, with words for those who know none") {
  Bench bench;
  bench.alice_writes();
  auto push = Bench::reply("");
  push.elements = {face("/::)"), face("smile")};
  bench.accept(push);
  const auto sent = bench.replies();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].event().agent_message().elements_size() == 2);
  CHECK(sent[0].event().agent_message().text() == "[Sticker] /::)\n[Sticker] smile");
}

TEST_CASE("what cannot be carried over is named in people's words") {
  CHECK(readable_left_out("TIMSoundElem\nTIMCustomElem an order\nTIMStreamElem", texts("en")) ==
        "[Voice message], [Card] an order, TIMStreamElem");
  CHECK(readable_left_out("", texts("en")).empty());
}

TEST_CASE("the newest word about an agent's presence is kept") {
  Bench bench;
  bench.accept(AgentPresence{"agent1", "online", "Register", "", Timestamp{2000}});
  bench.accept(AgentPresence{"agent1", "offline", "Unregister", "", Timestamp{1000}});
  bench.accept(AgentPresence{"agent2", "disconnected", "TimeOut", "", {}});
  bench.restart();
  const auto agents = bench.journal->agents();
  REQUIRE(agents.size() == 2);
  CHECK(agents[0].state == "online");
  CHECK(agents[0].since.ms == 2000);
  CHECK(agents[1].agent == "agent2");
  CHECK(agents[1].since == bench.now);
}

TEST_CASE("what WeChat did not take of a message is told to the agent, once") {
  Bench bench;
  bench.alice_writes();
  bench.accept(Bench::reply("see"));
  const auto sent = bench.replies();
  REQUIRE(sent.size() == 1);
  v1::Verdict verdict;
  verdict.set_left_out("a file of 30 MB");
  bench.settle(sent[0], v1::OUTCOME_DONE, verdict);
  bench.settle(sent[0], v1::OUTCOME_DONE, verdict);
  CHECK(bench.notices() == Notices{notice_of_left_out("a file of 30 MB", texts("en"))});
}

TEST_CASE("a card that WeChat would refuse is left out with the reason") {
  im::SentMessage message;
  message.from = "agent1";
  message.to = kAlice.value;
  message.content.elements.resize(2);
  message.content.elements[0].set_text("look");
  message.content.elements[1].mutable_card()->set_type("news");
  message.content.elements[1].mutable_card()->set_json(R"({"nonsense":1})");
  const auto push = agent_push(message);
  CHECK(push.text == "look");
  CHECK(push.elements.empty());
  CHECK(push.left_out.find("TIMCustomElem news: ") == 0);
}

// --- typing ---

namespace {

std::vector<v1::Typing> hints(Bench& bench) {
  std::vector<v1::Typing> found;
  for (const auto& one : bench.dispatcher->outgoing()) {
    if (one.message.has_typing()) found.push_back(one.message.typing());
  }
  return found;
}

const TypingNotice kTypes{ImUserId("oAlice"), false};
const TypingNotice kStops{ImUserId("oAlice"), true};

}  // namespace

TEST_CASE("that an agent types is passed on, not again while it is shown, and once that it ended") {
  Bench bench;
  bench.alice_writes();
  bench.connect();
  CHECK(bench.accept(kStops) == Receipt::Kind::ignored);
  CHECK(bench.accept(kTypes) == Receipt::Kind::stored);
  CHECK(bench.accept(kTypes) == Receipt::Kind::ignored);
  CHECK(bench.accept(kStops) == Receipt::Kind::stored);
  CHECK(bench.accept(kStops) == Receipt::Kind::ignored);
  const auto sent = hints(bench);
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].customer() == kAlice.value);
  CHECK_FALSE(sent[0].stopped());
  CHECK(sent[1].stopped());
  bench.accept(kTypes);
  bench.now = bench.now + TypingHints::kShownFor;
  CHECK(bench.accept(kTypes) == Receipt::Kind::stored);
}

TEST_CASE("that an agent types is passed on only where WeChat shows it") {
  Bench bench;
  bench.alice_writes();
  SUBCASE("long after the last exchange") {
    bench.connect();
    bench.now = bench.now + TypingHints::kLastExchange + Millis(1);
  }
  SUBCASE("without a notifier") {}
  SUBCASE("while the queue is paused") {
    bench.connect();
    bench.dispatcher->pause(v1::QUEUE_NOTIFIER);
  }
  SUBCASE("to a stranger") {
    bench.connect();
    CHECK(bench.accept(TypingNotice{ImUserId("oNobody"), false}) == Receipt::Kind::ignored);
    return;
  }
  CHECK(bench.accept(kTypes) == Receipt::Kind::ignored);
  CHECK(hints(bench).empty());
}

// --- sweeps ---

namespace {

struct SweptBench : Bench {
  SweptBench() {
    options.sweep_every = Millis(60'000);
    restart();
    alice_writes();
    settle_all();
    auto customer = *journal->customer(kAlice);
    customer.imported = true;
    journal->save(customer);
    turn();
  }

  void settle_all() {
    connect();
    for (const auto& one : dispatcher->handouts(now)) settle(one.message.delivery(), v1::OUTCOME_DONE);
  }
  // What the relay is asked now; everything else it has to do is done.
  std::vector<v1::Delivery> sweeps_due() {
    std::vector<v1::Delivery> found;
    connect();
    for (const auto& one : dispatcher->handouts(now)) {
      if (one.message.delivery().event().has_sweep()) {
        found.push_back(one.message.delivery());
      } else {
        note_reply(one.message.delivery());
        settle(one.message.delivery(), v1::OUTCOME_DONE);
      }
    }
    return found;
  }
  std::vector<v1::Delivery> sweeps_after(Millis time) {
    now = now + time;
    return sweeps_due();
  }
  static v1::FoundMessage found(const std::string& msg_key, const std::string& text,
                                const std::string& from = "agent1") {
    v1::FoundMessage told;
    told.set_from(from);
    told.set_to(kAlice.value);
    told.set_msg_key(msg_key);
    told.mutable_message()->add_elements()->set_text(text);
    return told;
  }
  static v1::Verdict verdict_with(std::vector<v1::FoundMessage> messages) {
    v1::Verdict verdict;
    for (auto& message : messages) *verdict.add_found() = std::move(message);
    return verdict;
  }
  AgentPush called_back(const std::string& msg_key, const std::string& text) {
    im::SentMessage message;
    message.from = "agent1";
    message.to = kAlice.value;
    message.msg_key = msg_key;
    message.content.elements.emplace_back().set_text(text);
    return agent_push(message);
  }
  void note_reply(const v1::Delivery& delivery) {
    if (delivery.event().has_agent_message()) sent.push_back(delivery.event().agent_message().text());
  }
  // All of this test so far, one after the other, as they went out.
  std::vector<std::string> texts_sent() {
    for (int i = 0; i < 10; ++i) {
      for (const auto& delivery : replies()) {
        note_reply(delivery);
        settle(delivery, v1::OUTCOME_DONE);
      }
    }
    return sent;
  }

  std::vector<std::string> sent;
};

using Sent = std::vector<std::string>;
constexpr Millis kMinute{60'000};

}  // namespace

TEST_CASE("a message whose callback never came is found, in order, and none is doubled") {
  SweptBench bench;
  bench.accept(bench.called_back("2_2_2", "two"));
  const auto asked = bench.sweeps_after(kMinute);
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].im_user() == kAlice.value);
  CHECK(asked[0].agent() == "agent1");
  CHECK(asked[0].event().sweep().agent() == "agent1");
  bench.settle(asked[0], v1::OUTCOME_DONE,
               SweptBench::verdict_with({SweptBench::found("1_1_1", "one"), SweptBench::found("2_2_2", "two"),
                                         SweptBench::found("3_3_3", "three"),
                                         SweptBench::found("4_4_4", "four", "stranger")}));
  // Late callbacks, and the next sweep, bring nothing new.
  CHECK(bench.accept(bench.called_back("3_3_3", "three")) == Receipt::Kind::duplicate);
  const auto again = bench.sweeps_after(kMinute);
  REQUIRE(again.size() == 1);
  bench.settle(
      again[0], v1::OUTCOME_DONE,
      SweptBench::verdict_with({SweptBench::found("1_1_1", "one"), SweptBench::found("3_3_3", "x")}));
  CHECK(bench.texts_sent() == Sent{"two", "one", "three"});
}

TEST_CASE("what was recalled or disregarded is not brought back by a sweep") {
  SweptBench bench;
  const auto recalled = bench.called_back("1_1_1", "oops");
  bench.accept(Recall{recalled.key, recalled.to, recalled.source_id});
  const auto rest = bench.called_back("2_2_2", "by REST");
  bench.accept(Disregard{rest.key, rest.to});
  const auto asked = bench.sweeps_after(kMinute);
  REQUIRE(asked.size() == 1);
  bench.settle(
      asked[0], v1::OUTCOME_DONE,
      SweptBench::verdict_with({SweptBench::found("1_1_1", "oops"), SweptBench::found("2_2_2", "x")}));
  CHECK(bench.texts_sent().empty());
}

TEST_CASE("a sweep leaves no trace: not in the journal, the figures or the tap") {
  SweptBench bench;
  const auto before = bench.journal->totals(v1::QUEUE_RELAY).done;
  const auto last = bench.journal->next_sequence();
  for (const auto outcome :
       {v1::OUTCOME_DONE, v1::OUTCOME_DEAD, v1::OUTCOME_RETRY, v1::OUTCOME_UNAVAILABLE}) {
    CAPTURE(outcome);
    const auto asked = bench.sweeps_after(kMinute);
    REQUIRE(asked.size() == 1);
    bench.settle(asked[0], outcome);
    CHECK(bench.dispatcher->steps().empty());
    const auto counts = bench.dispatcher->queue(v1::QUEUE_RELAY).counts();
    CHECK(counts.ready + counts.waiting + counts.in_flight == 0);
  }
  CHECK(bench.journal->totals(v1::QUEUE_RELAY).done == before);
  CHECK(bench.journal->totals(v1::QUEUE_RELAY).dead == 0);
  CHECK(bench.journal->next_sequence() == last);
}

TEST_CASE("after a restart it is asked at once, from the last word on") {
  SweptBench bench;
  const auto last_word = bench.now;
  bench.accept(bench.called_back("1_1_1", "before"));
  bench.now = bench.now + Millis(3'600'000);
  bench.restart();
  bench.connect();
  const auto asked = bench.sweeps_due();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].event().sweep().since_s() <= last_word.ms / 1000);
  bench.settle(asked[0], v1::OUTCOME_DONE,
               SweptBench::verdict_with(
                   {SweptBench::found("1_1_1", "before"), SweptBench::found("2_2_2", "while it was down")}));
  CHECK(bench.texts_sent() == Sent{"before", "while it was down"});
  // Its verdict comes again, to a gateway that knows nothing of it any more.
  bench.restart();
  bench.settle(asked[0], v1::OUTCOME_DONE, SweptBench::verdict_with({SweptBench::found("3_3_3", "late")}));
  CHECK(bench.texts_sent().size() == 2);
}

TEST_CASE("nobody is asked when nobody should be") {
  SweptBench bench;
  SUBCASE("an older relay is connected") {
    bench.sweeps = false;
  }
  SUBCASE("the queue is paused") {
    bench.dispatcher->pause(v1::QUEUE_RELAY);
  }
  SUBCASE("the account is not imported") {
    auto customer = *bench.journal->customer(kAlice);
    customer.imported = false;
    bench.journal->save(customer);
  }
  SUBCASE("keys are forgotten sooner than a relay may look back") {
    bench.options.keep_done = Millis(19 * 60'000);
    bench.restart();
  }
  SUBCASE("sweeps are off") {
    bench.options.sweep_every = Millis(0);
    bench.restart();
  }
  CHECK(bench.sweeps_after(kMinute).empty());
}

TEST_CASE("a sweep never holds up the customer's own words") {
  SweptBench bench;
  REQUIRE(bench.sweeps_after(kMinute).size() == 1);
  bench.alice_writes();
  CHECK(bench.deliveries(v1::QUEUE_RELAY).size() == 1);
}

TEST_CASE("a sweep that nobody has taken is withdrawn when the queue is paused") {
  SweptBench bench;
  bench.now = bench.now + kMinute;
  bench.connect();  // it is in the queue
  bench.dispatcher->pause(v1::QUEUE_RELAY);
  bench.turn();
  bench.dispatcher->resume(v1::QUEUE_RELAY);
  CHECK(bench.dispatcher->handouts(bench.now).empty());
  CHECK(bench.sweeps_after(kMinute).size() == 1);
}

TEST_CASE("sweeps take a quarter of the relays' slots at most") {
  SweptBench bench;
  bench.slots = 64;
  constexpr int kMany = 1000;
  for (int i = 0; i < kMany; ++i) {
    Customer customer;
    customer.openid = OpenId("o" + std::to_string(i));
    customer.im_user = ImUserId(customer.openid.value);
    customer.imported = customer.following = true;
    customer.agent = "agent1";
    customer.active_at = bench.now;
    bench.journal->save(customer);
  }
  bench.turn();
  bench.restart();
  bench.connect();
  std::size_t asked = 0;
  auto first = bench.sweeps_due();
  CHECK(first.size() == 16);
  CHECK(bench.sweeps_due().empty());
  for (const auto& delivery : first) {
    ++asked;
    bench.settle(delivery, v1::OUTCOME_DONE);
  }
  for (int turn = 0; turn < 300; ++turn) {
    for (const auto& delivery : bench.sweeps_after(Millis(100))) {
      ++asked;
      bench.settle(delivery, v1::OUTCOME_DONE);
    }
  }
  CHECK(asked == kMany + 1);
}

// --- presence ---

namespace {

struct PresenceBench : Bench {
  PresenceBench() {
    options.agents = {"agent1", "agent2"};
    presence = true;
    restart();
  }
  // The question that the relay has to put to IM now, if there is one.
  std::vector<v1::Delivery> asked() {
    std::vector<v1::Delivery> found;
    for (const auto& delivery : deliveries(v1::QUEUE_RELAY)) {
      if (delivery.event().has_presence_query()) {
        found.push_back(delivery);
      } else {
        settle(delivery, v1::OUTCOME_DONE);
      }
    }
    return found;
  }
  std::vector<v1::Delivery> asked_after(Millis time) {
    now = now + time;
    return asked();
  }
  void answer(const v1::Delivery& question, v1::AgentStatus::Status first, v1::AgentStatus::Status second) {
    v1::Verdict verdict;
    const auto add = [&](const char* agent, v1::AgentStatus::Status status) {
      auto& told = *verdict.add_presence();
      told.set_agent(agent);
      told.set_status(status);
    };
    add("agent1", first);
    add("agent2", second);
    add("stranger", first);
    settle(question, v1::OUTCOME_DONE, verdict);
  }
  // Who gets a new customer.
  std::string next_agent() {
    CustomerPush push;
    push.key = dedup_key({"push", std::to_string(++keys)});
    push.customer = OpenId("oNew" + std::to_string(keys));
    push.text = "hello";
    push.message_type = "text";
    last_receipt = dispatcher->accept(push, now);
    turn();
    return journal->customer(push.customer)->agent;
  }

  Receipt last_receipt;
};

constexpr auto kOnline = v1::AgentStatus::STATUS_ONLINE;
constexpr auto kPushOnline = v1::AgentStatus::STATUS_PUSH_ONLINE;
constexpr auto kOffline = v1::AgentStatus::STATUS_OFFLINE;

}  // namespace

TEST_CASE(
    "IM is asked who is online at start and every ten minutes, and the answer decides who gets customers") {
  PresenceBench bench;
  const auto first = bench.asked();
  REQUIRE(first.size() == 1);
  CHECK(first[0].event().presence_query().agents_size() == 2);
  CHECK(first[0].event().customer().empty());
  bench.answer(first[0], kOffline, kOnline);
  for (int i = 0; i < 8; ++i) CHECK(bench.next_agent() == "agent2");
  CHECK(bench.journal->agents().size() == 2);  // strangers are nobody
  CHECK_FALSE(bench.journal->customer(OpenId("")));

  CHECK(bench.asked_after(PresenceBook::kEvery - Millis(1)).empty());
  const auto second = bench.asked_after(Millis(1));
  REQUIRE(second.size() == 1);
  bench.answer(second[0], kOnline, kPushOnline);
  CHECK(bench.next_agent() == "agent1");
  // What was heard counts over a restart, and IM is asked again.
  bench.restart();
  CHECK(bench.next_agent() == "agent1");
  CHECK(bench.asked().size() == 1);
}

TEST_CASE("a word about an agent that came after the question counts more than the answer") {
  PresenceBench bench;
  const auto question = bench.asked();
  REQUIRE(question.size() == 1);
  bench.now = bench.now + Millis(500);
  bench.accept(AgentPresence{"agent1", "online", "Register", "", bench.now - Millis(2000)});
  bench.answer(question[0], kOffline, kOffline);
  CHECK(bench.next_agent() == "agent1");
  CHECK(bench.last_receipt.reply == ReplyKind::please_wait);
}

TEST_CASE("who is said to be offline and writes is there") {
  PresenceBench bench;
  bench.answer(bench.asked().at(0), kOffline, kOffline);
  bench.alice_writes();
  bench.accept(Bench::reply("here I am"));
  CHECK(bench.next_agent() == "agent1");
  CHECK(bench.last_receipt.reply == ReplyKind::please_wait);
  CHECK(bench.asked_after(PresenceBook::kNotSooner).size() == 1);  // to make sure
}

TEST_CASE("IM is asked again soon when a customer finds nobody at the desk") {
  PresenceBench bench;
  bench.answer(bench.asked().at(0), kOffline, kOffline);
  CHECK(bench.asked_after(PresenceBook::kNotSooner).empty());
  bench.next_agent();
  CHECK(bench.last_receipt.reply == ReplyKind::offline);
  CHECK(bench.asked().size() == 1);
}

TEST_CASE("without an answer from IM all is as if nobody had asked") {
  PresenceBench bench;
  SUBCASE("IM refuses to tell") {
    v1::Verdict verdict;
    verdict.set_reason("presence is not known: 60009");
    bench.settle(bench.asked().at(0), v1::OUTCOME_DONE, verdict);
    CHECK(bench.asked_after(PresenceBook::kAgain).empty());
  }
  SUBCASE("IM is away") {
    bench.settle(bench.asked().at(0), v1::OUTCOME_UNAVAILABLE);
    CHECK(bench.asked_after(PresenceBook::kAgain).size() == 1);
  }
  SUBCASE("an older relay is connected") {
    bench.presence = false;
    CHECK(bench.asked().empty());
  }
  SUBCASE("an older relay comes while the question waits") {
    bench.connect();
    bench.presence = false;
    CHECK(bench.asked().empty());
  }
  SUBCASE("the queue is paused") {
    bench.dispatcher->pause(v1::QUEUE_RELAY);
    CHECK(bench.asked().empty());
  }
  CHECK(bench.journal->agents().empty());
  CHECK(bench.next_agent() == "agent1");
  CHECK(bench.next_agent() == "agent2");
  CHECK(bench.last_receipt.reply == ReplyKind::please_wait);
}

TEST_CASE("a question about presence leaves no trace: not in the journal, the figures or the tap") {
  PresenceBench bench;
  const auto last = bench.journal->next_sequence();
  bench.answer(bench.asked().at(0), kOnline, kOnline);
  CHECK(bench.dispatcher->steps().empty());
  const auto counts = bench.dispatcher->queue(v1::QUEUE_RELAY).counts();
  CHECK(counts.ready + counts.waiting + counts.in_flight == 0);
  CHECK(bench.journal->totals(v1::QUEUE_RELAY).done == 0);
  CHECK(bench.journal->next_sequence() == last);
}

TEST_CASE("an operator sees what is known of each agent, and how many conversations they have") {
  PresenceBench bench;
  bench.accept(AgentPresence{"agent1", "offline", "Unregister", "", Timestamp{2000}});
  bench.next_agent();
  const auto told = nlohmann::json::parse(
      answer_admin(R"({"cmd":"agents"})", *bench.dispatcher, *bench.journal, bench.now));
  REQUIRE(told["agents"].size() == 2);
  CHECK(told["agents"][0]["state"] == "offline");
  CHECK(told["agents"][0]["since"] == 2000);
  CHECK(told["agents"][0]["open"] == 0);
  CHECK(told["agents"][1]["agent"] == "agent2");
  CHECK(told["agents"][1]["state"] == "unknown");
  CHECK(told["agents"][1]["since"].is_null());
  CHECK(told["agents"][1]["open"] == 1);
}

TEST_CASE("the examples of docs/cards.md are cards") {
  std::ifstream lines(KEFU_TEST_VECTORS "/../../docs/cards.md");
  int examples = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(R"({"kefu":)")) continue;
    CAPTURE(line);
    const nlohmann::json element{{"MsgType", "TIMCustomElem"}, {"MsgContent", {{"Data", line}}}};
    const auto content = im::parse_content(nlohmann::json::array({element}).dump());
    REQUIRE(content.elements.size() == 1);
    const auto card =
        wechat::parse_card(content.elements[0].card().type(), content.elements[0].card().json());
    CHECK_MESSAGE(card.ok(), (card ? "" : card.error()));
    ++examples;
  }
  CHECK(examples == 6);
}
