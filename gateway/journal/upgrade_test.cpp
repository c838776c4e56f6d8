// A journal of an older format is brought forward when it is opened, and loses nothing.
#include <doctest/doctest.h>

#include <filesystem>

#include "gateway/journal/sqlite_journal.h"
#include "gateway/journal/statement.h"
#include "lib/base/digest.h"

using namespace kefu;

namespace {

constexpr const char* kFormat1 = R"sql(
CREATE TABLE events (
  id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, customer TEXT NOT NULL, state INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, progress INTEGER NOT NULL DEFAULT 0, accepted_at INTEGER NOT NULL,
  due INTEGER NOT NULL DEFAULT 0, settled_at INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
  age_from INTEGER, lease INTEGER NOT NULL DEFAULT 0,
  reply INTEGER NOT NULL DEFAULT 0, dedup BLOB UNIQUE, payload BLOB NOT NULL);
CREATE INDEX unfinished ON events (id) WHERE state < 5;
CREATE INDEX dead ON events (queue, id) WHERE state = 6;
CREATE INDEX done ON events (settled_at) WHERE state = 5;
CREATE TABLE customers (
  openid TEXT PRIMARY KEY, im_user TEXT NOT NULL, generation INTEGER NOT NULL, imported INTEGER NOT NULL,
  following INTEGER NOT NULL, agent TEXT NOT NULL, active_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX customer_by_im_user ON customers (im_user) WHERE generation > 0;
CREATE INDEX customer_by_activity ON customers (active_at) WHERE agent <> '';
CREATE TABLE workers (queue INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY (queue, id)) WITHOUT ROWID;
CREATE TABLE raws (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX raws_by_age ON raws (at);
CREATE TABLE queues (queue INTEGER PRIMARY KEY, done INTEGER NOT NULL DEFAULT 0, paused INTEGER NOT NULL DEFAULT 0);
CREATE TABLE runs (epoch INTEGER PRIMARY KEY, journal INTEGER NOT NULL);
INSERT INTO customers VALUES ('oAlice', 'oAlice-1', 1, 1, 1, 'agent1', 1700000000000);
INSERT INTO runs VALUES (3, 99);
INSERT INTO raws VALUES (5, 1700000000001, 'wechat', 'wrong padding: encrypted with another key?', x'616200ff');
INSERT INTO raws VALUES (6, 1700000000002, 'im', 'cannot be carried over: a card', 'c');
INSERT INTO raws VALUES (9, 1700000000003, 'wechat', 'MsgType is missing', '<xml/>');
PRAGMA application_id=1262831189;
PRAGMA user_version=1;
)sql";

}  // namespace

TEST_CASE("a journal of format 1 is read, written and closed as one of today") {
  const auto file = std::filesystem::temp_directory_path() / ("kefu-" + random_hex(8) + ".db");
  {
    Database database(file.string());
    database.run(kFormat1);
    v1::Event event;
    event.set_source_id("MsgId 5");
    event.mutable_follow();
    Statement(database,
              "INSERT INTO events (id, queue, customer, state, attempts, accepted_at, dedup, payload) VALUES "
              "(7, 1, 'oAlice', 3, 2, 1700000000000, ?, ?)")
        .bind_bytes("0123456789abcdef")
        .bind_bytes(event.SerializeAsString())
        .run();
  }
  for (int opening = 0; opening < 2; ++opening) {
    const auto journal = open_sqlite_journal(file.string());
    auto customer = journal->customer_of(ImUserId("oAlice-1"));
    REQUIRE(customer);
    CHECK(customer->agent == "agent1");
    CHECK(customer->following);
    CHECK(customer->window.replies_left == (opening == 0 ? 0 : 5));
    customer->window.open(ReplyWindow::Opener::message, {1'700'000'000'000});
    journal->save(*customer);
    CHECK(journal->find_source("MsgId 5").size() == 1);
    CHECK(journal->identity() == 99);
    int unfinished = 0;
    journal->each_unfinished([&](v1::Queue queue, const queue::Remembered& event) {
      ++unfinished;
      CHECK(queue == v1::QUEUE_RELAY);
      CHECK(event.event == EventId{7});
      CHECK(event.attempts == 2);
      CHECK(event.kind == queue::Kind::import_account);
    });
    CHECK(unfinished == 1);
    const auto quarantined = journal->quarantined(QuarantineFilter{}, 10);
    REQUIRE(quarantined.size() == 3);
    CHECK(quarantined[0].kind == QuarantineClass::undecryptable);
    CHECK(quarantined[0].at == Timestamp{1'700'000'000'001});
    CHECK(journal->quarantined(quarantined[0].id)->body == std::string("ab\0\xff", 4));
    CHECK(quarantined[1].kind == QuarantineClass::left_out);
    CHECK(quarantined[2].kind == QuarantineClass::not_understood);
    CHECK_FALSE(journal->quarantined(quarantined[2].id)->is_cut());
    journal->commit();
  }
  for (const auto* end : {"", "-wal", "-shm", ".state"}) std::filesystem::remove(file.string() + end);
}

namespace {

// What a program of format 2 made, reduced to what is looked at.
constexpr const char* kFormat2 = R"sql(
CREATE TABLE events (
  id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, kind INTEGER NOT NULL, state INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, progress INTEGER NOT NULL DEFAULT 0,
  unsure INTEGER NOT NULL DEFAULT 0, unsure_at INTEGER NOT NULL DEFAULT 0,
  accepted_at INTEGER NOT NULL, age_from INTEGER, due INTEGER NOT NULL DEFAULT 0,
  settled_at INTEGER NOT NULL DEFAULT 0, lease INTEGER NOT NULL DEFAULT 0,
  worker INTEGER NOT NULL DEFAULT 0, took INTEGER NOT NULL DEFAULT 0, code INTEGER NOT NULL DEFAULT 0,
  failure INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '', reply INTEGER NOT NULL DEFAULT 0,
  customer TEXT NOT NULL, dedup BLOB NOT NULL, source TEXT NOT NULL, payload BLOB NOT NULL);
CREATE UNIQUE INDEX by_customer ON events (customer, dedup);
CREATE INDEX by_source ON events (source) WHERE source <> '';
CREATE INDEX unfinished ON events (id) WHERE state < 5;
CREATE INDEX dead ON events (queue, id) WHERE state = 6;
CREATE INDEX done ON events (settled_at) WHERE state = 5;
CREATE TABLE hops (
  event INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, step TEXT NOT NULL,
  attempt INTEGER NOT NULL, worker INTEGER NOT NULL, took INTEGER NOT NULL, code INTEGER NOT NULL,
  failure INTEGER NOT NULL, error TEXT NOT NULL, PRIMARY KEY (event, n)) WITHOUT ROWID;
CREATE TABLE worker_names (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE customers (
  openid TEXT PRIMARY KEY, im_user TEXT NOT NULL, generation INTEGER NOT NULL, imported INTEGER NOT NULL,
  following INTEGER NOT NULL, agent TEXT NOT NULL, active_at INTEGER NOT NULL,
  conversation_at INTEGER NOT NULL DEFAULT 0, window_ends_at INTEGER NOT NULL DEFAULT 0,
  replies_left INTEGER NOT NULL DEFAULT 0, window_opened_by INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX customer_by_im_user ON customers (im_user) WHERE generation > 0;
CREATE INDEX customer_by_activity ON customers (active_at) WHERE agent <> '';
CREATE TABLE notes (dedup BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX notes_by_age ON notes (at);
CREATE TABLE workers (queue INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY (queue, id)) WITHOUT ROWID;
CREATE TABLE raws (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX raws_by_age ON raws (at);
CREATE TABLE queues (queue INTEGER PRIMARY KEY, done INTEGER NOT NULL DEFAULT 0, paused INTEGER NOT NULL DEFAULT 0);
CREATE TABLE runs (epoch INTEGER PRIMARY KEY, journal INTEGER NOT NULL);
INSERT INTO runs VALUES (3, 99);
PRAGMA application_id=1262831189;
PRAGMA user_version=2;
)sql";

}  // namespace

TEST_CASE("a journal of format 2 is read as it is, and what is written from then on is checked") {
  const auto file = std::filesystem::temp_directory_path() / ("kefu-" + random_hex(8) + ".db");
  {
    Database database(file.string());
    database.run(kFormat2);
    v1::Event event;
    event.mutable_customer_message()->set_text("of before");
    for (const auto* payload : {"sound", "damaged"}) {
      const bool sound = std::string(payload) == "sound";
      Statement(database,
                "INSERT INTO events (queue, kind, customer, state, accepted_at, dedup, source, payload) "
                "VALUES (1, 0, 'oAlice', 1, 1700000000000, ?, '', ?)")
          .bind_bytes(std::string(16, sound ? 'a' : 'b'))
          .bind_bytes(sound ? event.SerializeAsString() : std::string("\xff\xff"))
          .run();
    }
  }
  EventId fresh;
  {
    const auto journal = open_sqlite_journal(file.string());
    CHECK(journal->identity() == 99);
    CHECK(journal->event(EventId{1})->event.customer_message().text() == "of before");
    CHECK_FALSE(journal->event(EventId{1})->damaged);
    CHECK(journal->event(EventId{2})->damaged);
    CHECK(journal->event(EventId{2})->damaged_bytes == "\xff\xff");
    v1::Event event;
    event.set_queue(v1::QUEUE_RELAY);
    event.set_customer("oAlice");
    event.mutable_customer_message()->set_text("new");
    fresh = journal->put(event, dedup_key({"new"}), ReplyKind::none).id;
    event.mutable_customer_message()->set_text("rewritten");
    journal->rewrite(event);
    journal->commit();
    CHECK_FALSE(journal->event(fresh)->damaged);
  }
  Database(file.string()).run("UPDATE events SET accepted_at = accepted_at + 1 WHERE checksum IS NOT NULL");
  CHECK(open_sqlite_journal(file.string())->event(fresh)->damaged);
  for (const auto* end : {"", "-wal", "-shm", ".state"}) std::filesystem::remove(file.string() + end);
}
