#include "gateway/journal/sqlite_journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <system_error>

#include "gateway/journal/statement.h"
#include "lib/base/digest.h"

namespace kefu {
namespace {

constexpr std::int64_t kFormat = 1;                // of the file, in PRAGMA user_version
constexpr std::int64_t kApplication = 0x4b454655;  // "KEFU", in PRAGMA application_id
constexpr std::int64_t kRawRowsMax = 10000;
constexpr std::size_t kRawBytesMax = 64 << 10;  // of one; what was refused must not fill the disk

constexpr const char* kSchema = R"sql(
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
  }
}

class SqliteJournal final : public Journal {
 public:
  explicit SqliteJournal(const std::string& file) : database_(file), ready_((prepare_file(database_), true)) {
    begin();
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
    commit();
  }

  Put put(v1::Event& event, const DedupKey& key, ReplyKind reply) override {
    if (const auto known = find(key)) return *known;
    begin();
    const std::int64_t id = last_id_ + 1;
    event.set_id(static_cast<std::uint64_t>(id));
    event.SerializeToString(&buffer_);
    insert_.bind(id)
        .bind(event.queue())
        .bind_text(event.customer())
        .bind(static_cast<int>(queue::State::ready));
    insert_.bind(event.accepted_at_ms())
        .bind(static_cast<int>(reply))
        .bind_bytes(bytes_of(key))
        .bind_bytes(buffer_)
        .run();
    last_id_ = id;
    return {EventId{event.id()}, false, reply};
  }

  std::uint32_t next_sequence() const override { return static_cast<std::uint32_t>(last_id_ + 1); }

  std::optional<Put> find(const DedupKey& key) override {
    by_key_.bind_bytes(bytes_of(key));
    if (!by_key_.step()) return std::nullopt;
    const Put known{EventId{static_cast<std::uint64_t>(by_key_.integer(0))}, true,
                    static_cast<ReplyKind>(by_key_.integer(1))};
    by_key_.reset();
    return known;
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
    change_.bind(static_cast<int>(change.state))
        .bind(change.attempts)
        .bind(change.progress)
        .bind(change.due.ms);
    change_.bind(done || dead ? now.ms : 0)
        .bind_text(change.error)
        .bind(static_cast<std::int64_t>(change.settled.value))
        .bind(id)
        .run();
    if (change.begun_anew) {
      Statement(database_, "UPDATE events SET age_from = ? WHERE id = ?")
          .bind(change.begun_anew->ms)
          .bind(id)
          .run();
    }
  }

  bool erase_dead(EventId event) override {
    begin();
    const auto stored = this->event(event);
    if (!stored || stored->state != queue::State::dead) return false;
    // The row stays as done, so that its key goes on refusing duplicates; the payload goes.
    Statement(database_,
              "UPDATE events SET state = 5, payload = x'', error = 'dropped by an operator' WHERE id = ?")
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
        .bind(customer.active_at.ms)
        .run();
  }

  void keep_raw(std::string_view source, std::string_view reason, std::string_view body,
                Timestamp now) override {
    begin();
    keep_raw_.bind(now.ms).bind_text(source).bind_text(reason).bind_bytes(body.substr(0, kRawBytesMax)).run();
    trim_raws_.bind(database_.last_id() - kRawRowsMax).run();
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
    Statement(database_,
              "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE state = 5 AND settled_at < ? AND "
              "id < ? LIMIT ?)")
        .bind(before.ms)
        .bind(last_id_)
        .bind(steps)
        .run();
    const int gone = database_.changed();
    Statement(database_, "DELETE FROM raws WHERE at < ?").bind(before.ms).run();
    return gone >= static_cast<int>(steps);
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
    // The newest of the done ones, the oldest of all others: what a person wants to see first.
    const bool newest = state == queue::State::done;
    const std::string where = state < queue::State::done ? "state < 5 AND state = ?2" : "state = ?2";
    Statement rows(database_, ("SELECT " + std::string(kColumns) + " FROM events WHERE queue = ?1 AND " +
                               where + " ORDER BY id " + (newest ? "DESC" : "ASC") + " LIMIT ?3")
                                  .c_str());
    rows.bind(queue).bind(static_cast<int>(state)).bind(limit);
    std::vector<StoredEvent> found;
    while (rows.step()) found.push_back(read_event(rows));
    return found;
  }

  std::vector<EventId> dead(v1::Queue queue) override {
    Statement rows(database_, "SELECT id FROM events WHERE queue = ? AND state = 6 ORDER BY id");
    rows.bind(queue);
    std::vector<EventId> found;
    while (rows.step()) found.push_back(EventId{static_cast<std::uint64_t>(rows.integer(0))});
    return found;
  }

  bool paused(v1::Queue queue) override {
    Statement row(database_, "SELECT paused FROM queues WHERE queue = ?");
    row.bind(queue);
    return row.step() && row.integer(0) != 0;
  }

  Totals totals(v1::Queue queue) override { return totals_[queue]; }
  std::uint32_t epoch() const override { return epoch_; }
  std::uint64_t identity() const override { return identity_; }

  void each_unfinished(const std::function<void(v1::Queue, const queue::Remembered&)>& take) override {
    Statement rows(database_,
                   "SELECT id, queue, customer, state, attempts, progress, coalesce(age_from, accepted_at), "
                   "due, lease FROM events "
                   "WHERE state < 5 ORDER BY id");
    while (rows.step()) {
      queue::Remembered event;
      event.event = EventId{static_cast<std::uint64_t>(rows.integer(0))};
      event.customer = OpenId(rows.text(2));
      event.state = static_cast<queue::State>(rows.integer(3));
      event.attempts = static_cast<std::uint32_t>(rows.integer(4));
      event.progress = static_cast<std::uint32_t>(rows.integer(5));
      event.accepted_at = {rows.integer(6)};
      event.due = {rows.integer(7)};
      event.settled = Lease{static_cast<std::uint64_t>(rows.integer(8))};
      take(static_cast<v1::Queue>(rows.integer(1)), event);
    }
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
      "id, queue, state, attempts, progress, due, settled_at, error, payload, customer, accepted_at, lease";
  static constexpr const char* kCustomer =
      "openid, im_user, generation, imported, following, agent, active_at";

  static std::string_view bytes_of(const DedupKey& key) {
    return {reinterpret_cast<const char*>(key.value.data()), key.value.size()};
  }

  void begin() {
    if (open_) return;
    begin_.run();
    open_ = true;
  }

  static StoredEvent read_event(const Statement& row) {
    StoredEvent stored;
    if (!stored.event.ParseFromString(row.bytes(8)))
      throw JournalError("an event in the journal cannot be read; the file is damaged");
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
    return stored;
  }

  static Customer read_customer(const Statement& row) {
    return {OpenId(row.text(0)),      ImUserId(row.text(1)), static_cast<std::uint32_t>(row.integer(2)),
            row.integer(3) != 0,      row.integer(4) != 0,   row.text(5),
            Timestamp{row.integer(6)}};
  }

  static std::optional<Customer> one_customer(Statement& bound) {
    if (!bound.step()) return std::nullopt;
    auto found = read_customer(bound);
    bound.reset();
    return found;
  }

  Database database_;
  bool ready_;  // the file has its tables before the statements below are prepared
  Statement begin_{database_, "BEGIN IMMEDIATE"};
  Statement commit_{database_, "COMMIT"};
  Statement insert_{database_,
                    "INSERT INTO events (id, queue, customer, state, accepted_at, reply, dedup, payload) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"};
  Statement by_key_{database_, "SELECT id, reply FROM events WHERE dedup = ?"};
  Statement queue_of_{database_, "SELECT queue, state FROM events WHERE id = ?"};
  Statement change_{database_,
                    "UPDATE events SET state = ?, attempts = ?, progress = ?, due = ?, settled_at = ?, error "
                    "= ?, lease = ? WHERE id = ?"};
  Statement event_{database_, ("SELECT " + std::string(kColumns) + " FROM events WHERE id = ?").c_str()};
  Statement save_customer_{database_, "INSERT OR REPLACE INTO customers VALUES (?, ?, ?, ?, ?, ?, ?)"};
  Statement customer_{database_,
                      ("SELECT " + std::string(kCustomer) + " FROM customers WHERE openid = ?").c_str()};
  Statement customer_of_{
      database_,
      ("SELECT " + std::string(kCustomer) + " FROM customers WHERE generation > 0 AND im_user = ?").c_str()};
  Statement keep_raw_{database_, "INSERT INTO raws (at, source, reason, body) VALUES (?, ?, ?, ?)"};
  Statement trim_raws_{database_, "DELETE FROM raws WHERE id <= ?"};
  Statement save_total_{database_,
                        "INSERT INTO queues (queue, done) VALUES (?, ?) ON CONFLICT (queue) DO UPDATE SET "
                        "done = excluded.done"};
  std::map<int, Totals> totals_;
  std::string buffer_;
  std::int64_t last_id_ = 0;
  std::uint32_t epoch_ = 0;
  std::uint64_t identity_ = 0;
  bool open_ = false;
  bool totals_changed_ = false;
};

}  // namespace

std::unique_ptr<Journal> open_sqlite_journal(const std::string& file) {
  return std::make_unique<SqliteJournal>(file);
}

Result<FolderLock> FolderLock::take(const std::string& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return Error{"KEFU_DATA_DIR: " + folder + " cannot be made: " + failed.message()};
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
