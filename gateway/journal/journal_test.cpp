// What every Journal must do, over each of them.
#include "gateway/journal/journal.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "gateway/journal/memory_journal.h"
#include "gateway/journal/sqlite_journal.h"
#include "lib/base/digest.h"

using namespace kefu;

namespace {

class SqliteStore {
 public:
  SqliteStore() { std::filesystem::create_directories(folder_); }
  ~SqliteStore() { std::filesystem::remove_all(folder_); }
  std::unique_ptr<Journal> open() { return open_sqlite_journal((folder_ / "journal.db").string()); }
  std::uintmax_t bytes() const {
    std::uintmax_t sum = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder_)) sum += file.file_size();
    return sum;
  }

 private:
  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("kefu-" + random_hex(8));
};

class MemoryStore {
 public:
  std::unique_ptr<Journal> open() { return open_memory_journal(disk_); }

 private:
  MemoryDisk disk_;
};

const OpenId kAlice("oAlice");
constexpr Timestamp kNow{1'700'000'000'000};

template <class Store>
struct Bench {
  Store store;
  std::unique_ptr<Journal> journal = store.open();

  // What was not committed is gone, as with kill -9.
  void restart() {
    journal.reset();
    journal = store.open();
  }

  EventId put(const std::string& key, v1::Queue queue = v1::QUEUE_RELAY, ReplyKind reply = ReplyKind::none) {
    v1::Event event;
    event.set_queue(queue);
    event.set_customer("oAlice");
    event.set_source_id("source of " + key);
    event.set_accepted_at_ms(kNow.ms);
    event.mutable_customer_message()->set_text("text of " + key);
    return journal->put(event, dedup_key({key}), reply).id;
  }

  void change(EventId event, queue::State state, Timestamp at = kNow) {
    queue::Change change;
    change.event = event;
    change.customer = OpenId("oAlice");
    change.state = state;
    journal->apply(change, at);
  }

  std::vector<queue::Remembered> unfinished() {
    std::vector<queue::Remembered> found;
    journal->each_unfinished([&](v1::Queue, const queue::Remembered& event) { found.push_back(event); });
    return found;
  }
};

Customer customer(const std::string& openid, const std::string& im_user, std::uint32_t generation) {
  Customer customer;
  customer.openid = OpenId(openid);
  customer.im_user = ImUserId(im_user);
  customer.generation = generation;
  return customer;
}

QuarantinedPush quarantined(QuarantineClass kind, const std::string& body, Timestamp at = kNow,
                            const std::string& source = "wechat") {
  QuarantinedPush push;
  push.at = at;
  push.source = source;
  push.kind = kind;
  push.reason = "because";
  push.query = {{"openid", "oAlice"}, {"nonce", "a\"b&c"}};
  push.body = body;
  return push;
}

std::vector<std::uint64_t> ids_of(const std::vector<QuarantinedPush>& rows) {
  std::vector<std::uint64_t> ids;
  for (const auto& row : rows) ids.push_back(row.id);
  return ids;
}

}  // namespace

TEST_CASE_TEMPLATE("an event is kept as it was put", Store, SqliteStore, MemoryStore) {
  Bench<Store> bench;
  const auto id = bench.put("a");
  bench.journal->commit();
  bench.restart();
  const auto stored = bench.journal->event(id);
  REQUIRE(stored);
  CHECK(stored->event.id() == id.value);
  CHECK(stored->event.queue() == v1::QUEUE_RELAY);
  CHECK(stored->event.customer() == "oAlice");
  CHECK(stored->event.accepted_at_ms() == kNow.ms);
  CHECK(stored->event.customer_message().text() == "text of a");
  CHECK(stored->state == queue::State::ready);
  CHECK_FALSE(bench.journal->event(EventId{id.value + 1}));
}

TEST_CASE_TEMPLATE("a known key makes no second event and remembers the answer", Store, SqliteStore,
                   MemoryStore) {
  Bench<Store> bench;
  const auto id = bench.put("a", v1::QUEUE_RELAY, ReplyKind::welcome);
  SUBCASE("before the commit") {}
  SUBCASE("after a restart") {
    bench.journal->commit();
    bench.restart();
  }
  v1::Event again;
  again.set_customer("oAlice");
  const auto put = bench.journal->put(again, dedup_key({"a"}), ReplyKind::none);
  CHECK(put.duplicate);
  CHECK(put.id == id);
  CHECK(put.reply == ReplyKind::welcome);
  CHECK(bench.journal->find(kAlice, dedup_key({"a"}))->id == id);
  CHECK_FALSE(bench.journal->find(kAlice, dedup_key({"b"})));
}

TEST_CASE_TEMPLATE("nothing of what is not committed survives", Store, SqliteStore, MemoryStore) {
  Bench<Store> bench;
  const auto kept = bench.put("kept");
  bench.change(kept, queue::State::waiting);
  bench.journal->save(customer("oAlice", "oAlice", 0));
  bench.journal->commit();

  const auto lost = bench.put("lost");
  bench.change(kept, queue::State::done);
  auto changed = customer("oAlice", "oAlice-1", 1);
  bench.journal->save(changed);
  bench.journal->save(customer("oBob", "oBob", 0));
  bench.journal->worker_came(v1::QUEUE_RELAY, WorkerId("w"));
  bench.journal->set_paused(v1::QUEUE_RELAY, true);
  CHECK(bench.journal->totals(v1::QUEUE_RELAY).done == 1);
  bench.restart();

  CHECK(bench.journal->event(kept)->state == queue::State::waiting);
  CHECK_FALSE(bench.journal->event(lost));
  CHECK_FALSE(bench.journal->find(kAlice, dedup_key({"lost"})));
  CHECK(bench.journal->customer(OpenId("oAlice"))->im_user.value == "oAlice");
  CHECK_FALSE(bench.journal->customer(OpenId("oBob")));
  CHECK(bench.journal->workers(v1::QUEUE_RELAY).empty());
  CHECK_FALSE(bench.journal->paused(v1::QUEUE_RELAY));
  CHECK(bench.journal->totals(v1::QUEUE_RELAY).done == 0);
  CHECK(bench.put("next") == lost);
}

TEST_CASE_TEMPLATE("the epoch rises with every opening, the identity stays", Store, SqliteStore,
                   MemoryStore) {
  Bench<Store> bench;
  const auto epoch = bench.journal->epoch();
  const auto identity = bench.journal->identity();
  CHECK(identity != 0);
  bench.restart();
  CHECK(bench.journal->epoch() == epoch + 1);
  CHECK(bench.journal->identity() == identity);
  Bench<Store> other;
  CHECK(other.journal->identity() != identity);
}

TEST_CASE_TEMPLATE("ids rise, and the next one is known beforehand", Store, SqliteStore, MemoryStore) {
  Bench<Store> bench;
  const auto expected = bench.journal->next_sequence();
  CHECK(bench.put("a").value == expected);
  CHECK(bench.put("b").value == expected + 1);
  bench.journal->commit();
  bench.restart();
  CHECK(bench.put("c").value == expected + 2);
}

TEST_CASE_TEMPLATE("unfinished events come back in order, with all that the queue must know", Store,
                   SqliteStore, MemoryStore) {
  Bench<Store> bench;
  const auto ready = bench.put("ready");
  const auto done = bench.put("done");
  const auto waiting = bench.put("waiting");
  const auto dead = bench.put("dead");
  const auto anew = bench.put("anew");
  bench.change(done, queue::State::done);
  bench.change(dead, queue::State::dead);
  queue::Change wait;
  wait.event = waiting;
  wait.state = queue::State::waiting;
  wait.attempts = 3;
  wait.progress = 2;
  wait.due = kNow + Millis(5000);
  wait.settled = Lease{77};
  bench.journal->apply(wait, kNow);
  queue::Change replayed;
  replayed.event = anew;
  replayed.begun_anew = kNow + Millis(9000);
  bench.journal->apply(replayed, kNow);
  bench.journal->commit();
  bench.restart();

  const auto found = bench.unfinished();
  REQUIRE(found.size() == 3);
  CHECK(found[0].event == ready);
  CHECK(found[0].customer.value == "oAlice");
  CHECK(found[0].accepted_at == kNow);
  CHECK(found[1].event == waiting);
  CHECK(found[1].state == queue::State::waiting);
  CHECK(found[1].attempts == 3);
  CHECK(found[1].progress == 2);
  CHECK(found[1].due == kNow + Millis(5000));
  CHECK(found[1].settled == Lease{77});
  CHECK(found[2].event == anew);
  CHECK(found[2].accepted_at == kNow + Millis(9000));
}

TEST_CASE_TEMPLATE("lists show the newest done ones and the oldest of all others, up to the limit", Store,
                   SqliteStore, MemoryStore) {
  Bench<Store> bench;
  std::vector<EventId> ids;
  for (const auto* key : {"a", "b", "c", "d", "e", "f"}) ids.push_back(bench.put(key));
  bench.change(ids[0], queue::State::done);
  bench.change(ids[2], queue::State::done, kNow + Millis(5));
  bench.change(ids[1], queue::State::done, kNow + Millis(5));
  for (int i = 3; i < 6; ++i) bench.change(ids[static_cast<std::size_t>(i)], queue::State::dead);
  const auto done = bench.journal->list(v1::QUEUE_RELAY, queue::State::done, 2);
  REQUIRE(done.size() == 2);
  CHECK(done[0].event.id() == ids[2].value);
  CHECK(done[1].event.id() == ids[1].value);
  const auto dead = bench.journal->list(v1::QUEUE_RELAY, queue::State::dead, 2);
  REQUIRE(dead.size() == 2);
  CHECK(dead[0].event.id() == ids[3].value);
  CHECK(bench.journal->dead(v1::QUEUE_RELAY) == std::vector<EventId>{ids[3], ids[4], ids[5]});
  CHECK(bench.journal->list(v1::QUEUE_NOTIFIER, queue::State::done, 9).empty());
}

TEST_CASE_TEMPLATE("what is done and dead is counted, over a restart too", Store, SqliteStore, MemoryStore) {
  Bench<Store> bench;
  const auto a = bench.put("a");
  const auto b = bench.put("b", v1::QUEUE_NOTIFIER);
  const auto c = bench.put("c");
  bench.change(a, queue::State::done);
  bench.change(b, queue::State::dead);
  bench.change(c, queue::State::dead);
  bench.change(c, queue::State::ready);  // replayed
  bench.journal->commit();
  SUBCASE("in one run") {}
  SUBCASE("over a restart") {
    bench.restart();
  }
  CHECK(bench.journal->totals(v1::QUEUE_RELAY).done == 1);
  CHECK(bench.journal->totals(v1::QUEUE_RELAY).dead == 0);
  CHECK(bench.journal->totals(v1::QUEUE_NOTIFIER).dead == 1);
}

TEST_CASE_TEMPLATE("a dropped dead letter loses its text and goes on refusing duplicates", Store, SqliteStore,
                   MemoryStore) {
  Bench<Store> bench;
  const auto id = bench.put("a");
  CHECK_FALSE(bench.journal->erase_dead(id));
  bench.change(id, queue::State::dead);
  CHECK(bench.journal->erase_dead(id));
  CHECK(bench.journal->totals(v1::QUEUE_RELAY).dead == 0);
  CHECK(bench.journal->dead(v1::QUEUE_RELAY).empty());
  const auto stored = bench.journal->event(id);
  REQUIRE(stored);
  CHECK_FALSE(stored->event.has_customer_message());
  CHECK(stored->event.customer() == "oAlice");
  CHECK(bench.put("a") == id);
  CHECK_FALSE(bench.journal->erase_dead(id));
}

TEST_CASE_TEMPLATE("customers are found by both of their names", Store, SqliteStore, MemoryStore) {
  Bench<Store> bench;
  auto alice = customer("oAlice", "oAlice-2", 2);
  alice.imported = alice.following = true;
  alice.agent = "agent1";
  alice.active_at = kNow;
  alice.conversation_at = kNow - Millis(5);
  alice.window = {kNow + Millis(7), 3, ReplyWindow::Opener::menu};
  bench.journal->save(alice);
  bench.journal->save(customer("oBob", "oBob", 0));
  bench.journal->commit();
  bench.restart();
  const auto found = bench.journal->customer_of(ImUserId("oAlice-2"));
  REQUIRE(found);
  CHECK(found->openid.value == "oAlice");
  CHECK(found->generation == 2);
  CHECK(found->imported);
  CHECK(found->following);
  CHECK(found->agent == "agent1");
  CHECK(found->active_at == kNow);
  CHECK(found->conversation_at == kNow - Millis(5));
  CHECK(found->window.ends_at == kNow + Millis(7));
  CHECK(found->window.replies_left == 3);
  CHECK(found->window.opened_by == ReplyWindow::Opener::menu);
  CHECK(bench.journal->customer_of(ImUserId("oBob"))->openid.value == "oBob");
  CHECK_FALSE(bench.journal->customer_of(ImUserId("oAlice")));  // she has another account now
  CHECK_FALSE(bench.journal->customer(OpenId("oCarol")));

  int active = 0;
  bench.journal->each_customer_active_since(kNow, [&](const Customer&) { ++active; });
  bench.journal->each_customer_active_since(kNow + Millis(1), [&](const Customer&) { ++active; });
  CHECK(active == 1);
}

TEST_CASE_TEMPLATE("workers and pauses survive a restart", Store, SqliteStore, MemoryStore) {
  Bench<Store> bench;
  bench.journal->worker_came(v1::QUEUE_RELAY, WorkerId("stays"));
  bench.journal->worker_came(v1::QUEUE_RELAY, WorkerId("stays"));
  bench.journal->worker_came(v1::QUEUE_RELAY, WorkerId("goes"));
  bench.journal->worker_went(v1::QUEUE_RELAY, WorkerId("goes"));
  bench.journal->set_paused(v1::QUEUE_NOTIFIER, true);
  bench.journal->commit();
  bench.restart();
  CHECK(bench.journal->workers(v1::QUEUE_RELAY) == std::vector<WorkerId>{WorkerId("stays")});
  CHECK(bench.journal->workers(v1::QUEUE_NOTIFIER).empty());
  CHECK(bench.journal->paused(v1::QUEUE_NOTIFIER));
  CHECK_FALSE(bench.journal->paused(v1::QUEUE_RELAY));
  bench.journal->set_paused(v1::QUEUE_NOTIFIER, false);
  CHECK_FALSE(bench.journal->paused(v1::QUEUE_NOTIFIER));
}

TEST_CASE_TEMPLATE("old done events and their keys go away in small steps, dead ones and the newest stay",
                   Store, SqliteStore, MemoryStore) {
  Bench<Store> bench;
  std::vector<EventId> ids;
  for (const auto* key : {"a", "b", "c", "dead", "young", "newest"}) ids.push_back(bench.put(key));
  for (const auto id : {ids[0], ids[1], ids[2], ids[5]}) bench.change(id, queue::State::done);
  bench.change(ids[3], queue::State::dead);
  bench.change(ids[4], queue::State::done, kNow + Millis(10));
  CHECK(bench.journal->forget(kNow + Millis(5), 2));
  CHECK_FALSE(bench.journal->forget(kNow + Millis(5), 2));
  bench.journal->commit();
  bench.restart();
  CHECK_FALSE(bench.journal->event(ids[0]));
  CHECK_FALSE(bench.journal->event(ids[2]));
  CHECK_FALSE(bench.journal->find(kAlice, dedup_key({"b"})));
  CHECK(bench.journal->event(ids[3]));
  CHECK(bench.journal->event(ids[4]));
  CHECK(bench.journal->event(ids[5]));
  CHECK(bench.put("a").value == ids[5].value + 1);
}

TEST_CASE_TEMPLATE("a push without an event is noted once, over a restart too, until its time is over", Store,
                   SqliteStore, MemoryStore) {
  Bench<Store> bench;
  const auto key = dedup_key({"menu"});
  CHECK(bench.journal->note(key, kNow));
  CHECK_FALSE(bench.journal->note(key, kNow));
  bench.restart();
  CHECK(bench.journal->note(key, kNow));
  bench.journal->commit();
  bench.restart();
  CHECK_FALSE(bench.journal->note(key, kNow + Millis(5)));
  CHECK(bench.journal->note(dedup_key({"other"}), kNow + Millis(1)));
  bench.journal->forget(kNow + Millis(1), 10);
  CHECK(bench.journal->note(key, kNow));
  CHECK_FALSE(bench.journal->note(dedup_key({"other"}), kNow));
}

TEST_CASE("a disk in memory can fail, and what was committed before stays") {
  MemoryDisk disk;
  auto journal = open_memory_journal(disk);
  v1::Event event;
  event.set_queue(v1::QUEUE_RELAY);
  event.set_customer("oAlice");
  journal->put(event, dedup_key({"a"}), ReplyKind::none);
  journal->commit();
  disk.before_commit = [] { throw JournalError("disk full"); };
  journal->commit();  // nothing is staged
  journal->put(event, dedup_key({"b"}), ReplyKind::none);
  CHECK_THROWS_AS(journal->commit(), JournalError);
  journal = nullptr;
  disk.before_commit = nullptr;
  journal = open_memory_journal(disk);
  CHECK(journal->find(kAlice, dedup_key({"a"})));
  CHECK_FALSE(journal->find(kAlice, dedup_key({"b"})));
}

TEST_CASE_TEMPLATE("events are found by customer and by the id their cloud gave them", Store, SqliteStore,
                   MemoryStore) {
  Bench<Store> bench;
  const auto a = bench.put("a");
  const auto b = bench.put("b", v1::QUEUE_NOTIFIER);
  const auto c = bench.put("c");
  v1::Event other;
  other.set_queue(v1::QUEUE_RELAY);
  other.set_customer("oBob");
  bench.journal->put(other, dedup_key({"a"}), ReplyKind::none);
  bench.change(a, queue::State::done);
  bench.journal->commit();
  bench.restart();
  CHECK(bench.journal->events_of(kAlice, 9) == std::vector<EventId>{c, b, a});
  CHECK(bench.journal->events_of(kAlice, 2) == std::vector<EventId>{c, b});
  CHECK(bench.journal->events_of(OpenId("oBob"), 9) == std::vector<EventId>{EventId{other.id()}});
  CHECK(bench.journal->events_of(OpenId("oNobody"), 9).empty());
  CHECK(bench.journal->find_source("source of b") == std::vector<EventId>{b});
  CHECK(bench.journal->event(b)->event.source_id() == "source of b");
  CHECK(bench.journal->find_source("source of d").empty());
  CHECK(bench.journal->find_source("").empty());
}

TEST_CASE_TEMPLATE("the way of an event is told hop by hop, over a restart too", Store, SqliteStore,
                   MemoryStore) {
  Bench<Store> bench;
  const auto id = bench.put("a");
  queue::Change failed;
  failed.event = id;
  failed.customer = kAlice;
  failed.state = queue::State::waiting;
  failed.attempts = 1;
  failed.error = "too many calls";
  failed.worker = WorkerId("w1");
  failed.delivered_at = kNow + Millis(100);
  failed.code = 20004;
  failed.failure = v1::FAILURE_THROTTLE;
  failed.unsure = 1;
  failed.unsure_at = kNow + Millis(100);
  bench.journal->apply(failed, kNow + Millis(150));
  auto done = failed;
  done.state = queue::State::done;
  done.error.clear();
  done.worker = WorkerId("w2");
  done.delivered_at = kNow + Millis(300);
  done.code = 0;
  done.failure = v1::FAILURE_UNSPECIFIED;
  bench.journal->apply(done, kNow + Millis(370));
  bench.journal->commit();
  bench.restart();

  CHECK(bench.journal->event(id)->unsure == 1);
  CHECK(bench.journal->event(id)->unsure_at == kNow + Millis(100));
  const auto hops = bench.journal->hops(id);
  REQUIRE(hops.size() == 5);
  CHECK(hops[0].step == "accepted");
  CHECK(hops[0].at == kNow);
  CHECK(hops[0].worker.empty());
  CHECK(hops[1].step == "delivered");
  CHECK(hops[1].at == kNow + Millis(100));
  CHECK(hops[1].attempt == 1);
  CHECK(hops[1].worker == "w1");
  CHECK(hops[2].step == "retry");
  CHECK(hops[2].at == kNow + Millis(150));
  CHECK(hops[2].attempt == 1);
  CHECK(hops[2].worker == "w1");
  CHECK(hops[2].took == Millis(50));
  CHECK(hops[2].code == 20004);
  CHECK(hops[2].failure == v1::FAILURE_THROTTLE);
  CHECK(hops[2].error == "too many calls");
  CHECK(hops[3].step == "delivered");
  CHECK(hops[3].at == kNow + Millis(300));
  CHECK(hops[3].attempt == 2);
  CHECK(hops[4].step == "done");
  CHECK(hops[4].at == kNow + Millis(370));
  CHECK(hops[4].worker == "w2");
  CHECK(hops[4].took == Millis(70));
  CHECK(hops[4].code == 0);
  CHECK(bench.journal->hops(EventId{id.value + 1}).empty());
}

TEST_CASE(
    "of very many attempts the journal keeps the first and the last hops, and they go with their event") {
  Bench<SqliteStore> bench;
  const auto id = bench.put("a");
  queue::Change failed;
  failed.event = id;
  failed.state = queue::State::waiting;
  for (failed.attempts = 1; failed.attempts <= 1000; ++failed.attempts) {
    failed.error = "failure " + std::to_string(failed.attempts);
    bench.journal->apply(failed, kNow + Millis(failed.attempts));
  }
  const auto hops = bench.journal->hops(id);
  REQUIRE(hops.size() == 51);  // accepted, the first 10, the last 40
  CHECK(hops[1].error == "failure 1");
  CHECK(hops[10].error == "failure 10");
  CHECK(hops[11].error == "failure 961");
  CHECK(hops[50].error == "failure 1000");
  bench.change(id, queue::State::done);
  const auto newest = bench.put("b");
  CHECK_FALSE(bench.journal->forget(kNow + Millis(1), 10));
  CHECK(bench.journal->hops(id).empty());
  CHECK(bench.journal->hops(newest).size() == 1);
}

TEST_CASE_TEMPLATE("any number of events can be gone through a page at a time", Store, SqliteStore,
                   MemoryStore) {
  Bench<Store> bench;
  std::vector<EventId> ids;
  for (const auto* key : {"a", "b", "c", "d", "e"}) ids.push_back(bench.put(key));
  bench.put("other", v1::QUEUE_NOTIFIER);
  bench.change(ids[1], queue::State::waiting);
  bench.change(ids[2], queue::State::done);
  bench.change(ids[4], queue::State::dead);
  const auto page = [&](std::optional<queue::State> state, EventId after, std::uint32_t limit) {
    std::vector<EventId> found;
    for (const auto& stored : bench.journal->page(v1::QUEUE_RELAY, state, after, limit))
      found.push_back(EventId{stored.event.id()});
    return found;
  };
  using Ids = std::vector<EventId>;
  CHECK(page(std::nullopt, {}, 2) == Ids{ids[0], ids[1]});
  CHECK(page(std::nullopt, ids[1], 2) == Ids{ids[3]});
  CHECK(page(queue::State::ready, {}, 9) == Ids{ids[0], ids[3]});
  CHECK(page(queue::State::waiting, {}, 9) == Ids{ids[1]});
  CHECK(page(queue::State::done, {}, 9) == Ids{ids[2]});
  CHECK(page(queue::State::dead, ids[0], 9) == Ids{ids[4]});
  CHECK(page(queue::State::dead, ids[4], 9).empty());
}

TEST_CASE_TEMPLATE("an exported event is taken over once by another journal, with its full time", Store,
                   SqliteStore, MemoryStore) {
  Bench<Store> from;
  const auto id = from.put("a", v1::QUEUE_RELAY, ReplyKind::please_wait);
  queue::Change failed;
  failed.event = id;
  failed.state = queue::State::dead;
  failed.attempts = 7;
  failed.progress = 2;
  failed.unsure = 1;
  failed.unsure_at = kNow;
  failed.error = "too old";
  from.journal->apply(failed, kNow);
  auto exported = from.journal->event(id).value();
  CHECK(exported.key == dedup_key({"a"}));
  CHECK(exported.reply == ReplyKind::please_wait);

  Bench<Store> to;
  to.put("x");
  const auto later = kNow + std::chrono::hours(48);
  const auto taken = to.journal->take_over(exported, later);
  CHECK_FALSE(taken.duplicate);
  CHECK(exported.event.id() == taken.id.value);
  CHECK(to.journal->take_over(exported, later).duplicate);
  to.journal->commit();
  to.restart();
  const auto stored = to.journal->event(taken.id).value();
  CHECK(stored.state == queue::State::ready);
  CHECK(stored.event.customer_message().text() == "text of a");
  CHECK(stored.event.accepted_at_ms() == kNow.ms);
  CHECK(stored.attempts == 0);
  CHECK(stored.reply == ReplyKind::please_wait);
  const auto unfinished = to.unfinished();
  REQUIRE(unfinished.size() == 2);
  CHECK(unfinished[1].accepted_at == later);
  CHECK(unfinished[1].progress == 2);
  CHECK(unfinished[1].unsure == 1);
  CHECK(unfinished[1].unsure_at == kNow);
}

TEST_CASE("the files do not grow with all that ever was, only with what is kept") {
  Bench<SqliteStore> bench;
  constexpr int kEventsADay = 200;
  const auto live_through = [&](int day) {
    const auto now = kNow + std::chrono::hours(24) * day;
    for (int i = 0; i < kEventsADay; ++i) {
      v1::Event event;
      event.set_queue(v1::QUEUE_RELAY);
      event.set_customer("oCustomer" + std::to_string((day * 7919 + i * 104729) % 1000));
      event.set_source_id(std::to_string(day * kEventsADay + i));
      event.set_accepted_at_ms(now.ms);
      event.mutable_customer_message()->set_text(std::string(static_cast<std::size_t>(i), 'x'));
      const auto id = bench.journal->put(event, dedup_key({event.source_id()}), ReplyKind::none).id;
      bench.change(id, queue::State::waiting, now);
      bench.change(id, queue::State::done, now);
      bench.journal->quarantine(quarantined(QuarantineClass::not_understood, std::string(500, 'x'), now));
      if (i % 10 == 0) bench.journal->commit();
    }
    while (bench.journal->forget(now - std::chrono::hours(72), 50)) bench.journal->commit();
    while (bench.journal->forget_quarantined(now - std::chrono::hours(72), 50) > 0) bench.journal->commit();
    bench.journal->commit();
  };
  for (int day = 0; day < 10; ++day) live_through(day);
  bench.restart();  // the WAL is in the file now
  const auto after_ten_days = bench.store.bytes();
  for (int day = 10; day < 60; ++day) live_through(day);
  bench.restart();
  CHECK(bench.store.bytes() < after_ten_days * 5 / 4);
}

TEST_CASE_TEMPLATE("a push that could not be opened is quarantined whole, and nothing of it without a commit",
                   Store, SqliteStore, MemoryStore) {
  Bench<Store> bench;
  const std::string body = std::string(900'000, 'x') + std::string("\0\xff", 2);
  const auto id = bench.journal->quarantine(quarantined(QuarantineClass::undecryptable, body));
  bench.journal->commit();
  bench.journal->quarantine(quarantined(QuarantineClass::undecryptable, "lost with the crash"));
  bench.restart();
  const auto row = bench.journal->quarantined(id);
  REQUIRE(row);
  CHECK(row->body == body);
  CHECK(row->body_bytes == body.size());
  CHECK_FALSE(row->is_cut());
  CHECK(row->query == quarantined(QuarantineClass::undecryptable, "").query);
  CHECK(row->source == "wechat");
  CHECK(row->reason == "because");
  CHECK(row->at == kNow);
  CHECK(row->submitted_at == Timestamp{});
  CHECK(ids_of(bench.journal->quarantined(QuarantineFilter{}, 10)) == std::vector{id});
  CHECK(bench.journal->quarantined(QuarantineFilter{}, 10).front().body.empty());
}

TEST_CASE_TEMPLATE("what could not be opened is never trimmed by number, everything else is", Store,
                   SqliteStore, MemoryStore) {
  Bench<Store> bench;
  const auto first = bench.journal->quarantine(quarantined(QuarantineClass::undecryptable, "first"));
  const auto limited =
      bench.journal->quarantine(quarantined(QuarantineClass::left_out, std::string(100'000, 'x')));
  CHECK(bench.journal->quarantined(limited)->is_cut());
  CHECK(bench.journal->quarantined(limited)->body.size() == kQuarantineBodyBytesMax);
  for (std::size_t i = 0; i < kQuarantineRowsMax; ++i) {
    bench.journal->quarantine(quarantined(QuarantineClass::undecryptable, "b"));
    bench.journal->quarantine(quarantined(QuarantineClass::not_understood, "c"));
  }
  bench.journal->commit();
  bench.restart();
  CHECK(bench.journal->quarantined(first));
  CHECK_FALSE(bench.journal->quarantined(limited));
  const std::uint64_t rows = kQuarantineRowsMax;
  CHECK(bench.journal->quarantine_waiting() ==
        QuarantineCounts{{{"wechat", QuarantineClass::undecryptable}, rows + 1},
                         {{"wechat", QuarantineClass::not_understood}, rows}});
}

TEST_CASE_TEMPLATE("what was submitted waits no more, and old rows go away", Store, SqliteStore,
                   MemoryStore) {
  Bench<Store> bench;
  const auto old = bench.journal->quarantine(quarantined(QuarantineClass::undecryptable, "a"));
  const auto later = kNow + std::chrono::hours(30);
  const auto submitted = bench.journal->quarantine(quarantined(QuarantineClass::undecryptable, "b", later));
  const auto other = bench.journal->quarantine(quarantined(QuarantineClass::unknown_agent, "c", later, "im"));
  bench.journal->mark_submitted(submitted, later);
  SUBCASE("at once") {}
  SUBCASE("after a restart") {
    bench.journal->commit();
    bench.restart();
  }
  CHECK(bench.journal->quarantined(submitted)->submitted_at == later);
  const auto list = [&](const QuarantineFilter& wanted) {
    return ids_of(bench.journal->quarantined(wanted, 10));
  };
  CHECK(list({}) == std::vector{old, other});
  CHECK(list({.submitted = true}) == std::vector{old, submitted, other});
  CHECK(list({.after = old}) == std::vector{other});
  CHECK(list({.source = "im"}) == std::vector{other});
  CHECK(list({.kind = QuarantineClass::undecryptable}) == std::vector{old});
  CHECK(ids_of(bench.journal->quarantined(QuarantineFilter{}, 1)) == std::vector{old});
  CHECK(bench.journal->forget_quarantined(kNow, 10) == 0);
  CHECK(bench.journal->forget_quarantined(kNow + Millis(1), 10) == 1);
  CHECK(list({.submitted = true}) == std::vector{submitted, other});
  auto waiting = bench.journal->quarantine_waiting();
  std::erase_if(waiting, [](const auto& count) { return count.second == 0; });
  CHECK(waiting == QuarantineCounts{{{"im", QuarantineClass::unknown_agent}, 1}});
}

TEST_CASE_TEMPLATE("what waits moves with a clock that jumped, and what is over does not", Store, SqliteStore,
                   MemoryStore) {
  Bench<Store> bench;
  const auto reply = bench.put("reply", v1::QUEUE_NOTIFIER);
  const auto message = bench.put("message");
  const auto done = bench.put("done");
  queue::Change parked;
  parked.event = reply;
  parked.state = queue::State::parked;
  parked.due = kNow + Millis(5000);
  parked.unsure_at = kNow + Millis(50);
  bench.journal->apply(parked, kNow);
  bench.change(done, queue::State::done, kNow + Millis(90));
  auto open = customer("oAlice", "oAlice", 0);
  open.window.ends_at = kNow + Millis(7000);
  bench.journal->save(open);
  auto over = customer("oBob", "oBob", 0);
  over.window.ends_at = kNow - Millis(1);
  bench.journal->save(over);
  bench.journal->note_used(kNow);
  bench.journal->commit();
  bench.restart();
  CHECK(bench.journal->last_used() == kNow);
  Millis by{};
  SUBCASE("ahead") {
    by = std::chrono::hours(1000);
  }
  SUBCASE("back") {
    by = -std::chrono::hours(1000);
  }
  const auto now = kNow + by;
  bench.journal->move_times(kNow, now, by);
  bench.journal->note_used(now);
  bench.journal->commit();
  bench.restart();
  CHECK(bench.journal->last_used() == now);
  const auto unfinished = bench.unfinished();
  REQUIRE(unfinished.size() == 2);
  CHECK(unfinished[0].accepted_at == kNow + by);
  CHECK(unfinished[0].due == kNow + Millis(5000) + by);
  CHECK(unfinished[0].unsure_at == (by > Millis(0) ? kNow + Millis(50) : Timestamp{1}));
  CHECK(unfinished[1].event == message);
  CHECK(unfinished[1].accepted_at == (by > Millis(0) ? kNow : kNow + by));
  CHECK(bench.journal->customer(OpenId("oAlice"))->window.ends_at == kNow + Millis(7000) + by);
  CHECK_FALSE(bench.journal->customer(OpenId("oBob"))->window.is_open(now));
  CHECK(bench.journal->event(done)->settled_at == std::min(kNow + Millis(90), now));
}
