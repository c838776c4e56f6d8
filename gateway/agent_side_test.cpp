// What agents do besides writing: recall, edit, send more than text.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

#include "gateway/agent_words.h"
#include "gateway/dispatcher.h"
#include "gateway/journal/memory_journal.h"
#include "gateway/journal/sqlite_journal.h"
#include "gateway/notice.h"
#include "lib/base/digest.h"
#include "lib/base/limits.h"

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
    hello.set_slots(8);
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
  void settle(const v1::Delivery& delivery, v1::Outcome outcome) {
    v1::FromWorker message;
    auto& verdict = *message.mutable_verdict();
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
