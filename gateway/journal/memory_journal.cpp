#include "gateway/journal/memory_journal.h"

#include <map>
#include <set>
#include <utility>

#include "lib/base/digest.h"

namespace kefu {
namespace {

struct Row {
  StoredEvent stored;
  std::optional<Timestamp> age_from;  // replayed or reopened: its age counts from here
  DedupKey key;
  ReplyKind reply = ReplyKind::none;
};

}  // namespace

struct MemoryDisk::Content {
  std::map<EventId, Row> events;
  std::map<DedupKey, EventId> keys;
  std::map<OpenId, Customer> customers;
  std::set<std::pair<v1::Queue, WorkerId>> workers;
  std::map<v1::Queue, Totals> totals;
  std::set<v1::Queue> paused;
  std::uint32_t epoch = 0;
  std::uint64_t identity = (random_u64() >> 1) + 1;
};

MemoryDisk::MemoryDisk() : content_(std::make_unique<Content>()) {}
MemoryDisk::~MemoryDisk() = default;

namespace {

// Changes the disk's content at once and remembers how to take back what is not committed.
class MemoryJournal final : public Journal {
 public:
  explicit MemoryJournal(MemoryDisk& disk) : disk_(disk), now_(disk.content()) {
    ++now_.epoch;
    if (!now_.events.empty()) last_id_ = now_.events.rbegin()->first.value;
  }
  ~MemoryJournal() override {
    for (auto step = undo_.rbegin(); step != undo_.rend(); ++step) (*step)();
  }
  MemoryJournal(const MemoryJournal&) = delete;
  MemoryJournal& operator=(const MemoryJournal&) = delete;

  Put put(v1::Event& event, const DedupKey& key, ReplyKind reply) override {
    if (const auto known = find(key)) return *known;
    const EventId id{++last_id_};
    event.set_id(id.value);
    Row row;
    row.stored.event = event;
    row.key = key;
    row.reply = reply;
    keep(now_.events, id);
    keep(now_.keys, key);
    now_.events.emplace(id, std::move(row));
    now_.keys.emplace(key, id);
    return {id, false, reply};
  }

  std::uint32_t next_sequence() const override { return static_cast<std::uint32_t>(last_id_ + 1); }

  std::optional<Put> find(const DedupKey& key) override {
    const auto known = now_.keys.find(key);
    if (known == now_.keys.end()) return std::nullopt;
    return Put{known->second, true, now_.events.at(known->second).reply};
  }

  void apply(const queue::Change& change, Timestamp now) override {
    const auto at = now_.events.find(change.event);
    if (at == now_.events.end()) return;
    keep(now_.events, change.event);
    auto& stored = at->second.stored;
    const bool done = change.state == queue::State::done;
    const bool dead = change.state == queue::State::dead;
    auto& totals = totals_to_change(stored.event.queue());
    totals.dead +=
        static_cast<std::uint64_t>(dead) - static_cast<std::uint64_t>(stored.state == queue::State::dead);
    totals.done += static_cast<std::uint64_t>(done);
    stored.state = change.state;
    stored.attempts = change.attempts;
    stored.progress = change.progress;
    stored.due = change.due;
    stored.settled_at = done || dead ? now : Timestamp{};
    stored.error = change.error;
    stored.settled = change.settled;
    if (change.begun_anew) at->second.age_from = change.begun_anew;
  }

  bool erase_dead(EventId event) override {
    const auto at = now_.events.find(event);
    if (at == now_.events.end() || at->second.stored.state != queue::State::dead) return false;
    keep(now_.events, event);
    auto& stored = at->second.stored;
    --totals_to_change(stored.event.queue()).dead;
    stored.state = queue::State::done;
    stored.error = "dropped by an operator";
    stored.event.clear_body();  // the row stays, so that its key goes on refusing duplicates
    stored.event.clear_source_id();
    return true;
  }

  void save(const Customer& customer) override {
    keep(now_.customers, customer.openid);
    now_.customers.insert_or_assign(customer.openid, customer);
  }

  void keep_raw(std::string_view, std::string_view, std::string_view, Timestamp) override {}

  void worker_came(v1::Queue queue, const WorkerId& worker) override {
    if (!now_.workers.emplace(queue, worker).second) return;
    undo_.push_back([this, queue, worker] { now_.workers.erase({queue, worker}); });
  }

  void worker_went(v1::Queue queue, const WorkerId& worker) override {
    if (now_.workers.erase({queue, worker}) == 0) return;
    undo_.push_back([this, queue, worker] { now_.workers.emplace(queue, worker); });
  }

  void set_paused(v1::Queue queue, bool paused) override {
    undo_.push_back([this, before = now_.paused] { now_.paused = before; });
    if (paused) {
      now_.paused.insert(queue);
    } else {
      now_.paused.erase(queue);
    }
  }

  bool forget(Timestamp before, std::uint32_t steps) override {
    for (auto at = now_.events.begin(); at != now_.events.end();) {
      const auto& [id, row] = *at;
      const bool old = row.stored.state == queue::State::done && row.stored.settled_at < before;
      // The newest row stays: its id says where numbering goes on.
      if (!old || id.value >= last_id_) {
        ++at;
        continue;
      }
      if (steps-- == 0) return true;
      keep(now_.keys, row.key);
      keep(now_.events, id);
      now_.keys.erase(row.key);
      at = now_.events.erase(at);
    }
    return steps == 0;
  }

  void commit() override {
    if (undo_.empty()) return;
    if (disk_.before_commit) disk_.before_commit();
    undo_.clear();
  }

  std::optional<Customer> customer(const OpenId& openid) override {
    const auto at = now_.customers.find(openid);
    if (at == now_.customers.end()) return std::nullopt;
    return at->second;
  }

  std::optional<Customer> customer_of(const ImUserId& im_user) override {
    if (auto found = customer(OpenId(im_user.value)); found && found->im_user == im_user) return found;
    for (const auto& [openid, customer] : now_.customers) {
      if (customer.generation > 0 && customer.im_user == im_user) return customer;
    }
    return std::nullopt;
  }

  std::optional<StoredEvent> event(EventId id) override {
    const auto at = now_.events.find(id);
    if (at == now_.events.end()) return std::nullopt;
    return at->second.stored;
  }

  std::vector<StoredEvent> list(v1::Queue queue, queue::State state, std::uint32_t limit) override {
    std::vector<StoredEvent> found;
    const auto take = [&](const Row& row) {
      if (found.size() < limit && row.stored.event.queue() == queue && row.stored.state == state)
        found.push_back(row.stored);
    };
    if (state == queue::State::done) {
      for (auto at = now_.events.rbegin(); at != now_.events.rend(); ++at) take(at->second);
    } else {
      for (const auto& [id, row] : now_.events) take(row);
    }
    return found;
  }

  std::vector<EventId> dead(v1::Queue queue) override {
    std::vector<EventId> found;
    for (const auto& [id, row] : now_.events) {
      if (row.stored.event.queue() == queue && row.stored.state == queue::State::dead) found.push_back(id);
    }
    return found;
  }

  bool paused(v1::Queue queue) override { return now_.paused.contains(queue); }
  Totals totals(v1::Queue queue) override { return now_.totals[queue]; }
  std::uint32_t epoch() const override { return now_.epoch; }
  std::uint64_t identity() const override { return now_.identity; }

  void each_unfinished(const std::function<void(v1::Queue, const queue::Remembered&)>& take) override {
    for (const auto& [id, row] : now_.events) {
      const auto& stored = row.stored;
      if (stored.state == queue::State::done || stored.state == queue::State::dead) continue;
      queue::Remembered event;
      event.event = id;
      event.customer = OpenId(stored.event.customer());
      event.state = stored.state;
      event.attempts = stored.attempts;
      event.progress = stored.progress;
      event.accepted_at = row.age_from.value_or(Timestamp{stored.event.accepted_at_ms()});
      event.due = stored.due;
      event.settled = stored.settled;
      take(stored.event.queue(), event);
    }
  }

  void each_customer_active_since(Timestamp since,
                                  const std::function<void(const Customer&)>& take) override {
    for (const auto& [openid, customer] : now_.customers) {
      if (!customer.agent.empty() && customer.active_at >= since) take(customer);
    }
  }

  std::vector<WorkerId> workers(v1::Queue queue) override {
    std::vector<WorkerId> found;
    for (const auto& [of, worker] : now_.workers) {
      if (of == queue) found.push_back(worker);
    }
    return found;
  }

 private:
  // What `map` has under `key` now comes back unless it is committed.
  template <class Map, class Key>
  void keep(Map& map, const Key& key) {
    const auto at = map.find(key);
    if (at == map.end()) {
      undo_.push_back([&map, key] { map.erase(key); });
    } else {
      undo_.push_back([&map, key, before = at->second] { map.insert_or_assign(key, before); });
    }
  }

  Totals& totals_to_change(v1::Queue queue) {
    keep(now_.totals, queue);
    return now_.totals[queue];
  }

  MemoryDisk& disk_;
  MemoryDisk::Content& now_;
  std::vector<std::function<void()>> undo_;
  std::uint64_t last_id_ = 0;
};

}  // namespace

std::unique_ptr<Journal> open_memory_journal(MemoryDisk& disk) {
  return std::make_unique<MemoryJournal>(disk);
}

}  // namespace kefu
