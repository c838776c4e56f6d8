#include "gateway/queue/event_queue.h"

#include <algorithm>
#include <cassert>
#include <tuple>
#include <utility>

#include "lib/base/limits.h"

namespace kefu::queue {
namespace {

constexpr Millis kLook{1000};  // how often silent workers and lost deliveries are looked for
// How many events may be given up at one look: each is written to the journal, and pushes wait for that.
constexpr std::size_t kGiveUpAtOnce = 500;
// A worker that has missed a ping gets nothing new, though what it holds is still its own.
constexpr Millis kFresh = limits::kPing + limits::kPing / 2;
// Between the last moment to start and the moment we give the worker up lies what a handler may take (rule
// 2). Counted from its last sign of life, as the giving up is.
constexpr Millis kStartWithin = limits::kWorkerLostAfter - limits::kHandlerBudget;
static_assert(kFresh < kStartWithin, "what is handed out must have time to start");
// The customer's reply window (reference: WeChat §6.4); after it a parked reply cannot be delivered any more.
// For customers of whom nothing better is known.
constexpr Millis kParkedFor = std::chrono::hours(48);
// A cloud that asks for a longer pause has a quota used up: nothing is won by calling more slowly.
constexpr Millis kThrottleIsShort{10'000};
constexpr Millis kThrottlePause{1000};
// multiaccount_import may be called half as often as account_import (reference: IM §1.4).
constexpr std::uint32_t kCallsOfImportBundle = 2;
// Who had a delivery is known of so many of an event, and of so many dead events.
constexpr std::size_t kHandedKept = 8;
constexpr std::size_t kHandedDeadKept = 10'000;
constexpr const char* kMayHaveActed = "it may have been delivered, and is not repeated again: ";

bool needs_operator(v1::Failure failure) {
  return failure == v1::FAILURE_CONFIGURATION || failure == v1::FAILURE_CREDENTIALS;
}

constexpr const char* kWindowOver = "the customer did not write again before the reply window ended";

// Nothing for finished events: they are not in the queue.
std::size_t* count_in(Counts& counts, State state) {
  switch (state) {
    case State::ready:
      return &counts.ready;
    case State::in_flight:
      return &counts.in_flight;
    case State::waiting:
      return &counts.waiting;
    case State::parked:
      return &counts.parked;
    default:
      return nullptr;
  }
}

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

EventQueue::EventQueue(const Rules& rules, std::uint32_t epoch, std::function<double()> chance)
    : policy_(rules.retry),
      chance_(std::move(chance)),
      next_lease_((std::uint64_t{epoch} << 32) + 1),
      pacer_(rules.limits) {}

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
    ready_heads(entries_.at(lane.head)).erase(lane.head);
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

// It travels already: what was put before it since (a replay, over a restart) has to wait. False: another one
// of its lane travels.
bool EventQueue::bring_forward(EventId event, Entry& entry) {
  Lane& lane = *entry.lane;
  if (lane.head == event) return true;
  if (flights_.contains(lane.head)) return false;
  unlink(event, entry);
  ready_heads(entries_.at(lane.head)).erase(lane.head);
  entry.next = std::exchange(lane.head, event);
  return true;
}

void EventQueue::refresh_head(const Lane& lane) {
  const bool rests = lane.remembered && quiet();
  const Entry& head = entries_.at(lane.head);
  if (!rests && head.state == State::ready) ready_heads(head).insert(lane.head);
}

// `due` counts for waiting and parked only.
void EventQueue::set_state(EventId event, Entry& entry, State state, Timestamp due) {
  const auto timed = [](State of) { return of == State::waiting || of == State::parked; };
  const bool counts = entry.kind != Kind::lookup;
  if (auto* old = count_in(counts_, entry.state); old && counts) --*old;
  if (timed(entry.state)) timers_.erase({entry.due, event});
  ready_heads(entry).erase(event);
  entry.state = state;
  entry.due = due;
  if (auto* now = count_in(counts_, state); now && counts) ++*now;
  if (timed(state)) timers_.insert({due, event});
  if (state == State::ready && entry.lane->head == event) refresh_head(*entry.lane);
}

void EventQueue::report(EventId event, const Entry& entry, State state, std::string error,
                        const Ending& ending, std::vector<Change>& changes) const {
  Change change;
  change.event = event;
  change.customer = entry.lane->customer;
  change.state = state;
  change.attempts = entry.attempts;
  change.progress = entry.progress;
  change.due = entry.due;
  change.error = std::move(error);
  if (entry.settled) change.settled = entry.lease;
  if (const auto unsure = unsure_.find(event); unsure != unsure_.end()) {
    change.unsure_at = unsure->second.at;
    change.unsure = unsure->second.count;
  }
  change.worker = ending.worker;
  change.delivered_at = ending.delivered_at;
  change.code = ending.code;
  change.failure = ending.failure;
  changes.push_back(std::move(change));
}

// Nothing in particular when it is not in flight.
EventQueue::Ending EventQueue::land(EventId event) {
  const auto at = flights_.find(event);
  if (at == flights_.end()) return {};
  const Flight flight = at->second;
  flights_.erase(at);
  const auto bundle = bundles_.find(flight.bundle);
  const bool frees_slot = bundle == bundles_.end() || --bundle->second == 0;
  if (frees_slot && bundle != bundles_.end()) bundles_.erase(bundle);
  if (const auto worker = workers_.find(flight.worker); frees_slot && worker != workers_.end())
    --worker->second.in_flight;
  Ending ending;
  ending.worker = flight.worker;
  ending.delivered_at = flight.delivered_at;
  ending.bundle = flight.bundle;
  return ending;
}

void EventQueue::finish(EventId event, Entry& entry, State end, std::string error,
                        std::vector<Change>& changes, Ending ending) {
  if (flights_.contains(event)) ending = land(event);
  report(event, entry, end, std::move(error), ending, changes);
  set_state(event, entry, end);
  unlink(event, entry);
  entries_.erase(event);
  unsure_.erase(event);
  forget_handed(event, end);
}

void EventQueue::note_handed(EventId event, Lease lease, const WorkerId& worker) {
  auto& handed = handed_[event];
  if (handed.size() == kHandedKept) handed.erase(handed.begin());
  handed.push_back({lease, worker});
}

// A success may come after a death.
void EventQueue::forget_handed(EventId event, State end) {
  if (!handed_.contains(event)) return;
  if (end != State::dead) {
    handed_.erase(event);
    return;
  }
  handed_dead_.push_back(event);
  if (handed_dead_.size() <= kHandedDeadKept) return;
  if (!entries_.contains(handed_dead_.front())) handed_.erase(handed_dead_.front());  // else it was replayed
  handed_dead_.pop_front();
}

bool EventQueue::handed_to(const WorkerId& worker, EventId event, Lease lease) const {
  const auto at = handed_.find(event);
  return at != handed_.end() && std::any_of(at->second.begin(), at->second.end(), [&](const Handed& one) {
           return one.lease == lease && one.worker == worker;
         });
}

// --- events ---

void EventQueue::put(EventId event, const OpenId& customer, Kind kind, Timestamp accepted_at) {
  Entry entry;
  entry.kind = kind;
  entry.accepted_at = accepted_at;
  entry.age_from = open_time_.total();
  enter(event, kind == Kind::lookup ? OpenId("lookup " + customer.value) : customer, entry);
}

void EventQueue::take_over(const Remembered& event) {
  Entry entry;
  entry.kind = event.kind;
  entry.accepted_at = event.accepted_at;
  entry.age_from = open_time_.total();
  entry.progress = event.progress;
  enter(event.event, event.customer, entry);
  if (event.unsure_at != Timestamp{}) unsure_[event.event] = {event.unsure_at, event.unsure};
}

void EventQueue::restore(const Remembered& event) {
  Entry entry;
  entry.accepted_at = event.accepted_at;
  entry.due = event.due;
  entry.attempts = event.attempts;
  entry.progress = event.progress;
  entry.state = event.state;
  entry.kind = event.kind;
  entry.lease = event.settled;
  entry.settled = event.settled != Lease{};
  enter(event.event, event.customer, entry);
  if (event.unsure_at != Timestamp{}) unsure_[event.event] = {event.unsure_at, event.unsure};
  lanes_.at(event.customer).remembered = true;
}

void EventQueue::begin_quiet(std::vector<WorkerId> expected, Timestamp until) {
  for (auto& [customer, lane] : lanes_) {
    Entry& head = entries_.at(lane.head);
    head.maybe_sent = head.state == State::ready || head.state == State::waiting;
  }
  if (expected.empty()) return;  // nobody can hold anything
  expected_.insert(expected.begin(), expected.end());
  quiet_until_ = until;
  for (auto& heads : ready_heads_) heads.clear();
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
  for (const auto event : over) finish(event, entries_.at(event), State::done, "", changes, {});
}

// --- workers ---

void EventQueue::hello(const WorkerId& worker, Offer offer, const std::vector<HeldEvent>& held, Timestamp now,
                       std::vector<Change>& changes) {
  auto& state = workers_[worker];
  state.offer = offer;
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
    if (!may_travel || over || !bring_forward(event, entry)) continue;
    set_state(event, entry, State::in_flight);
    entry.lease = lease;
    entry.settled = false;
    flights_[event] = {worker, now, true, ended, 0};
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
      finish(event, entry, State::done, "", changes, {});
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
    if (!done) return verdict.progress() > entry.progress ? Effect::remembered : Effect::none;
    entry.known_done = true;  // rule 3: the lane opens when the newer delivery has ended too
    return Effect::remembered;
  }
  // Nobody holds it: given up as lost before, or remembered from before a restart. Success is success; any
  // other verdict counts only when it is the first word about a delivery that we know nothing newer of.
  const bool first_word =
      lease > entry.lease && (entry.state == State::ready || entry.state == State::waiting);
  // One that a replay has put behind another was the head when it went out.
  if (!done && !(first_word && entry.lane->head == event))
    return note_progress(event, entry, verdict, changes) ? Effect::applied : Effect::none;
  entry.lease = std::max(entry.lease, lease);
  apply(event, entry, verdict, at_once, now, changes);
  return Effect::applied;
}

// What a late verdict says has arrived, has arrived; nothing else of it counts.
bool EventQueue::note_progress(EventId event, Entry& entry, const v1::Verdict& verdict,
                               std::vector<Change>& changes) {
  if (verdict.progress() <= entry.progress) return false;
  entry.progress = verdict.progress();
  report(event, entry, entry.state, "an earlier delivery got further: " + verdict.reason(), {}, changes);
  return true;
}

void EventQueue::apply(EventId event, Entry& entry, const v1::Verdict& verdict, bool at_once, Timestamp now,
                       std::vector<Change>& changes) {
  entry.settled = true;
  if (entry.kind == Kind::lookup) {
    end_lookup(event, entry, verdict, now, changes);
    return;
  }
  if (verdict.progress() > entry.progress) {
    entry.progress = verdict.progress();
    entry.attempts = 0;
    gate_.answered(event);
  }
  const bool reopened = entry.reopened;  // what the cloud said of the window is no longer true
  if (verdict.unsure()) note_unsure(event, entry);
  Ending ending = land(event);
  ending.code = verdict.code();
  ending.failure = verdict.failure();
  const auto outcome = entry.known_done ? v1::OUTCOME_DONE : verdict.outcome();
  switch (outcome) {
    case v1::OUTCOME_DONE:
      gate_.answered(event);
      finish(event, entry, State::done, "", changes, ending);
      return;
    case v1::OUTCOME_DEAD:
      gate_.answered(event);
      ++entry.attempts;
      finish(event, entry, State::dead, verdict.reason(), changes, ending);
      return;
    case v1::OUTCOME_PARKED:
      gate_.answered(event);
      if (!reopened && parked_until(entry) <= now) {
        finish(event, entry, State::dead, kWindowOver, changes, ending);
        return;
      }
      set_state(event, entry, reopened ? State::ready : State::parked, parked_until(entry));
      report(event, entry, entry.state, verdict.reason(), ending,
             changes);  // parts may have arrived, in any case
      return;
    case v1::OUTCOME_UNAVAILABLE:
      hold_back(event, entry, verdict, ending, now, changes);
      return;
    case v1::OUTCOME_RETURNED:
      gate_.not_tried(event);
      set_state(event, entry, State::ready);
      return;
    default:  // RETRY, and whatever a newer worker may say that we do not know
      fail(event, entry, verdict, at_once, ending, now, changes);
      return;
  }
}

// Whatever became of it, it is over: the next one asks the same. It says nothing of whether words can be
// sent.
void EventQueue::end_lookup(EventId event, Entry& entry, const v1::Verdict& verdict, Timestamp now,
                            std::vector<Change>& changes) {
  if (verdict.failure() == v1::FAILURE_THROTTLE) pacer_.throttled(entry.kind, now);
  finish(event, entry, State::done, verdict.reason(), changes, {});
}

// Counted from when it went out; of what another run sent we know only that it was not before its acceptance.
void EventQueue::note_unsure(EventId event, const Entry& entry) {
  const auto flight = flights_.find(event);
  const bool known = flight != flights_.end() && !entry.maybe_sent;
  auto& unsure = unsure_[event];
  if (unsure.at == Timestamp{}) unsure.at = known ? flight->second.delivered_at : entry.accepted_at;
  ++unsure.count;
}

// Kept from here on, whatever becomes of its age.
void EventQueue::note_maybe_sent(EventId event, Entry& entry) {
  if (std::exchange(entry.maybe_sent, false)) unsure_.try_emplace(event, Unsure{entry.accepted_at, 0});
}

bool EventQueue::too_often_unsure(EventId event) const {
  const auto unsure = unsure_.find(event);
  return policy_.unsure_max != 0 && unsure != unsure_.end() && unsure->second.count >= policy_.unsure_max;
}

Timestamp EventQueue::parked_until(const Entry& entry) {
  return entry.lane->ends_at > entry.accepted_at ? entry.lane->ends_at : entry.accepted_at + kParkedFor;
}

// Empty when it may still be tried. The end of a reply's window is a matter of the cloud and comes whatever
// the queue does.
std::string EventQueue::too_late(const Entry& entry, Timestamp now) const {
  if (open_time_.total() - entry.age_from > policy_.give_up_after) return "given up, too old";
  if (entry.kind == Kind::reply && now > parked_until(entry)) return "given up, the reply window has ended";
  return {};
}

std::string EventQueue::reason_to_give_up(const Entry& entry, Timestamp now) const {
  if (entry.attempts >= policy_.attempts_max)
    return "given up after " + std::to_string(entry.attempts) + " attempts";
  return too_late(entry, now);
}

// The destination cannot take it now. No attempt is counted; only age ends it.
void EventQueue::hold_back(EventId event, Entry& entry, const v1::Verdict& verdict, const Ending& ending,
                           Timestamp now, std::vector<Change>& changes) {
  const Millis after(verdict.after_ms());
  if (verdict.failure() == v1::FAILURE_THROTTLE && after <= kThrottleIsShort) {
    gate_.answered(event);
    pacer_.throttled(entry.kind, now);
    const Millis wait =
        wait_before_retry(policy_, verdict.failure(), 1, std::max(after, kThrottlePause), chance_());
    wait_or_give_up(event, entry, now + wait, verdict.reason(), ending, now, changes);
    return;
  }
  gate_.unavailable(event, after, verdict.reason(), now, needs_operator(verdict.failure()));
  back_to_ready(event, entry, verdict.reason(), ending, now, changes);
}

void EventQueue::fail(EventId event, Entry& entry, const v1::Verdict& verdict, bool at_once,
                      const Ending& ending, Timestamp now, std::vector<Change>& changes) {
  // A bundle is one call, so it is one sign.
  const OpenId who =
      ending.bundle != 0 ? OpenId("bundle " + std::to_string(ending.bundle)) : entry.lane->customer;
  if (at_once) gate_.answered(event);
  // Media that WeChat does not give must not close the queue to IM.
  const bool elsewhere = verdict.failure() == v1::FAILURE_ELSEWHERE;
  if (elsewhere) gate_.not_tried(event);
  const bool destination_fails = !at_once && !elsewhere && gate_.failed(event, who, verdict.reason(), now);
  if (verdict.unsure() && too_often_unsure(event)) {
    ++entry.attempts;
    finish(event, entry, State::dead, kMayHaveActed + verdict.reason(), changes, ending);
    return;
  }
  if (destination_fails) {
    back_to_ready(event, entry, verdict.reason(), ending, now, changes);
    return;
  }
  ++entry.attempts;
  const Millis wait =
      wait_before_retry(policy_, verdict.failure(), entry.attempts, Millis(verdict.after_ms()), chance_());
  wait_or_give_up(event, entry, at_once ? now : now + wait, verdict.reason(), ending, now, changes);
}

void EventQueue::wait_or_give_up(EventId event, Entry& entry, Timestamp until, const std::string& error,
                                 const Ending& ending, Timestamp now, std::vector<Change>& changes) {
  if (const auto give_up = reason_to_give_up(entry, now); !give_up.empty()) {
    finish(event, entry, State::dead, give_up + ": " + error, changes, ending);
    return;
  }
  set_state(event, entry, State::waiting, until);
  report(event, entry, State::waiting, error, ending, changes);
}

void EventQueue::back_to_ready(EventId event, Entry& entry, const std::string& error, const Ending& ending,
                               Timestamp now, std::vector<Change>& changes) {
  if (const auto give_up = too_late(entry, now); !give_up.empty()) {
    finish(event, entry, State::dead, give_up + ": " + error, changes, ending);
    return;
  }
  set_state(event, entry, State::ready);
  report(event, entry, State::ready, error, ending, changes);
}

// A delivery of which no verdict will come counts as an attempt: an event that kills its workers must end.
void EventQueue::lose(EventId event, bool never_arrived, Timestamp now, std::vector<Change>& changes) {
  gate_.not_tried(event);
  Entry& entry = entries_.at(event);
  if (entry.known_done) {
    finish(event, entry, State::done, "", changes, {});
    return;
  }
  if (!never_arrived) note_unsure(event, entry);
  Ending ending = land(event);
  ending.failure = never_arrived ? v1::FAILURE_RETRY : v1::FAILURE_UNKNOWN_OUTCOME;
  const std::string reason =
      never_arrived ? "the delivery did not reach its worker" : "the worker fell silent";
  ++entry.attempts;
  std::string give_up = reason_to_give_up(entry, now);
  if (!give_up.empty()) give_up += ": ";
  if (!never_arrived && too_often_unsure(event)) give_up = kMayHaveActed;
  if (!give_up.empty()) {
    finish(event, entry, State::dead, give_up + reason, changes, ending);
    return;
  }
  set_state(event, entry, State::ready);
  report(event, entry, State::ready, reason, ending, changes);
}

// --- time ---

void EventQueue::tick(Timestamp now, std::vector<Change>& changes) {
  open_time_.advance(!gate_.closed() && !gate_.paused_by_operator() && !workers_.empty(), now);
  if (quiet() && now >= *quiet_until_) end_quiet(changes);
  std::size_t given_up = 0;
  while (!timers_.empty() && timers_.begin()->first <= now && given_up < kGiveUpAtOnce) {
    const EventId event = timers_.begin()->second;
    Entry& entry = entries_.at(event);
    if (entry.state == State::parked) {
      ++given_up;
      finish(event, entry, State::dead, kWindowOver, changes, {});
    } else {
      set_state(event, entry, State::ready);
    }
  }
  if (now >= next_look_) {
    next_look_ = now + kLook;
    look_for_lost_work(now, changes);
    give_up_what_is_too_late(now, changes);
  }
}

void EventQueue::look_for_lost_work(Timestamp now, std::vector<Change>& changes) {
  for (auto worker = workers_.begin(); worker != workers_.end();) {
    const bool silent = now - worker->second.last_seen > limits::kWorkerLostAfter;
    worker = silent ? workers_.erase(worker) : std::next(worker);
  }
  std::vector<std::pair<EventId, bool>> lost;
  for (const auto& [event, flight] : flights_) {
    const bool gone = !workers_.contains(flight.worker);
    const bool overdue = !flight.named && now - flight.delivered_at > limits::kWorkerLostAfter;
    if (gone || overdue) lost.emplace_back(event, !gone);
  }
  for (const auto& [event, never_arrived] : lost) lose(event, never_arrived, now, changes);
}

// While nothing is handed out; otherwise the next attempt finds out.
void EventQueue::give_up_what_is_too_late(Timestamp now, std::vector<Change>& changes) {
  if (gate_.allowance(now) == Gate::Allowance::any) return;
  std::vector<EventId> late;
  for (const auto& heads : ready_heads_) {
    for (const auto event : heads) {
      if (late.size() == kGiveUpAtOnce) break;
      if (!too_late(entries_.at(event), now).empty()) late.push_back(event);
    }
  }
  const std::string why = gate_.closed() ? gate_.reason() : "the queue is paused";
  for (const auto event : late) {
    Entry& entry = entries_.at(event);
    finish(event, entry, State::dead, too_late(entry, now) + ": " + why, changes, {});
  }
}

std::optional<Timestamp> EventQueue::next_timer(Timestamp now) const {
  std::optional<Timestamp> next;
  const auto consider = [&next](std::optional<Timestamp> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  if (!timers_.empty()) consider(timers_.begin()->first);
  consider(quiet_until_);
  if (has_ready_heads()) consider(gate_.next_change(now));
  if (gate_.allowance(now) != Gate::Allowance::none && freest_worker(now) != workers_.end()) {
    for (const auto kind : kKindsInOrder) {
      const bool waits = !ready_heads_[static_cast<std::size_t>(kind)].empty() && !pacer_.may_go(kind, now);
      if (waits) consider(pacer_.next(kind));
    }
  }
  if (!workers_.empty() || !flights_.empty() || has_ready_heads()) consider(next_look_);
  return next;
}

// --- work ---

// The one with the least to do, whatever it says it could take: a stranger that offers very many slots must
// not get nearly everything.
std::map<WorkerId, EventQueue::WorkerState>::const_iterator EventQueue::freest_worker(Timestamp now) const {
  auto best = workers_.end();
  const auto free = [](const WorkerState& worker) {
    return worker.offer.slots - std::min(worker.offer.slots, worker.in_flight);
  };
  for (auto worker = workers_.begin(); worker != workers_.end(); ++worker) {
    const auto& state = worker->second;
    if (state.draining || free(state) == 0 || now - state.last_seen > kFresh) continue;
    const auto load = [&](const WorkerState& of) {
      return std::tuple(of.in_flight, -std::int64_t{free(of)}, of.last_handout);
    };
    if (best == workers_.end() || load(state) < load(best->second)) best = worker;
  }
  return best;
}

bool EventQueue::has_ready_heads() const {
  return std::any_of(ready_heads_.begin(), ready_heads_.end(),
                     [](const auto& heads) { return !heads.empty(); });
}

// Accounts in bulk travel together when the worker can take them so.
std::size_t EventQueue::group_size(Kind kind, Offer offer) const {
  const bool in_bulk = kind == Kind::import_account || kind == Kind::delete_account;
  if (!in_bulk || offer.bundle < 2) return 1;
  return std::min<std::size_t>(offer.bundle, ready_heads_[static_cast<std::size_t>(kind)].size());
}

std::vector<Handout> EventQueue::handouts(Timestamp now) {
  std::vector<Handout> out;
  if (gate_.allowance(now) == Gate::Allowance::one) send_probe(now, out);
  for (const auto kind : kKindsInOrder) {
    const auto& heads = ready_heads_[static_cast<std::size_t>(kind)];
    while (!heads.empty() && pacer_.may_go(kind, now)) {
      const auto worker = freest_worker(now);
      if (gate_.allowance(now) != Gate::Allowance::any || worker == workers_.end()) return out;
      send_off(kind, group_size(kind, worker->second.offer), worker->first, now, out);
    }
  }
  return out;
}

void EventQueue::send_off(Kind kind, std::size_t size, const WorkerId& worker, Timestamp now,
                          std::vector<Handout>& out) {
  const auto& heads = ready_heads_[static_cast<std::size_t>(kind)];
  const std::uint64_t bundle = size > 1 ? ++last_bundle_ : 0;
  if (bundle != 0) bundles_[bundle] = size;
  pacer_.went(kind, now, bundle != 0 && kind == Kind::import_account ? kCallsOfImportBundle : 1);
  take_slot(workers_.at(worker));
  for (std::size_t i = 0; i < size; ++i) take_off(*heads.begin(), worker, bundle, now, out);
}

void EventQueue::take_slot(WorkerState& worker) {
  ++worker.in_flight;
  worker.last_handout = ++handouts_;
}

// The next customer after the one that probed last: an event that always fails must not be the only one
// asked.
void EventQueue::send_probe(Timestamp now, std::vector<Handout>& out) {
  const auto worker = freest_worker(now);
  if (worker == workers_.end()) return;
  EventId next{};
  EventId first{};
  const auto lower = [](EventId candidate, EventId& lowest) {
    if (lowest == EventId{} || candidate < lowest) lowest = candidate;
  };
  for (const auto kind : kKindsInOrder) {
    const auto& heads = ready_heads_[static_cast<std::size_t>(kind)];
    // That a question was answered says little about words.
    if (kind == Kind::lookup || heads.empty() || !pacer_.may_go(kind, now)) continue;
    lower(*heads.begin(), first);
    if (const auto after = heads.upper_bound(last_probe_); after != heads.end()) lower(*after, next);
  }
  if (first == EventId{}) return;
  last_probe_ = next != EventId{} ? next : first;
  pacer_.went(entries_.at(last_probe_).kind, now);
  take_slot(workers_.at(worker->first));
  take_off(last_probe_, worker->first, 0, now, out);
}

void EventQueue::take_off(EventId event, const WorkerId& worker, std::uint64_t bundle, Timestamp now,
                          std::vector<Handout>& out) {
  Entry& entry = entries_.at(event);
  // Known to the next attempts even when this one ends well understood.
  note_maybe_sent(event, entry);
  entry.reopened = false;
  entry.lease = Lease{next_lease_++};
  entry.settled = false;
  set_state(event, entry, State::in_flight);
  flights_[event] = {worker, now, false, false, bundle};
  note_handed(event, entry.lease, worker);
  gate_.delivered(event);
  const auto unsure = unsure_.find(event);
  out.push_back({event, entry.lane->customer, worker, entry.lease, entry.attempts + 1, entry.progress,
                 workers_.at(worker).last_seen + kStartWithin, bundle,
                 unsure != unsure_.end() ? unsure->second.at : Timestamp{}});
}

// --- people ---

void EventQueue::reopen(const OpenId& customer, Timestamp now, std::vector<Change>& changes) {
  const auto lane = lanes_.find(customer);
  if (lane == lanes_.end()) return;
  for (EventId event = lane->second.head; event != EventId{}; event = entries_.at(event).next) {
    auto& entry = entries_.at(event);
    entry.reopened = true;
    if (entry.state == State::parked) release(event, now, changes);
  }
}

void EventQueue::customer_ends_at(const OpenId& customer, Timestamp ends_at) {
  if (const auto lane = lanes_.find(customer); lane != lanes_.end()) lane->second.ends_at = ends_at;
}

void EventQueue::replay(const Remembered& event, Timestamp now, std::vector<Change>& changes) {
  Entry entry;
  entry.kind = event.kind;
  entry.progress = event.progress;
  entry.lease = event.settled;
  entry.settled = event.settled != Lease{};
  enter(event.event, event.customer, entry);
  if (event.unsure_at != Timestamp{}) unsure_[event.event] = {event.unsure_at, 0};
  begin_anew(event.event, entries_.at(event.event), now, changes);
}

// It has its full time again.
void EventQueue::begin_anew(EventId event, Entry& entry, Timestamp now, std::vector<Change>& changes) {
  note_maybe_sent(event, entry);
  entry.accepted_at = now;
  entry.age_from = open_time_.total();
  entry.attempts = 0;
  if (const auto unsure = unsure_.find(event); unsure != unsure_.end()) unsure->second.count = 0;
  set_state(event, entry, State::ready);
  report(event, entry, State::ready, "", {}, changes);
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
  return take_out(event, State::dead, why, changes);
}

bool EventQueue::withdraw(EventId event, const std::string& why, std::vector<Change>& changes) {
  return take_out(event, State::done, why, changes);
}

bool EventQueue::untouched(EventId event) const {
  const auto at = entries_.find(event);
  if (at == entries_.end() || at->second.state == State::in_flight) return false;
  const bool may_be_held = quiet() && at->second.lane->remembered;
  return !may_be_held && !at->second.maybe_sent && at->second.progress == 0 && !unsure_.contains(event);
}

bool EventQueue::take_out(EventId event, State end, const std::string& why, std::vector<Change>& changes) {
  const auto at = entries_.find(event);
  if (at == entries_.end() || at->second.state == State::in_flight) return false;
  if (quiet() && at->second.lane->remembered) return false;  // a worker that has not reported may have it
  note_maybe_sent(event, at->second);
  finish(event, at->second, end, why, changes, {});
  return true;
}

Counts EventQueue::counts_of(const OpenId& customer) const {
  Counts counts;
  const auto lane = lanes_.find(customer);
  if (lane == lanes_.end()) return counts;
  for (EventId event = lane->second.head; event != EventId{}; event = entries_.at(event).next) {
    if (auto* count = count_in(counts, entries_.at(event).state)) ++*count;
  }
  return counts;
}

std::vector<EventId> EventQueue::in_state(State state) const {
  std::vector<EventId> found;
  for (const auto kind : kKindsInOrder) {
    const auto& heads = ready_heads_[static_cast<std::size_t>(kind)];
    if (state == State::ready && kind != Kind::lookup) found.insert(found.end(), heads.begin(), heads.end());
  }
  for (const auto& [event, flight] : flights_) {
    if (state == State::in_flight && entries_.at(event).kind != Kind::lookup) found.push_back(event);
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
    views.push_back({id, state.offer.slots, state.in_flight, state.last_seen, state.draining});
  return views;
}

std::optional<State> EventQueue::state_of(EventId event) const {
  const auto at = entries_.find(event);
  if (at == entries_.end()) return std::nullopt;
  return at->second.state;
}

std::optional<FlightView> EventQueue::flight_of(EventId event) const {
  const auto at = flights_.find(event);
  if (at == flights_.end()) return std::nullopt;
  return FlightView{at->second.worker, at->second.delivered_at};
}

}  // namespace kefu::queue
