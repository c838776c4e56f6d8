#include "gateway/queue/event_queue.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "lib/base/limits.h"

namespace kefu::queue {
namespace {

constexpr Millis kLook{1000};  // how often silent workers and lost deliveries are looked for
// A worker that has missed a ping gets nothing new, though what it holds is still its own.
constexpr Millis kFresh = limits::kPing + limits::kPing / 2;
// Between the last moment to start and the moment we give the worker up lies what a handler may take (rule
// 2). Counted from its last sign of life, as the giving up is.
constexpr Millis kStartWithin = limits::kWorkerLostAfter - limits::kHandlerBudget;
static_assert(kFresh < kStartWithin, "what is handed out must have time to start");
// The customer's reply window (reference: WeChat §6.4); after it a parked reply cannot be delivered any more.
constexpr Millis kParkedFor = std::chrono::hours(48);

}  // namespace

std::string_view name(State state) {
  switch (state) {
    case State::ready:
      return "ready";
    case State::in_flight:
      return "in_flight";
    case State::waiting:
      return "waiting";
    case State::parked:
      return "parked";
    case State::done:
      return "done";
    case State::dead:
      return "dead";
  }
  return "unknown";
}

std::string_view step_name(const Change& change) {
  switch (change.state) {
    case State::done:
      return "done";
    case State::dead:
      return "dead";
    case State::parked:
      return "parked";
    case State::ready:
      return change.begun_anew ? "replayed" : "retry";
    default:
      return "retry";
  }
}

EventQueue::EventQueue(RetryPolicy policy, std::uint32_t epoch, std::function<double()> chance)
    : policy_(policy), chance_(std::move(chance)), next_lease_((std::uint64_t{epoch} << 32) + 1) {}

// --- lanes ---

void EventQueue::enter(EventId event, const OpenId& customer, Entry entry) {
  auto [lane, fresh] = lanes_.try_emplace(customer);
  if (fresh) lane->second.customer = customer;
  entry.lane = &lane->second;
  const auto [at, inserted] = entries_.emplace(event, entry);
  assert(inserted);
  link(event, at->second);
  at->second.state = State::done;  // counted nowhere yet
  set_state(event, at->second, entry.state, entry.due);
}

// At its place by id, but never before a head that travels.
void EventQueue::link(EventId event, Entry& entry) {
  Lane& lane = *entry.lane;
  if (lane.head == EventId{}) {
    lane.head = lane.tail = event;
  } else if (lane.tail < event) {
    entries_.at(lane.tail).next = event;
    lane.tail = event;
  } else if (event < lane.head && !flights_.contains(lane.head)) {
    ready_heads_.erase(lane.head);
    entry.next = lane.head;
    lane.head = event;
  } else {
    EventId before = lane.head;
    for (EventId next = entries_.at(before).next; next != EventId{} && next < event;
         next = entries_.at(next).next)
      before = next;
    entry.next = std::exchange(entries_.at(before).next, event);
    if (lane.tail == before) lane.tail = event;
  }
}

void EventQueue::unlink(EventId event, Entry& entry) {
  Lane& lane = *entry.lane;
  if (lane.head == event) {
    lane.head = entry.next;
    if (lane.head == EventId{}) {
      lanes_.erase(lanes_.find(lane.customer));
      return;
    }
  } else {
    EventId before = lane.head;
    while (entries_.at(before).next != event) before = entries_.at(before).next;
    entries_.at(before).next = entry.next;
    if (lane.tail == event) lane.tail = before;
  }
  refresh_head(lane);
}

void EventQueue::refresh_head(const Lane& lane) {
  const bool rests = lane.remembered && quiet();
  if (!rests && entries_.at(lane.head).state == State::ready) ready_heads_.insert(lane.head);
}

// `due` counts for waiting and parked only.
void EventQueue::set_state(EventId event, Entry& entry, State state, Timestamp due) {
  const auto count = [this](State of) -> std::size_t* {
    switch (of) {
      case State::ready:
        return &counts_.ready;
      case State::in_flight:
        return &counts_.in_flight;
      case State::waiting:
        return &counts_.waiting;
      case State::parked:
        return &counts_.parked;
      default:
        return nullptr;
    }
  };
  const auto timed = [](State of) { return of == State::waiting || of == State::parked; };
  if (auto* old = count(entry.state)) --*old;
  if (timed(entry.state)) timers_.erase({entry.due, event});
  ready_heads_.erase(event);
  entry.state = state;
  entry.due = due;
  if (auto* now = count(state)) ++*now;
  if (timed(state)) timers_.insert({due, event});
  if (state == State::ready && entry.lane->head == event) refresh_head(*entry.lane);
}

void EventQueue::report(EventId event, const Entry& entry, State state, std::string error,
                        std::vector<Change>& changes) {
  Change change;
  change.event = event;
  change.customer = entry.lane->customer;
  change.state = state;
  change.attempts = entry.attempts;
  change.progress = entry.progress;
  change.due = entry.due;
  change.error = std::move(error);
  if (entry.settled) change.settled = entry.lease;
  changes.push_back(std::move(change));
}

void EventQueue::land(EventId event) {
  const auto flight = flights_.find(event);
  if (flight == flights_.end()) return;
  if (const auto worker = workers_.find(flight->second.worker); worker != workers_.end())
    --worker->second.in_flight;
  flights_.erase(flight);
}

void EventQueue::finish(EventId event, Entry& entry, State end, std::string error,
                        std::vector<Change>& changes) {
  land(event);
  report(event, entry, end, std::move(error), changes);
  set_state(event, entry, end);
  unlink(event, entry);
  entries_.erase(event);
}

// --- events ---

void EventQueue::put(EventId event, const OpenId& customer, Timestamp accepted_at) {
  Entry entry;
  entry.accepted_at = accepted_at;
  enter(event, customer, entry);
}

void EventQueue::restore(const Remembered& event) {
  Entry entry;
  entry.accepted_at = event.accepted_at;
  entry.due = event.due;
  entry.attempts = event.attempts;
  entry.progress = event.progress;
  entry.state = event.state;
  entry.lease = event.settled;
  entry.settled = event.settled != Lease{};
  enter(event.event, event.customer, entry);
  lanes_.at(event.customer).remembered = true;
}

void EventQueue::begin_quiet(std::vector<WorkerId> expected, Timestamp until) {
  if (expected.empty()) return;  // nobody can hold anything
  expected_.insert(expected.begin(), expected.end());
  quiet_until_ = until;
  ready_heads_.clear();
}

// Whoever could hold a newer delivery has reported it, or cannot be at work any more: what is known to have
// succeeded and is not held is done.
void EventQueue::end_quiet(std::vector<Change>& changes) {
  quiet_until_.reset();
  expected_.clear();
  std::vector<EventId> over;
  for (const auto& [customer, lane] : lanes_) {
    const auto flight = flights_.find(lane.head);
    const bool held = flight != flights_.end() && !flight->second.ended;
    if (entries_.at(lane.head).known_done && !held) {
      over.push_back(lane.head);
    } else {
      refresh_head(lane);
    }
  }
  for (const auto event : over) finish(event, entries_.at(event), State::done, "", changes);
}

// --- workers ---

void EventQueue::hello(const WorkerId& worker, std::uint32_t slots, const std::vector<HeldEvent>& held,
                       Timestamp now, std::vector<Change>& changes) {
  auto& state = workers_[worker];
  state.slots = slots;
  state.draining = false;
  note_held(worker, held, now);
  expected_.erase(worker);
  if (quiet() && expected_.empty()) end_quiet(changes);
}

bool EventQueue::ping(const WorkerId& worker, const std::vector<HeldEvent>& held, bool draining,
                      Timestamp now) {
  const auto at = workers_.find(worker);
  if (at == workers_.end()) return false;
  at->second.draining = draining;
  note_held(worker, held, now);
  return true;
}

// Rule 5. What a worker holds is in flight there, whatever we thought of it (after a restart we know
// nothing).
void EventQueue::note_held(const WorkerId& worker, const std::vector<HeldEvent>& held, Timestamp now) {
  workers_.at(worker).last_seen = now;
  for (auto& [event, flight] : flights_) {
    if (flight.worker == worker) flight.named = false;
  }
  for (const auto& [event, lease, ended] : held) {
    const auto at = entries_.find(event);
    if (at == entries_.end()) continue;
    Entry& entry = at->second;
    if (const auto flight = flights_.find(event); flight != flights_.end()) {
      if (flight->second.worker == worker) {
        flight->second.named = true;
        continue;
      }
      if (lease <= entry.lease) continue;
      land(event);  // after a restart an older delivery was reported first: the newest is the one that counts
      set_state(event, entry, State::ready);
    }
    const bool may_travel = entry.state == State::ready || entry.state == State::waiting;
    // The sign of life crossed our record of this very verdict, or a later delivery has overtaken the
    // verdict.
    const bool over = (entry.settled && entry.lease == lease) || (ended && lease < entry.lease);
    if (!may_travel || over || entry.lane->head != event) continue;
    set_state(event, entry, State::in_flight);
    entry.lease = lease;
    entry.settled = false;
    flights_[event] = {worker, now, true, ended};
    ++workers_.at(worker).in_flight;
  }
}

// Every verdict of its was recorded, so what we believe it holds crossed its goodbye and was never begun.
void EventQueue::bye(const WorkerId& worker, std::vector<Change>& changes) {
  std::vector<EventId> left;
  for (const auto& [event, flight] : flights_) {
    if (flight.worker == worker) left.push_back(event);
  }
  for (const auto event : left) {
    Entry& entry = entries_.at(event);
    gate_.not_tried(event);
    if (entry.known_done) {
      finish(event, entry, State::done, "", changes);
    } else {
      land(event);
      set_state(event, entry, State::ready);
    }
  }
  workers_.erase(worker);
}

void EventQueue::unreachable(const WorkerId& worker) {
  if (const auto at = workers_.find(worker); at != workers_.end()) at->second.draining = true;
}

// --- verdicts ---

EventQueue::Effect EventQueue::settle(const v1::Verdict& verdict, Timestamp now, std::vector<Change>& changes,
                                      bool at_once) {
  const EventId event{verdict.event_id()};
  const auto at = entries_.find(event);
  if (at == entries_.end()) return Effect::none;  // settled before
  Entry& entry = at->second;
  const Lease lease{verdict.lease()};
  const bool done = verdict.outcome() == v1::OUTCOME_DONE;
  if (done && quiet() && entry.lane->remembered) {
    entry.known_done = true;  // rule 3 again: a worker that has not reported yet may hold a newer delivery
    if (entry.state == State::in_flight && entry.lease == lease) flights_.at(event).ended = true;
    return Effect::remembered;
  }
  if (entry.state == State::in_flight) {
    if (entry.lease == lease) {
      apply(event, entry, verdict, at_once, now, changes);
      return Effect::applied;
    }
    if (!done) return Effect::none;
    entry.known_done = true;  // rule 3: the lane opens when the newer delivery has ended too
    return Effect::remembered;
  }
  // Nobody holds it: given up as lost before, or remembered from before a restart. Success is success; any
  // other verdict counts only when it is the first word about a delivery that we know nothing newer of.
  const bool first_word =
      lease > entry.lease && (entry.state == State::ready || entry.state == State::waiting);
  if (entry.lane->head != event || !(done || first_word)) return Effect::none;
  entry.lease = std::max(entry.lease, lease);
  apply(event, entry, verdict, at_once, now, changes);
  return Effect::applied;
}

void EventQueue::apply(EventId event, Entry& entry, const v1::Verdict& verdict, bool at_once, Timestamp now,
                       std::vector<Change>& changes) {
  entry.settled = true;
  const auto outcome = entry.known_done ? v1::OUTCOME_DONE : verdict.outcome();
  switch (outcome) {
    case v1::OUTCOME_DONE:
      gate_.answered(event);
      entry.progress = std::max(entry.progress, verdict.progress());
      finish(event, entry, State::done, "", changes);
      return;
    case v1::OUTCOME_DEAD:
      gate_.answered(event);
      ++entry.attempts;
      entry.progress = std::max(entry.progress, verdict.progress());
      finish(event, entry, State::dead, verdict.reason(), changes);
      return;
    case v1::OUTCOME_PARKED:
      gate_.answered(event);
      entry.progress = std::max(entry.progress, verdict.progress());
      if (reopened_since_delivery(event, *entry.lane)) {
        land(event);
        set_state(event, entry, State::ready);
        return;
      }
      land(event);
      set_state(event, entry, State::parked, entry.accepted_at + kParkedFor);
      report(event, entry, State::parked, verdict.reason(), changes);
      return;
    case v1::OUTCOME_UNAVAILABLE:
      gate_.unavailable(event, Millis(verdict.after_ms()), verdict.reason(), now);
      land(event);
      entry.progress = std::max(entry.progress, verdict.progress());
      back_to_ready(event, entry, verdict.reason(), now, changes);
      return;
    case v1::OUTCOME_RETURNED:
      gate_.not_tried(event);
      land(event);
      set_state(event, entry, State::ready);
      return;
    default:  // RETRY, and whatever a newer worker may say that we do not know
      fail(event, entry, verdict, at_once, now, changes);
      return;
  }
}

// The customer wrote while the cloud still refused: what it said is no longer true.
bool EventQueue::reopened_since_delivery(EventId event, const Lane& lane) const {
  const auto flight = flights_.find(event);
  return flight != flights_.end() && lane.reopened_at >= flight->second.delivered_at;
}

std::string EventQueue::reason_to_give_up(const Entry& entry, Timestamp now) const {
  if (entry.attempts >= policy_.attempts_max)
    return "given up after " + std::to_string(entry.attempts) + " attempts";
  if (now - entry.accepted_at > policy_.give_up_after) return "given up, too old";
  return {};
}

void EventQueue::fail(EventId event, Entry& entry, const v1::Verdict& verdict, bool at_once, Timestamp now,
                      std::vector<Change>& changes) {
  land(event);
  const bool got_on = verdict.progress() > entry.progress;
  entry.progress = std::max(entry.progress, verdict.progress());
  if (got_on || at_once) {
    gate_.answered(event);
  } else if (gate_.failed(event, entry.lane->customer, verdict.reason(), now)) {
    back_to_ready(event, entry, verdict.reason(), now, changes);
    return;
  }
  if (verdict.unsure() && policy_.unsure_max != 0 && ++entry.unsure >= policy_.unsure_max) {
    finish(event, entry, State::dead,
           "it may have been delivered, and is not repeated again: " + verdict.reason(), changes);
    return;
  }
  entry.attempts = got_on ? 1 : entry.attempts + 1;
  if (const auto give_up = reason_to_give_up(entry, now); !give_up.empty()) {
    finish(event, entry, State::dead, give_up + ": " + verdict.reason(), changes);
    return;
  }
  set_state(event, entry, State::waiting,
            at_once ? now : now + wait_before_retry(policy_, entry.attempts, chance_()));
  report(event, entry, State::waiting, verdict.reason(), changes);
}

// No attempt is counted; only age ends it.
void EventQueue::back_to_ready(EventId event, Entry& entry, const std::string& error, Timestamp now,
                               std::vector<Change>& changes) {
  if (now - entry.accepted_at > policy_.give_up_after) {
    finish(event, entry, State::dead, "given up, too old: " + error, changes);
    return;
  }
  set_state(event, entry, State::ready);
  report(event, entry, State::ready, error, changes);
}

// A delivery of which no verdict will come counts as an attempt: an event that kills its workers must end.
void EventQueue::lose(EventId event, const std::string& reason, Timestamp now, std::vector<Change>& changes) {
  gate_.not_tried(event);
  Entry& entry = entries_.at(event);
  if (entry.known_done) {
    finish(event, entry, State::done, "", changes);
    return;
  }
  land(event);
  ++entry.attempts;
  if (const auto give_up = reason_to_give_up(entry, now); !give_up.empty()) {
    finish(event, entry, State::dead, give_up + ": " + reason, changes);
    return;
  }
  set_state(event, entry, State::ready);
  report(event, entry, State::ready, reason, changes);
}

// --- time ---

void EventQueue::tick(Timestamp now, std::vector<Change>& changes) {
  if (quiet() && now >= *quiet_until_) end_quiet(changes);
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const EventId event = timers_.begin()->second;
    Entry& entry = entries_.at(event);
    if (entry.state == State::parked) {
      finish(event, entry, State::dead, "the customer did not write again before the reply window ended",
             changes);
    } else {
      set_state(event, entry, State::ready);
    }
  }
  if (now >= next_look_) {
    next_look_ = now + kLook;
    look_for_lost_work(now, changes);
  }
}

void EventQueue::look_for_lost_work(Timestamp now, std::vector<Change>& changes) {
  for (auto worker = workers_.begin(); worker != workers_.end();) {
    const bool silent = now - worker->second.last_seen > limits::kWorkerLostAfter;
    worker = silent ? workers_.erase(worker) : std::next(worker);
  }
  std::vector<EventId> lost;
  for (const auto& [event, flight] : flights_) {
    const bool gone = !workers_.contains(flight.worker);
    const bool overdue = !flight.named && now - flight.delivered_at > limits::kWorkerLostAfter;
    if (gone || overdue) lost.push_back(event);
  }
  for (const auto event : lost) lose(event, "the worker fell silent", now, changes);
}

std::optional<Timestamp> EventQueue::next_timer(Timestamp now) const {
  std::optional<Timestamp> next;
  const auto consider = [&next](std::optional<Timestamp> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  if (!timers_.empty()) consider(timers_.begin()->first);
  consider(quiet_until_);
  if (!ready_heads_.empty()) consider(gate_.next_change(now));
  if (!workers_.empty() || !flights_.empty()) consider(next_look_);
  return next;
}

// --- work ---

std::map<WorkerId, EventQueue::WorkerState>::iterator EventQueue::freest_worker(Timestamp now) {
  auto best = workers_.end();
  const auto free = [](const WorkerState& worker) {
    return worker.slots - std::min(worker.slots, worker.in_flight);
  };
  for (auto worker = workers_.begin(); worker != workers_.end(); ++worker) {
    const auto& state = worker->second;
    if (state.draining || free(state) == 0 || now - state.last_seen > kFresh) continue;
    const bool better = best == workers_.end() || free(state) > free(best->second) ||
                        (free(state) == free(best->second) && state.last_handout < best->second.last_handout);
    if (better) best = worker;
  }
  return best;
}

std::vector<Handout> EventQueue::handouts(Timestamp now) {
  std::vector<Handout> out;
  while (!ready_heads_.empty() && gate_.allowance(now) != Gate::Allowance::none) {
    const auto worker = freest_worker(now);
    if (worker == workers_.end()) break;
    const EventId event = *ready_heads_.begin();
    Entry& entry = entries_.at(event);
    entry.lease = Lease{next_lease_++};
    entry.settled = false;
    set_state(event, entry, State::in_flight);
    flights_[event] = {worker->first, now, false, false};
    ++worker->second.in_flight;
    worker->second.last_handout = ++handouts_;
    gate_.delivered(event);
    out.push_back({event, entry.lane->customer, worker->first, entry.lease, entry.attempts + 1,
                   entry.progress, worker->second.last_seen + kStartWithin});
  }
  return out;
}

// --- people ---

void EventQueue::reopen(const OpenId& customer, Timestamp now, std::vector<Change>& changes) {
  const auto lane = lanes_.find(customer);
  if (lane == lanes_.end()) return;
  lane->second.reopened_at = now;
  for (EventId event = lane->second.head; event != EventId{}; event = entries_.at(event).next) {
    if (entries_.at(event).state == State::parked) release(event, now, changes);
  }
}

void EventQueue::replay(const Remembered& event, Timestamp now, std::vector<Change>& changes) {
  Entry entry;
  entry.progress = event.progress;
  entry.lease = event.settled;
  entry.settled = event.settled != Lease{};
  enter(event.event, event.customer, entry);
  begin_anew(event.event, entries_.at(event.event), now, changes);
}

// It has its full time again.
void EventQueue::begin_anew(EventId event, Entry& entry, Timestamp now, std::vector<Change>& changes) {
  entry.accepted_at = now;
  entry.attempts = 0;
  set_state(event, entry, State::ready);
  report(event, entry, State::ready, "", changes);
  changes.back().begun_anew = now;
}

bool EventQueue::release(EventId event, Timestamp now, std::vector<Change>& changes) {
  const auto at = entries_.find(event);
  if (at == entries_.end() || (at->second.state != State::parked && at->second.state != State::waiting))
    return false;
  begin_anew(event, at->second, now, changes);
  return true;
}

bool EventQueue::drop(EventId event, const std::string& why, std::vector<Change>& changes) {
  const auto at = entries_.find(event);
  if (at == entries_.end() || at->second.state == State::in_flight) return false;
  finish(event, at->second, State::dead, why, changes);
  return true;
}

Counts EventQueue::counts_of(const OpenId& customer) const {
  Counts counts;
  const auto lane = lanes_.find(customer);
  if (lane == lanes_.end()) return counts;
  for (EventId event = lane->second.head; event != EventId{}; event = entries_.at(event).next) {
    switch (entries_.at(event).state) {
      case State::ready:
        ++counts.ready;
        break;
      case State::in_flight:
        ++counts.in_flight;
        break;
      case State::waiting:
        ++counts.waiting;
        break;
      case State::parked:
        ++counts.parked;
        break;
      default:
        break;
    }
  }
  return counts;
}

std::vector<EventId> EventQueue::in_state(State state) const {
  std::vector<EventId> found;
  if (state == State::ready) found.assign(ready_heads_.begin(), ready_heads_.end());
  for (const auto& [event, flight] : flights_) {
    if (state == State::in_flight) found.push_back(event);
  }
  for (const auto& [due, event] : timers_) {
    if (entries_.at(event).state == state) found.push_back(event);
  }
  return found;
}

std::optional<Timestamp> EventQueue::oldest_accepted(State state) const {
  std::optional<Timestamp> oldest;
  for (const auto event : in_state(state)) {
    const Timestamp at = entries_.at(event).accepted_at;
    if (!oldest || at < *oldest) oldest = at;
  }
  return oldest;
}

std::vector<WorkerView> EventQueue::workers() const {
  std::vector<WorkerView> views;
  for (const auto& [id, state] : workers_)
    views.push_back({id, state.slots, state.in_flight, state.last_seen, state.draining});
  return views;
}

std::optional<State> EventQueue::state_of(EventId event) const {
  const auto at = entries_.find(event);
  if (at == entries_.end()) return std::nullopt;
  return at->second.state;
}

}  // namespace kefu::queue
