#include "gateway/journal/memory_journal.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "lib/base/digest.h"

namespace kefu {
namespace {

struct Row {
  StoredEvent stored;
  std::optional<Timestamp> age_from;  // replayed or reopened: its age counts from here
  std::vector<Hop> hops;
};

}  // namespace

struct MemoryDisk::Content {
  std::map<EventId, Row> events;
  std::map<std::pair<OpenId, DedupKey>, EventId> keys;
  std::map<DedupKey, Timestamp> notes;
  std::map<OpenId, Customer> customers;
  std::map<std::string, AgentPresence> agents;
  std::map<std::uint64_t, QuarantinedPush> quarantine;
  std::uint64_t last_quarantined = 0;
  std::set<std::pair<v1::Queue, WorkerId>> workers;
  std::map<v1::Queue, Totals> totals;
  std::set<v1::Queue> paused;
  Timestamp used_at{};
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
    const std::pair customer_key(OpenId(event.customer()), key);
    if (const auto known = find(customer_key.first, key)) return *known;
    const EventId id{++last_id_};
    event.set_id(id.value);
    Row row;
    row.stored.event = event;
    row.stored.key = key;
    row.stored.reply = reply;
    row.hops.push_back(hop_of({event.accepted_at_ms()}, "accepted", 0));
    keep(now_.events, id);
    keep(now_.keys, customer_key);
    now_.events.emplace(id, std::move(row));
    now_.keys.emplace(customer_key, id);
    return {id, false, reply};
  }

  std::uint32_t next_sequence() const override { return static_cast<std::uint32_t>(last_id_ + 1); }

  std::optional<Put> find(const OpenId& customer, const DedupKey& key) override {
    const auto known = now_.keys.find({customer, key});
    if (known == now_.keys.end()) return std::nullopt;
    return Put{known->second, true, now_.events.at(known->second).stored.reply};
  }

  Put take_over(StoredEvent& exported, Timestamp now) override {
    const auto put = this->put(exported.event, exported.key, exported.reply);
    if (put.duplicate) return put;
    auto& row = now_.events.at(put.id);
    row.stored.progress = exported.progress;
    row.stored.unsure = exported.unsure;
    row.stored.unsure_at = exported.unsure_at;
    row.age_from = now;
    return put;
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
    stored.unsure = change.unsure;
    stored.unsure_at = change.unsure_at;
    add_hops(at->second.hops, change, now);
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
    auto dropped = hop_of(stored.settled_at, "done", stored.attempts + 1);
    dropped.error = stored.error;
    at->second.hops.push_back(std::move(dropped));
    return true;
  }

  void save(const Customer& customer) override {
    keep(now_.customers, customer.openid);
    now_.customers.insert_or_assign(customer.openid, customer);
  }

  bool note(const DedupKey& key, Timestamp now) override {
    if (now_.notes.contains(key)) return false;
    keep(now_.notes, key);
    now_.notes.emplace(key, now);
    return true;
  }

  bool noted(const DedupKey& key) override { return now_.notes.contains(key); }

  void rewrite(const v1::Event& event) override {
    const auto at = now_.events.find(EventId{event.id()});
    if (at == now_.events.end()) return;
    keep(now_.events, at->first);
    at->second.stored.event = event;
  }

  void save(const AgentPresence& presence) override {
    const auto known = now_.agents.find(presence.agent);
    if (known != now_.agents.end() && presence.since < known->second.since) return;
    keep(now_.agents, presence.agent);
    now_.agents.insert_or_assign(presence.agent, presence);
  }

  std::uint64_t quarantine(const QuarantinedPush& push) override {
    const auto id = ++now_.last_quarantined;
    auto row = push;
    row.id = id;
    row.body_bytes = row.body.size();
    row.submitted_at = {};
    const bool limited = row.kind != QuarantineClass::undecryptable;
    if (limited && row.body.size() > kQuarantineBodyBytesMax) row.body.resize(kQuarantineBodyBytesMax);
    keep(now_.quarantine, id);
    now_.quarantine.emplace(id, std::move(row));
    if (limited) trim_quarantine();
    return id;
  }

  void mark_submitted(std::uint64_t quarantined, Timestamp now) override {
    const auto at = now_.quarantine.find(quarantined);
    if (at == now_.quarantine.end()) return;
    keep(now_.quarantine, quarantined);
    at->second.submitted_at = now;
  }

  std::size_t forget_quarantined(Timestamp before, std::uint32_t steps) override {
    std::size_t forgotten = 0;
    for (auto at = now_.quarantine.begin(); at != now_.quarantine.end() && forgotten < steps;) {
      if (at->second.at >= before) {
        ++at;
        continue;
      }
      keep(now_.quarantine, at->first);
      at = now_.quarantine.erase(at);
      ++forgotten;
    }
    return forgotten;
  }

  std::vector<QuarantinedPush> quarantined(const QuarantineFilter& wanted, std::uint32_t limit) override {
    std::vector<QuarantinedPush> found;
    for (auto at = now_.quarantine.upper_bound(wanted.after);
         at != now_.quarantine.end() && found.size() < limit; ++at) {
      const auto& row = at->second;
      const bool open = wanted.submitted || row.submitted_at == Timestamp{};
      const bool of_source = wanted.source.empty() || row.source == wanted.source;
      if (!open || !of_source || (wanted.kind && row.kind != *wanted.kind)) continue;
      found.push_back(row);
      found.back().body.clear();
    }
    return found;
  }

  std::optional<QuarantinedPush> quarantined(std::uint64_t id) override {
    const auto at = now_.quarantine.find(id);
    if (at == now_.quarantine.end()) return std::nullopt;
    return at->second;
  }

  QuarantineCounts quarantine_waiting() override {
    QuarantineCounts counts;
    for (const auto& [id, row] : now_.quarantine) {
      if (row.submitted_at == Timestamp{} && can_be_submitted(row.kind)) ++counts[{row.source, row.kind}];
    }
    return counts;
  }

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
    for (auto at = now_.notes.begin(); at != now_.notes.end();) {
      const bool old = at->second < before;
      if (old) keep(now_.notes, at->first);
      at = old ? now_.notes.erase(at) : std::next(at);
    }
    for (auto at = now_.events.begin(); at != now_.events.end();) {
      const auto& [id, row] = *at;
      const bool old = row.stored.state == queue::State::done && row.stored.settled_at < before;
      // The newest row stays: its id says where numbering goes on.
      if (!old || id.value >= last_id_) {
        ++at;
        continue;
      }
      if (steps-- == 0) return true;
      const std::pair customer_key(OpenId(row.stored.event.customer()), row.stored.key);
      keep(now_.keys, customer_key);
      keep(now_.events, id);
      now_.keys.erase(customer_key);
      at = now_.events.erase(at);
    }
    return steps == 0;
  }

  void note_used(Timestamp now) override {
    undo_.push_back([this, before = now_.used_at] { now_.used_at = before; });
    now_.used_at = now;
  }

  void move_times(Timestamp then, Timestamp now, Millis by) override {
    for (auto& [openid, customer] : now_.customers) {
      keep(now_.customers, openid);
      if (customer.window.ends_at > std::min(then, now))
        customer.window.ends_at = customer.window.ends_at + by;
      if (customer.active_at <= now) continue;
      customer.active_at = customer.active_at + by;
      customer.conversation_at = customer.conversation_at + by;
    }
    for (auto& [id, row] : now_.events) {
      keep(now_.events, id);
      auto& stored = row.stored;
      if (stored.state == queue::State::dead) continue;
      if (stored.state == queue::State::done) {
        stored.settled_at = std::min(stored.settled_at, now);
        continue;
      }
      const auto from = row.age_from.value_or(Timestamp{stored.event.accepted_at_ms()});
      if (stored.event.queue() == v1::QUEUE_NOTIFIER || from > now) row.age_from = from + by;
      if (stored.state == queue::State::parked) stored.due = stored.due + by;
      if (stored.unsure_at > now) stored.unsure_at = Timestamp{1};
    }
    for (auto& [key, at] : now_.notes) {
      keep(now_.notes, key);
      at = std::min(at, now);
    }
  }

  void check_files() override {}

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
    for (const auto& [id, row] : now_.events) {
      if (row.stored.event.queue() == queue && row.stored.state == state) found.push_back(row.stored);
    }
    if (state == queue::State::done) {
      std::sort(found.begin(), found.end(), [](const StoredEvent& a, const StoredEvent& b) {
        return std::pair(a.settled_at, a.event.id()) > std::pair(b.settled_at, b.event.id());
      });
    }
    if (found.size() > limit) found.resize(limit);
    return found;
  }

  std::vector<StoredEvent> page(v1::Queue queue, std::optional<queue::State> state, EventId after,
                                std::uint32_t limit) override {
    std::vector<StoredEvent> found;
    for (auto at = now_.events.upper_bound(after); at != now_.events.end() && found.size() < limit; ++at) {
      const auto& stored = at->second.stored;
      const bool wanted = state ? stored.state == *state : stored.state < queue::State::done;
      if (stored.event.queue() == queue && wanted) found.push_back(stored);
    }
    return found;
  }

  std::vector<EventId> find_source(std::string_view source_id) override {
    if (source_id.empty()) return {};
    return newest([&](const v1::Event& event) { return event.source_id() == source_id; });
  }

  std::vector<EventId> events_of(const OpenId& customer, std::uint32_t limit) override {
    auto found = newest([&](const v1::Event& event) { return event.customer() == customer.value; });
    if (found.size() > limit) found.resize(limit);
    return found;
  }

  std::vector<Hop> hops(EventId event) override {
    const auto at = now_.events.find(event);
    return at == now_.events.end() ? std::vector<Hop>{} : at->second.hops;
  }

  std::vector<EventId> dead(v1::Queue queue) override {
    std::vector<EventId> found;
    for (const auto& [id, row] : now_.events) {
      if (row.stored.event.queue() == queue && row.stored.state == queue::State::dead) found.push_back(id);
    }
    return found;
  }

  bool paused(v1::Queue queue) override { return now_.paused.contains(queue); }
  std::vector<AgentPresence> agents() override {
    std::vector<AgentPresence> found;
    for (const auto& [name, presence] : now_.agents) found.push_back(presence);
    return found;
  }

  Totals totals(v1::Queue queue) override { return now_.totals[queue]; }
  std::uint32_t epoch() const override { return now_.epoch; }
  std::uint64_t identity() const override { return now_.identity; }
  Timestamp last_used() override { return now_.used_at; }

  std::vector<EventId> each_unfinished(
      const std::function<void(v1::Queue, const queue::Remembered&)>& take) override {
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
      event.kind = queue::kind_of(stored.event);
      event.unsure_at = stored.unsure_at;
      event.unsure = stored.unsure;
      take(stored.event.queue(), event);
    }
    return {};
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
  void trim_quarantine() {
    const auto limited = [](const auto& entry) {
      return entry.second.kind != QuarantineClass::undecryptable;
    };
    const auto rows = std::count_if(now_.quarantine.begin(), now_.quarantine.end(), limited);
    if (static_cast<std::size_t>(rows) <= kQuarantineRowsMax) return;
    const auto oldest = std::find_if(now_.quarantine.begin(), now_.quarantine.end(), limited);
    keep(now_.quarantine, oldest->first);
    now_.quarantine.erase(oldest);
  }

  static Hop hop_of(Timestamp at, std::string_view step, std::uint32_t attempt) {
    Hop hop;
    hop.at = at;
    hop.step = step;
    hop.attempt = attempt;
    return hop;
  }

  // What ended a delivery tells of its beginning too.
  static void add_hops(std::vector<Hop>& hops, const queue::Change& change, Timestamp now) {
    const bool over = change.state == queue::State::done || change.state == queue::State::parked;
    const auto attempt = change.attempts + (over ? 1 : 0);
    auto hop = hop_of(now, queue::step_name(change), attempt);
    hop.worker = change.worker.value;
    hop.code = change.code;
    hop.failure = change.failure;
    hop.error = change.error;
    if (!change.worker.empty()) {
      hop.took = now - change.delivered_at;
      hops.push_back(hop_of(change.delivered_at, "delivered", attempt));
      hops.back().worker = change.worker.value;
    }
    hops.push_back(std::move(hop));
  }

  template <class Wanted>
  std::vector<EventId> newest(const Wanted& wanted) const {
    std::vector<EventId> found;
    for (auto at = now_.events.rbegin(); at != now_.events.rend(); ++at) {
      if (wanted(at->second.stored.event)) found.push_back(at->first);
    }
    return found;
  }

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
