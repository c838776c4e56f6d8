#include "gateway/journal/sqlite_journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "gateway/journal/checksum.h"
#include "gateway/journal/private_files.h"
#include "gateway/journal/quarantine_table.h"
#include "gateway/journal/statement.h"
#include "gateway/journal/upgrade.h"
#include "gateway/journal/wal_guard.h"
#include "lib/base/digest.h"
#include "lib/ops/log.h"

namespace kefu {
namespace {

constexpr const char* kInMemory = ":memory:";
constexpr std::int64_t kFormat = 3;                // of the file, in PRAGMA user_version
constexpr std::int64_t kApplication = 0x4b454655;  // "KEFU", in PRAGMA application_id

constexpr int kFirstHops = 10;  // of one event; it may be tried for a day
constexpr int kLastHops = 40;
constexpr std::int64_t kWorkerNamesMax = 10000;

// Small columns first: a start reads them and not the payload. The key is unique for one customer, so that
// one index finds duplicates and a customer's events; a second one would cost acceptance a tenth.
constexpr const char* kSchema = R"sql(
CREATE TABLE events (
  id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, kind INTEGER NOT NULL, state INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, progress INTEGER NOT NULL DEFAULT 0,
  unsure INTEGER NOT NULL DEFAULT 0, unsure_at INTEGER NOT NULL DEFAULT 0,
  accepted_at INTEGER NOT NULL, age_from INTEGER, due INTEGER NOT NULL DEFAULT 0,
  settled_at INTEGER NOT NULL DEFAULT 0, lease INTEGER NOT NULL DEFAULT 0,
  worker INTEGER NOT NULL DEFAULT 0, took INTEGER NOT NULL DEFAULT 0, code INTEGER NOT NULL DEFAULT 0,
  failure INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '', reply INTEGER NOT NULL DEFAULT 0,
  customer TEXT NOT NULL, dedup BLOB NOT NULL, source TEXT NOT NULL, payload BLOB NOT NULL,
  checksum INTEGER);
CREATE UNIQUE INDEX by_customer ON events (customer, dedup);
CREATE INDEX by_source ON events (source) WHERE source <> '';
CREATE INDEX unfinished ON events (id) WHERE state < 5;
CREATE INDEX dead ON events (queue, id) WHERE state = 6;
CREATE INDEX done ON events (settled_at) WHERE state = 5;
CREATE INDEX unknown_state ON events (id) WHERE state > 6;
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
)sql";

std::int64_t pragma(Database& database, const char* sql) {
  Statement statement(database, sql);
  statement.step();
  return statement.integer(0);
}

// Before any statement of the journal is prepared.
void prepare_file(Database& database) {
  database.run("PRAGMA locking_mode=EXCLUSIVE");
  database.run("PRAGMA journal_mode=WAL");
  database.run("PRAGMA synchronous=FULL");
  database.run("PRAGMA journal_size_limit=67108864");
  database.run("PRAGMA temp_store=MEMORY");
  const auto application = pragma(database, "PRAGMA application_id");
  const auto format = pragma(database, "PRAGMA user_version");
  if (application == 0 && format == 0) {
    database.run("BEGIN IMMEDIATE");
    database.run(kSchema);
    database.run(("PRAGMA application_id=" + std::to_string(kApplication)).c_str());
    database.run(("PRAGMA user_version=" + std::to_string(kFormat)).c_str());
    database.run("COMMIT");
  } else if (application != kApplication) {
    throw JournalError("the file is no journal of Kefu Bridge; choose another KEFU_DATA_DIR");
  } else if (format > kFormat) {
    throw JournalError("the journal has format " + std::to_string(format) + ", this program knows up to " +
                       std::to_string(kFormat) + "; use the newer program");
  } else if (format < kFormat) {
    database.run("BEGIN IMMEDIATE");
    if (format == 1) upgrade_from_format_1(database, kSchema);
    if (format == 2) upgrade_from_format_2(database);
    database.run(("PRAGMA user_version=" + std::to_string(kFormat)).c_str());
    database.run("COMMIT");
  }
  // Younger than the format; a program of before does not look at it.
  database.run(
      "CREATE TABLE IF NOT EXISTS agents (agent TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, "
      "kicked TEXT NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID");
  database.run("CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY, used_at INTEGER NOT NULL)");
  prepare_quarantine(database);
}

class SqliteJournal final : public Journal {
 public:
  explicit SqliteJournal(const SqliteJournalOptions& options)
      : database_(prepared_place(options)), ready_((watch_over(options), prepare_file(database_), true)) {
    if (guard_) {
      guard_->empty();
      guard_->watch();
    }
    begin();
    if (options.accounts != Accounts{})
      claim_accounts(database_, options.accounts, options.adopt, options.file);
    Statement(database_,
              "INSERT INTO runs (epoch, journal) SELECT coalesce(max(epoch), 0) + 1, coalesce(max(journal), "
              "?) FROM runs")
        .bind(static_cast<std::int64_t>(random_u64() >> 1))
        .run();
    epoch_ = static_cast<std::uint32_t>(database_.last_id());
    Statement identity(database_, "SELECT journal FROM runs WHERE epoch = ?");
    identity.bind(epoch_);
    identity.step();
    identity_ = static_cast<std::uint64_t>(identity.integer(0));
    identity.reset();
    Statement(database_, "DELETE FROM runs WHERE epoch < ?").bind(epoch_).run();
    Statement last(database_, "SELECT coalesce(max(id), 0) FROM events");
    last.step();
    last_id_ = last.integer(0);
    last.reset();
    Statement done(database_, "SELECT queue, done FROM queues");
    while (done.step())
      totals_[static_cast<int>(done.integer(0))].done = static_cast<std::uint64_t>(done.integer(1));
    Statement dead(database_, "SELECT queue, count(*) FROM events WHERE state = 6 GROUP BY queue");
    while (dead.step())
      totals_[static_cast<int>(dead.integer(0))].dead = static_cast<std::uint64_t>(dead.integer(1));
    Statement names(database_, "SELECT id, name FROM worker_names");
    while (names.step()) learn_worker_name(names.integer(0), names.text(1));
    commit();
    if (guard_) guard_->note_files();
  }

  ~SqliteJournal() override {
    if (!guard_) return;
    try {
      roll_back();
      guard_->close();
    } catch (const JournalError&) {
      // The log stays as it is, and the next opening reads it.
    }
  }
  SqliteJournal(const SqliteJournal&) = delete;
  SqliteJournal& operator=(const SqliteJournal&) = delete;

  Put put(v1::Event& event, const DedupKey& key, ReplyKind reply) override {
    begin();
    if (insert(event, key, reply)) return {EventId{event.id()}, false, reply};
    event.clear_id();
    return find(OpenId(event.customer()), key).value();
  }

  std::uint32_t next_sequence() const override { return static_cast<std::uint32_t>(last_id_ + 1); }

  std::optional<Put> find(const OpenId& customer, const DedupKey& key) override {
    by_key_.bind_text(customer.value).bind_bytes(bytes_of(key));
    if (!by_key_.step()) return std::nullopt;
    const Put known{EventId{static_cast<std::uint64_t>(by_key_.integer(0))}, true,
                    static_cast<ReplyKind>(by_key_.integer(1))};
    by_key_.reset();
    return known;
  }

  Put take_over(StoredEvent& exported, Timestamp now) override {
    const auto put = this->put(exported.event, exported.key, exported.reply);
    if (put.duplicate) return put;
    Statement(database_,
              "UPDATE events SET progress = ?, unsure = ?, unsure_at = ?, age_from = ? WHERE id = ?")
        .bind(exported.progress)
        .bind(exported.unsure)
        .bind(exported.unsure_at.ms)
        .bind(now.ms)
        .bind(static_cast<std::int64_t>(put.id.value))
        .run();
    return put;
  }

  void apply(const queue::Change& change, Timestamp now) override {
    begin();
    const auto id = static_cast<std::int64_t>(change.event.value);
    queue_of_.bind(id);
    if (!queue_of_.step()) return;
    auto& totals = totals_[static_cast<int>(queue_of_.integer(0))];
    const bool was_dead = queue_of_.integer(1) == static_cast<int>(queue::State::dead);
    queue_of_.reset();
    const bool done = change.state == queue::State::done;
    const bool dead = change.state == queue::State::dead;
    totals.dead += static_cast<std::uint64_t>(dead) - static_cast<std::uint64_t>(was_dead);
    if (done) {
      ++totals.done;
      totals_changed_ = true;
    }
    const auto worker = number_of(change.worker);
    const auto took = worker != 0 ? now - change.delivered_at : Millis(0);
    change_.bind(static_cast<int>(change.state))
        .bind(change.attempts)
        .bind(change.progress)
        .bind(change.unsure)
        .bind(change.unsure_at.ms)
        .bind(change.due.ms)
        .bind(done || dead ? now.ms : 0)
        .bind(static_cast<std::int64_t>(change.settled.value))
        .bind(worker)
        .bind(took.count())
        .bind(change.code)
        .bind(change.failure)
        .bind_text(change.error)
        .bind(id)
        .run();
    if (change.begun_anew) {
      Statement(database_, "UPDATE events SET age_from = ? WHERE id = ?")
          .bind(change.begun_anew->ms)
          .bind(id)
          .run();
    }
    // The row itself tells of the last step when that is `done`: the common way costs no hop.
    if (!done) keep_hop(id, change, worker, took, now);
  }

  bool erase_dead(EventId event) override {
    begin();
    const auto stored = this->event(event);
    if (!stored || stored->state != queue::State::dead) return false;
    // The row stays as done, so that its key goes on refusing duplicates; the payload goes.
    Statement(database_,
              "UPDATE events SET state = 5, payload = x'', checksum = NULL, worker = 0, took = 0, code = 0, "
              "failure = 0, error = "
              "'dropped by an operator' WHERE id = ?")
        .bind(static_cast<std::int64_t>(event.value))
        .run();
    --totals_[stored->event.queue()].dead;
    return true;
  }

  void save(const Customer& customer) override {
    begin();
    save_customer_.bind_text(customer.openid.value)
        .bind_text(customer.im_user.value)
        .bind(customer.generation);
    save_customer_.bind(customer.imported)
        .bind(customer.following)
        .bind_text(customer.agent)
        .bind(customer.active_at.ms);
    save_customer_.bind(customer.conversation_at.ms)
        .bind(customer.window.ends_at.ms)
        .bind(customer.window.replies_left)
        .bind(static_cast<int>(customer.window.opened_by))
        .run();
  }

  bool note(const DedupKey& key, Timestamp now) override {
    begin();
    note_.bind_bytes(bytes_of(key)).bind(now.ms).run();
    return database_.changed() > 0;
  }

  bool noted(const DedupKey& key) override {
    noted_.bind_bytes(bytes_of(key));
    const bool known = noted_.step();
    noted_.reset();
    return known;
  }

  void rewrite(const v1::Event& event) override {
    begin();
    const auto id = static_cast<std::int64_t>(event.id());
    Statement kept(database_, "SELECT reply, dedup FROM events WHERE id = ?");
    kept.bind(id);
    if (!kept.step()) return;
    auto copy = event;
    serialize(copy);
    const auto dedup = kept.bytes(1);
    const auto checksum = checksum_of(columns_of(copy, dedup, kept.integer(0)));
    kept.reset();
    Statement(database_, "UPDATE events SET payload = ?, checksum = ? WHERE id = ?")
        .bind_bytes(buffer_)
        .bind(checksum)
        .bind(id)
        .run();
  }

  void save(const AgentPresence& presence) override {
    begin();
    Statement(database_,
              "INSERT INTO agents (agent, state, reason, kicked, since) VALUES (?, ?, ?, ?, ?) ON CONFLICT "
              "(agent) DO UPDATE SET state = excluded.state, reason = excluded.reason, kicked = "
              "excluded.kicked, since = excluded.since WHERE excluded.since >= since")
        .bind_text(presence.agent)
        .bind_text(presence.state)
        .bind_text(presence.reason)
        .bind_text(presence.kicked)
        .bind(presence.since.ms)
        .run();
  }

  std::uint64_t quarantine(const QuarantinedPush& push) override {
    begin();
    return quarantine_.add(push);
  }

  void mark_submitted(std::uint64_t quarantined, Timestamp now) override {
    begin();
    quarantine_.mark_submitted(quarantined, now);
  }

  std::size_t forget_quarantined(Timestamp before, std::uint32_t steps) override {
    begin();
    return quarantine_.forget(before, steps);
  }

  void worker_came(v1::Queue queue, const WorkerId& worker) override {
    begin();
    Statement(database_, "INSERT OR IGNORE INTO workers (queue, id) VALUES (?, ?)")
        .bind(queue)
        .bind_text(worker.value)
        .run();
  }

  void worker_went(v1::Queue queue, const WorkerId& worker) override {
    begin();
    Statement(database_, "DELETE FROM workers WHERE queue = ? AND id = ?")
        .bind(queue)
        .bind_text(worker.value)
        .run();
  }

  void set_paused(v1::Queue queue, bool paused) override {
    begin();
    Statement(database_,
              "INSERT INTO queues (queue, paused) VALUES (?, ?) ON CONFLICT (queue) DO UPDATE SET paused = "
              "excluded.paused")
        .bind(queue)
        .bind(paused)
        .run();
  }

  bool forget(Timestamp before, std::uint32_t steps) override {
    begin();
    // The newest row stays: its id says where numbering goes on.
    Statement old(database_,
                  "SELECT id FROM events WHERE state = 5 AND settled_at < ? AND id < ? ORDER BY settled_at "
                  "LIMIT ?");
    old.bind(before.ms).bind(last_id_).bind(steps);
    std::vector<std::int64_t> ids;
    while (old.step()) ids.push_back(old.integer(0));
    for (const auto id : ids) {
      forget_hops_.bind(id).run();
      forget_event_.bind(id).run();
    }
    Statement(database_,
              "DELETE FROM notes WHERE dedup IN (SELECT dedup FROM notes WHERE at < ? ORDER BY at LIMIT ?)")
        .bind(before.ms)
        .bind(steps)
        .run();
    return std::max(ids.size(), static_cast<std::size_t>(database_.changed())) >= steps;
  }

  void note_used(Timestamp now) override {
    begin();
    Statement(database_, "INSERT OR REPLACE INTO clock (id, used_at) VALUES (1, ?)").bind(now.ms).run();
  }

  void move_times(Timestamp then, Timestamp now, Millis by) override {
    begin();
    Statement(database_, "UPDATE customers SET window_ends_at = window_ends_at + ? WHERE window_ends_at > ?")
        .bind(by.count())
        .bind(std::min(then, now).ms)
        .run();
    Statement(database_,
              "UPDATE customers SET active_at = active_at + ?1, conversation_at = conversation_at + ?1 WHERE "
              "active_at > ?2")
        .bind(by.count())
        .bind(now.ms)
        .run();
    Statement(
        database_,
        "UPDATE events SET age_from = coalesce(age_from, accepted_at) + ?1 WHERE state < 5 AND (queue = "
        "2 OR coalesce(age_from, accepted_at) > ?2)")
        .bind(by.count())
        .bind(now.ms)
        .run();
    Statement(database_, "UPDATE events SET due = due + ? WHERE state < 5 AND state = 4")
        .bind(by.count())
        .run();
    Statement(database_, "UPDATE events SET unsure_at = 1 WHERE state < 5 AND unsure_at > ?")
        .bind(now.ms)
        .run();
    Statement(database_, "UPDATE events SET settled_at = ?1 WHERE state = 5 AND settled_at > ?1")
        .bind(now.ms)
        .run();
    Statement(database_, "UPDATE notes SET at = ?1 WHERE at > ?1").bind(now.ms).run();
  }

  void check_files() override {
    if (!guard_ || guard_->is_whole()) return;
    roll_back();
    guard_->rescue();
  }

  void commit() override {
    if (!open_) return;
    if (totals_changed_) {
      for (const auto& [queue, totals] : totals_) {
        save_total_.bind(queue).bind(static_cast<std::int64_t>(totals.done)).run();
      }
      totals_changed_ = false;
    }
    commit_.run();
    open_ = false;
  }

  std::optional<Customer> customer(const OpenId& openid) override {
    return one_customer(customer_.bind_text(openid.value));
  }

  std::optional<Customer> customer_of(const ImUserId& im_user) override {
    // Almost everybody's account is the openid itself.
    if (auto found = customer(OpenId(im_user.value))) {
      if (found->im_user == im_user) return found;
    }
    return one_customer(customer_of_.bind_text(im_user.value));
  }

  std::optional<StoredEvent> event(EventId id) override {
    event_.bind(static_cast<std::int64_t>(id.value));
    if (!event_.step()) return std::nullopt;
    auto stored = read_event(event_);
    event_.reset();
    return stored;
  }

  std::vector<StoredEvent> list(v1::Queue queue, queue::State state, std::uint32_t limit) override {
    // What was done last and, of all others, what has been there longest: what a person wants to see first.
    // Each by an index of its own: a million other events may stand between.
    const std::string where = state < queue::State::done ? "state < 5 AND state = ?2 ORDER BY id"
                              : state == queue::State::done
                                  ? "state = 5 AND ?2 ORDER BY settled_at DESC, id DESC"
                                  : "state = 6 AND ?2 ORDER BY id";
    Statement rows(database_, ("SELECT " + std::string(kColumns) + " FROM events WHERE queue = ?1 AND " +
                               where + " LIMIT ?3")
                                  .c_str());
    rows.bind(queue).bind(static_cast<int>(state)).bind(limit);
    std::vector<StoredEvent> found;
    while (rows.step()) found.push_back(read_event(rows));
    return found;
  }

  std::vector<StoredEvent> page(v1::Queue queue, std::optional<queue::State> state, EventId after,
                                std::uint32_t limit) override {
    std::string where = "queue = ?1 AND id > ?2";
    if (!state || *state < queue::State::done) where += " AND state < 5";
    if (state) where += " AND state = " + std::to_string(static_cast<int>(*state));
    Statement rows(database_, ("SELECT " + std::string(kColumns) + " FROM events WHERE " + where +
                               " ORDER BY id LIMIT ?3")
                                  .c_str());
    rows.bind(queue).bind(static_cast<std::int64_t>(after.value)).bind(limit);
    std::vector<StoredEvent> found;
    while (rows.step()) found.push_back(read_event(rows));
    return found;
  }

  std::vector<EventId> dead(v1::Queue queue) override {
    Statement rows(database_, "SELECT id FROM events WHERE queue = ? AND state = 6 ORDER BY id");
    return ids(rows.bind(queue));
  }

  std::vector<EventId> find_source(std::string_view source_id) override {
    Statement rows(database_,
                   "SELECT id FROM events WHERE source = ? AND source <> '' ORDER BY id DESC LIMIT 1000");
    return ids(rows.bind_text(source_id));
  }

  std::vector<EventId> events_of(const OpenId& customer, std::uint32_t limit) override {
    Statement rows(database_, "SELECT id FROM events WHERE customer = ? ORDER BY +id DESC LIMIT ?");
    return ids(rows.bind_text(customer.value).bind(limit));
  }

  std::vector<Hop> hops(EventId event) override {
    std::vector<Hop> found;
    const auto id = static_cast<std::int64_t>(event.value);
    Statement row(database_,
                  "SELECT state, accepted_at, settled_at, attempts, worker, took, code, failure, error FROM "
                  "events WHERE id = ?");
    row.bind(id);
    if (!row.step()) return found;
    found.emplace_back().at = {row.integer(1)};
    found.back().step = "accepted";
    Statement kept(database_,
                   "SELECT step, at, attempt, worker, took, code, failure, error FROM hops WHERE event = ? "
                   "ORDER BY n");
    kept.bind(id);
    while (kept.step()) {
      add_hop(found, Hop{{kept.integer(1)},
                         kept.text(0),
                         static_cast<std::uint32_t>(kept.integer(2)),
                         worker_name(kept.integer(3)),
                         Millis(kept.integer(4)),
                         static_cast<std::int32_t>(kept.integer(5)),
                         static_cast<v1::Failure>(kept.integer(6)),
                         kept.text(7)});
    }
    if (row.integer(0) == static_cast<int>(queue::State::done)) {
      add_hop(found, Hop{{row.integer(2)},
                         "done",
                         static_cast<std::uint32_t>(row.integer(3)) + 1,
                         worker_name(row.integer(4)),
                         Millis(row.integer(5)),
                         static_cast<std::int32_t>(row.integer(6)),
                         static_cast<v1::Failure>(row.integer(7)),
                         row.text(8)});
    }
    return found;
  }

  bool paused(v1::Queue queue) override {
    Statement row(database_, "SELECT paused FROM queues WHERE queue = ?");
    row.bind(queue);
    return row.step() && row.integer(0) != 0;
  }

  std::vector<AgentPresence> agents() override {
    Statement rows(database_, "SELECT agent, state, reason, kicked, since FROM agents ORDER BY agent");
    std::vector<AgentPresence> found;
    while (rows.step())
      found.push_back({rows.text(0), rows.text(1), rows.text(2), rows.text(3), {rows.integer(4)}});
    return found;
  }

  Totals totals(v1::Queue queue) override { return totals_[queue]; }

  std::vector<QuarantinedPush> quarantined(const QuarantineFilter& wanted, std::uint32_t limit) override {
    return quarantine_.list(wanted, limit);
  }
  std::optional<QuarantinedPush> quarantined(std::uint64_t id) override { return quarantine_.find(id); }
  QuarantineCounts quarantine_waiting() override { return quarantine_.waiting(); }

  std::uint32_t epoch() const override { return epoch_; }
  std::uint64_t identity() const override { return identity_; }

  // A journal of before has its newest event, which is older.
  Timestamp last_used() override {
    Statement row(database_,
                  "SELECT coalesce((SELECT used_at FROM clock), (SELECT accepted_at FROM events ORDER BY id "
                  "DESC LIMIT 1), 0)");
    row.step();
    return {row.integer(0)};
  }

  std::vector<EventId> each_unfinished(
      const std::function<void(v1::Queue, const queue::Remembered&)>& take) override {
    std::vector<EventId> unknown;
    Statement rows(database_,
                   "SELECT id, queue, customer, state, attempts, progress, coalesce(age_from, accepted_at), "
                   "due, lease, kind, unsure_at, unsure FROM events "
                   "WHERE state < 5 ORDER BY id");
    while (rows.step()) {
      if (!is_known(rows.integer(1), rows.integer(9), rows.integer(3))) {
        unknown.push_back(EventId{static_cast<std::uint64_t>(rows.integer(0))});
        continue;
      }
      queue::Remembered event;
      event.event = EventId{static_cast<std::uint64_t>(rows.integer(0))};
      event.customer = OpenId(rows.text(2));
      event.state = static_cast<queue::State>(rows.integer(3));
      event.attempts = static_cast<std::uint32_t>(rows.integer(4));
      event.progress = static_cast<std::uint32_t>(rows.integer(5));
      event.accepted_at = {rows.integer(6)};
      event.due = {rows.integer(7)};
      event.settled = Lease{static_cast<std::uint64_t>(rows.integer(8))};
      event.kind = static_cast<queue::Kind>(rows.integer(9));
      event.unsure_at = {rows.integer(10)};
      event.unsure = static_cast<std::uint32_t>(rows.integer(11));
      take(static_cast<v1::Queue>(rows.integer(1)), event);
    }
    Statement others(database_, "SELECT id FROM events WHERE state > 6 ORDER BY id");
    const auto found = ids(others);
    unknown.insert(unknown.end(), found.begin(), found.end());
    for (const auto event : unknown) make_listable(event);
    return unknown;
  }

  void each_customer_active_since(Timestamp since,
                                  const std::function<void(const Customer&)>& take) override {
    Statement rows(database_, ("SELECT " + std::string(kCustomer) +
                               " FROM customers WHERE agent <> '' AND active_at >= ?")
                                  .c_str());
    rows.bind(since.ms);
    while (rows.step()) take(read_customer(rows));
  }

  std::vector<WorkerId> workers(v1::Queue queue) override {
    Statement rows(database_, "SELECT id FROM workers WHERE queue = ?");
    rows.bind(queue);
    std::vector<WorkerId> found;
    while (rows.step()) found.emplace_back(rows.text(0));
    return found;
  }

 private:
  static constexpr const char* kColumns =
      "id, queue, state, attempts, progress, due, settled_at, error, payload, customer, accepted_at, lease, "
      "source, unsure_at, unsure, dedup, reply, kind, checksum";
  static constexpr const char* kCustomer =
      "openid, im_user, generation, imported, following, agent, active_at, conversation_at, window_ends_at, "
      "replies_left, window_opened_by";

  static std::string_view bytes_of(const DedupKey& key) {
    return {reinterpret_cast<const char*>(key.value.data()), key.value.size()};
  }

  // Of an unfinished event. Being in flight is never written.
  static bool is_known(std::int64_t queue, std::int64_t kind, std::int64_t state) {
    const bool of_ours = queue == v1::QUEUE_RELAY || queue == v1::QUEUE_NOTIFIER;
    const bool kept_kind = kind >= 0 && kind < static_cast<int>(queue::Kind::lookup);
    return of_ours && kept_kind &&
           (state == static_cast<int>(queue::State::ready) ||
            state == static_cast<int>(queue::State::waiting) ||
            state == static_cast<int>(queue::State::parked));
  }

  // In a queue that people can ask for.
  void make_listable(EventId event) {
    begin();
    Statement(database_,
              "UPDATE events SET queue = CASE kind WHEN 3 THEN 2 ELSE 1 END WHERE id = ? AND queue NOT IN "
              "(1, 2)")
        .bind(static_cast<std::int64_t>(event.value))
        .run();
  }

  // Before the database is opened: what it needs beside itself.
  static const std::string& prepared_place(const SqliteJournalOptions& options) {
    if (options.file != kInMemory) {
      check_wal(options.file, options.accept_loss);
      make_private_file(options.file);
    }
    return options.file;
  }

  // Before anything is read or written.
  void watch_over(const SqliteJournalOptions& options) {
    if (options.file != kInMemory) guard_.emplace(database_, options.file);
  }

  void roll_back() {
    if (!open_) return;
    database_.run("ROLLBACK");
    open_ = false;
  }

  void begin() {
    if (open_) return;
    begin_.run();
    open_ = true;
  }

  // False: the key is known.
  bool insert(v1::Event& event, const DedupKey& key, ReplyKind reply) {
    const std::int64_t id = last_id_ + 1;
    event.set_id(static_cast<std::uint64_t>(id));
    serialize(event);
    insert_.bind(id)
        .bind(event.queue())
        .bind(static_cast<int>(queue::kind_of(event)))
        .bind(static_cast<int>(queue::State::ready))
        .bind(event.accepted_at_ms())
        .bind(static_cast<int>(reply))
        .bind_text(event.customer())
        .bind_bytes(bytes_of(key))
        .bind_text(event.source_id())
        .bind_bytes(buffer_)
        .bind(checksum_of(columns_of(event, bytes_of(key), static_cast<int>(reply))))
        .run();
    if (database_.changed() == 0) return false;
    last_id_ = id;
    return true;
  }

  // REQUIRES: buffer_ has the payload, and is not changed before the result is used.
  EventColumns columns_of(const v1::Event& event, std::string_view dedup, std::int64_t reply) const {
    return {static_cast<std::int64_t>(event.id()),
            event.queue(),
            static_cast<std::int64_t>(queue::kind_of(event)),
            event.accepted_at_ms(),
            reply,
            event.customer(),
            dedup,
            event.source_id(),
            buffer_};
  }

  // Into buffer_. What has a column of its own is not kept twice, so it is taken out for the moment.
  void serialize(v1::Event& event) {
    const auto id = event.id();
    const auto queue = event.queue();
    const auto accepted_at_ms = event.accepted_at_ms();
    auto customer = std::move(*event.mutable_customer());
    auto source_id = std::move(*event.mutable_source_id());
    event.clear_id();
    event.clear_queue();
    event.clear_accepted_at_ms();
    event.clear_customer();
    event.clear_source_id();
    event.SerializeToString(&buffer_);
    event.set_id(id);
    event.set_queue(queue);
    event.set_accepted_at_ms(accepted_at_ms);
    event.set_customer(std::move(customer));
    event.set_source_id(std::move(source_id));
  }

  void keep_hop(std::int64_t event, const queue::Change& change, std::int64_t worker, Millis took,
                Timestamp now) {
    next_hop_.bind(event).step();
    const auto n = next_hop_.integer(0);
    next_hop_.reset();
    const bool parked = change.state == queue::State::parked;
    keep_hop_.bind(event)
        .bind(n)
        .bind(now.ms)
        .bind_text(queue::step_name(change))
        .bind(change.attempts + (parked ? 1 : 0))
        .bind(worker)
        .bind(took.count())
        .bind(change.code)
        .bind(change.failure)
        .bind_text(change.error)
        .run();
    if (n > kFirstHops + kLastHops) trim_hops_.bind(event).bind(kFirstHops).bind(n - kLastHops).run();
  }

  // What ended a delivery tells of its beginning too.
  static void add_hop(std::vector<Hop>& hops, Hop hop) {
    if (!hop.worker.empty()) {
      auto& delivered = hops.emplace_back();
      delivered.at = hop.at - hop.took;
      delivered.step = "delivered";
      delivered.attempt = hop.attempt;
      delivered.worker = hop.worker;
    }
    hops.push_back(std::move(hop));
  }

  // Workers have long names and rows many: rows name them by number. 0 is nobody.
  std::int64_t number_of(const WorkerId& worker) {
    if (worker.empty()) return 0;
    if (const auto known = worker_numbers_.find(worker.value); known != worker_numbers_.end())
      return known->second;
    Statement(database_, "INSERT INTO worker_names (name) VALUES (?)").bind_text(worker.value).run();
    const auto number = database_.last_id();
    Statement(database_, "DELETE FROM worker_names WHERE id <= ?").bind(number - kWorkerNamesMax).run();
    learn_worker_name(number, worker.value);
    return number;
  }

  void learn_worker_name(std::int64_t number, const std::string& name) {
    worker_names_[number] = name;
    worker_numbers_[name] = number;
    while (worker_names_.begin()->first <= number - kWorkerNamesMax) {
      worker_numbers_.erase(worker_names_.begin()->second);
      worker_names_.erase(worker_names_.begin());
    }
  }

  std::string worker_name(std::int64_t number) const {
    const auto known = worker_names_.find(number);
    return known == worker_names_.end() ? std::string() : known->second;
  }

  static std::vector<EventId> ids(Statement& bound) {
    std::vector<EventId> found;
    while (bound.step()) found.push_back(EventId{static_cast<std::uint64_t>(bound.integer(0))});
    return found;
  }

  // `event`: what the payload was read as. Rows of older formats have no checksum.
  static bool is_as_written(const Statement& row, const v1::Event& event, std::string_view payload) {
    const bool dropped = payload.empty() && row.integer(2) == static_cast<int>(queue::State::done);
    if (!dropped && row.integer(17) != static_cast<int>(queue::kind_of(event))) return false;
    if (row.is_null(18)) return true;
    const auto customer = row.text(9);
    const auto dedup = row.bytes(15);
    const auto source = row.text(12);
    return row.integer(18) == checksum_of({row.integer(0), row.integer(1), row.integer(17), row.integer(10),
                                           row.integer(16), customer, dedup, source, payload});
  }

  static StoredEvent read_event(const Statement& row) {
    StoredEvent stored;
    auto payload = row.bytes(8);
    if (!stored.event.ParseFromString(payload) || !is_as_written(row, stored.event, payload)) {
      stored.event.Clear();
      stored.damaged = true;
      stored.damaged_bytes = std::move(payload);
    }
    stored.event.set_id(static_cast<std::uint64_t>(row.integer(0)));
    stored.event.set_queue(static_cast<v1::Queue>(row.integer(1)));
    stored.event.set_customer(row.text(9));
    stored.event.set_accepted_at_ms(row.integer(10));
    stored.settled = Lease{static_cast<std::uint64_t>(row.integer(11))};
    stored.state = static_cast<queue::State>(row.integer(2));
    stored.attempts = static_cast<std::uint32_t>(row.integer(3));
    stored.progress = static_cast<std::uint32_t>(row.integer(4));
    stored.due = {row.integer(5)};
    stored.settled_at = {row.integer(6)};
    stored.error = row.text(7);
    stored.event.set_source_id(row.text(12));
    stored.unsure_at = {row.integer(13)};
    stored.unsure = static_cast<std::uint32_t>(row.integer(14));
    const auto key = row.bytes(15);
    std::memcpy(stored.key.value.data(), key.data(), std::min(key.size(), stored.key.value.size()));
    stored.reply = static_cast<ReplyKind>(row.integer(16));
    return stored;
  }

  static Customer read_customer(const Statement& row) {
    const ReplyWindow window{{row.integer(8)},
                             static_cast<std::uint32_t>(row.integer(9)),
                             static_cast<ReplyWindow::Opener>(row.integer(10))};
    return {OpenId(row.text(0)), ImUserId(row.text(1)), static_cast<std::uint32_t>(row.integer(2)),
            row.integer(3) != 0, row.integer(4) != 0,   row.text(5),
            {row.integer(6)},    {row.integer(7)},      window};
  }

  static std::optional<Customer> one_customer(Statement& bound) {
    if (!bound.step()) return std::nullopt;
    auto found = read_customer(bound);
    bound.reset();
    return found;
  }

  Database database_;
  std::optional<WalGuard> guard_;  // none in memory
  bool ready_;                     // the file has its tables before the statements below are prepared
  Statement begin_{database_, "BEGIN IMMEDIATE"};
  Statement commit_{database_, "COMMIT"};
  Statement insert_{
      database_,
      "INSERT INTO events (id, queue, kind, state, accepted_at, reply, customer, dedup, "
      "source, payload, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (customer, dedup) DO "
      "NOTHING"};
  Statement by_key_{database_, "SELECT id, reply FROM events WHERE customer = ? AND dedup = ?"};
  Statement queue_of_{database_, "SELECT queue, state FROM events WHERE id = ?"};
  Statement change_{database_,
                    "UPDATE events SET state = ?, attempts = ?, progress = ?, unsure = ?, unsure_at = ?, due "
                    "= ?, settled_at = ?, lease = ?, worker = ?, took = ?, code = ?, failure = ?, error = ? "
                    "WHERE id = ?"};
  Statement next_hop_{database_, "SELECT coalesce(max(n), 0) + 1 FROM hops WHERE event = ?"};
  Statement keep_hop_{database_,
                      "INSERT INTO hops (event, n, at, step, attempt, worker, took, code, failure, error) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  Statement trim_hops_{database_, "DELETE FROM hops WHERE event = ? AND n > ? AND n <= ?"};
  Statement forget_hops_{database_, "DELETE FROM hops WHERE event = ?"};
  Statement forget_event_{database_, "DELETE FROM events WHERE id = ?"};
  Statement event_{database_, ("SELECT " + std::string(kColumns) + " FROM events WHERE id = ?").c_str()};
  // Replacing the row would write its entries in all indices anew.
  Statement save_customer_{
      database_,
      ("INSERT INTO customers (" + std::string(kCustomer) +
       ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (openid) DO UPDATE SET im_user = "
       "excluded.im_user, generation = excluded.generation, imported = excluded.imported, following = "
       "excluded.following, agent = excluded.agent, active_at = excluded.active_at, conversation_at = "
       "excluded.conversation_at, window_ends_at = excluded.window_ends_at, replies_left = "
       "excluded.replies_left, window_opened_by = excluded.window_opened_by")
          .c_str()};
  Statement note_{database_, "INSERT OR IGNORE INTO notes (dedup, at) VALUES (?, ?)"};
  Statement noted_{database_, "SELECT 1 FROM notes WHERE dedup = ?"};
  Statement customer_{database_,
                      ("SELECT " + std::string(kCustomer) + " FROM customers WHERE openid = ?").c_str()};
  Statement customer_of_{
      database_,
      ("SELECT " + std::string(kCustomer) + " FROM customers WHERE generation > 0 AND im_user = ?").c_str()};
  QuarantineTable quarantine_{database_};
  Statement save_total_{database_,
                        "INSERT INTO queues (queue, done) VALUES (?, ?) ON CONFLICT (queue) DO UPDATE SET "
                        "done = excluded.done"};
  std::map<int, Totals> totals_;
  std::map<std::int64_t, std::string> worker_names_;
  std::unordered_map<std::string, std::int64_t> worker_numbers_;
  std::string buffer_;
  std::int64_t last_id_ = 0;
  std::uint32_t epoch_ = 0;
  std::uint64_t identity_ = 0;
  bool open_ = false;
  bool totals_changed_ = false;
};

}  // namespace

std::unique_ptr<Journal> open_sqlite_journal(const SqliteJournalOptions& options) {
  return std::make_unique<SqliteJournal>(options);
}

std::unique_ptr<Journal> open_sqlite_journal(const std::string& file) {
  return open_sqlite_journal(SqliteJournalOptions{.file = file});
}

Result<FolderLock> FolderLock::take(const std::string& folder) {
  const auto warnings = make_private(folder);
  if (!warnings) return Error{warnings.error()};
  for (const auto& warning : *warnings) log::warning(warning);
  const std::string file = folder + "/lock";
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return Error{"KEFU_DATA_DIR: " + file + " cannot be written: " + std::strerror(errno)};
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    ::close(descriptor);
    return Error{"KEFU_DATA_DIR: another gateway works in " + folder + "; stop it or choose another folder"};
  }
  return FolderLock(descriptor);
}

FolderLock::FolderLock(FolderLock&& other) noexcept : descriptor_(other.descriptor_) {
  other.descriptor_ = -1;
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace kefu
