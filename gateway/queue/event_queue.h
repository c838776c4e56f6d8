// Where every unfinished event of one queue is, and which may travel now. Pure: no sockets, clock or chance
// of its own.
//
// Order (DESIGN §3): the events of one customer form a lane, in the order of acceptance; only the head of a
// lane travels, and one delivery of it at a time. Ids are kept here, payloads stay in the journal.
//
// Every change of an event's state is appended to the `changes` a call is given: the caller writes them to
// the journal and tells the tap.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/queue/gate.h"
#include "gateway/queue/kind.h"
#include "gateway/queue/open_time.h"
#include "gateway/queue/pacer.h"
#include "gateway/queue/retry_schedule.h"
#include "kefu/v1/work.pb.h"
#include "lib/base/clock.h"
#include "lib/base/ids.h"

namespace kefu::queue {

enum class State : std::uint8_t { ready = 1, in_flight = 2, waiting = 3, parked = 4, done = 5, dead = 6 };
std::string_view name(State state);

// One event's way from one state to the next.
struct Change {
  EventId event;
  OpenId customer;
  State state = State::ready;
  std::uint32_t attempts = 0;  // failed ones that count
  std::uint32_t progress = 0;
  Timestamp due{};  // of waiting: when; of parked: when it is given up
  std::string error{};
  Lease settled{};                        // the last delivery whose verdict counted; 0: none yet
  std::optional<Timestamp> begun_anew{};  // replayed or reopened: it has its full time from here
  Timestamp unsure_at{};                  // when an attempt that may have acted went out first; 0: none did
  std::uint32_t unsure = 0;               // how many such attempts since it began (anew)
  // Of the delivery that has ended with this change, when one has.
  WorkerId worker{};
  Timestamp delivered_at{};
  std::int32_t code = 0;  // of the cloud; 0: none
  v1::Failure failure = v1::FAILURE_UNSPECIFIED;
};

// What the tap and the history call it: done, dead, parked, replayed, or retry.
std::string_view step_name(const Change& change);

// What the events of one queue are subject to.
struct Rules {
  RetryPolicy retry{};
  Pacer::Limits limits{};
};

// One delivery to be sent.
struct Handout {
  EventId event;
  OpenId customer;
  WorkerId worker;
  Lease lease;
  std::uint32_t attempt = 1;
  std::uint32_t progress = 0;
  Timestamp start_by{};
  std::uint64_t bundle = 0;  // those of one bundle, which stand together, travel as one; 0: alone
  Timestamp unsure_at{};     // as in Change
};

struct HeldEvent {
  EventId event;
  Lease lease;
  bool ended = false;  // its verdict is given and on its way
};

// An unfinished event as the journal remembers it.
struct Remembered {
  EventId event;
  OpenId customer;
  State state = State::ready;  // ready, waiting or parked; what was in flight is ready again
  std::uint32_t attempts = 0;
  std::uint32_t progress = 0;
  Timestamp accepted_at{};  // or when it began anew
  Timestamp due{};
  Lease settled{};  // the last delivery whose verdict counted; 0: none yet
  Kind kind = Kind::message;
  Timestamp unsure_at{};  // as in Change
  std::uint32_t unsure = 0;
};

struct WorkerView {
  WorkerId id;
  std::uint32_t capacity = 0;
  std::uint32_t in_flight = 0;
  Timestamp last_seen{};
  bool draining = false;
};

// A delivery that has not ended.
struct FlightView {
  WorkerId worker;
  Timestamp delivered_at{};
};

struct Counts {
  std::size_t ready = 0, in_flight = 0, waiting = 0, parked = 0;
};

class EventQueue {
 public:
  // `chance` gives uniform numbers in [0,1). `epoch` is the gateway's run: its leases differ from those of
  // other runs.
  EventQueue(const Rules& rules, std::uint32_t epoch, std::function<double()> chance);

  // --- events ---
  // After the journal has it. Ids rise. A lookup has a lane of its own beside the customer's, is over with
  // its first verdict, whatever that is, moves no gate and is counted nowhere.
  void put(EventId event, const OpenId& customer, Kind kind, Timestamp accepted_at);
  // As put(), of an event that another journal had: it goes on from its progress.
  void take_over(const Remembered& event);
  // At start, in the order of ids, before anything else. Lanes of remembered events rest until quiet is over
  // (rule 4).
  void restore(const Remembered& event);
  // Quiet ends at `until`, or as soon as every worker of `expected` has said hello.
  void begin_quiet(std::vector<WorkerId> expected, Timestamp until);

  // --- workers ---
  struct Offer {
    std::uint32_t slots = 0;   // deliveries or bundles at once
    std::uint32_t bundle = 0;  // events of a kind in bulk that it takes as one; 0 or 1: none
  };
  void hello(const WorkerId& worker, Offer offer, const std::vector<HeldEvent>& held, Timestamp now,
             std::vector<Change>& changes);
  // False: unknown worker, it has to say hello.
  bool ping(const WorkerId& worker, const std::vector<HeldEvent>& held, bool draining, Timestamp now);
  // It holds nothing any more; what we believed it held is free again.
  void bye(const WorkerId& worker, std::vector<Change>& changes);
  // Nothing new for it until it says hello or pings again. What it holds stays with it: it may be at work
  // behind a broken connection.
  void unreachable(const WorkerId& worker);
  // What a worker says of a delivery. A late or repeated verdict changes nothing (DESIGN §4.4). `at_once`: a
  // retry that need not wait (the customer's account got another id).
  enum class Effect {
    applied,     // the changes say how
    none,        // settled before, or overtaken
    remembered,  // a success or progress, counted when no newer delivery can be held any more: not to be
                 // confirmed before
  };
  Effect settle(const v1::Verdict& verdict, Timestamp now, std::vector<Change>& changes,
                bool at_once = false);
  // This run has handed this delivery to this worker: it is the one to say what became of it. Known of the
  // last deliveries of each event, until the event is done; of dead ones for as long as there is room.
  bool handed_to(const WorkerId& worker, EventId event, Lease lease) const;

  // --- time ---
  // Due retries, silent workers, expired deliveries, ends of parking.
  void tick(Timestamp now, std::vector<Change>& changes);
  // When tick() or handouts() have something to do without anything else happening; at most a second away
  // while work is in flight.
  std::optional<Timestamp> next_timer(Timestamp now) const;

  // --- work ---
  // What goes out now: ready heads meet free slots, the gate and the pacer. Words of people go before
  // accounts in bulk.
  std::vector<Handout> handouts(Timestamp now);
  // The delivery of this event costs so many calls more than one, of this kind.
  void charge(Kind kind, Timestamp now, std::uint32_t calls) { pacer_.went(kind, now, calls); }

  // --- people ---
  // The customer can be written to again: their parked events are ready. Appends changes.
  void reopen(const OpenId& customer, Timestamp now, std::vector<Change>& changes);
  // No event of the customer makes sense after `ends_at`, unless accepted later. Forgotten with the
  // customer's last event.
  void customer_ends_at(const OpenId& customer, Timestamp ends_at);
  // A finished event comes back at its place in its lane (never before a head that travels). REQUIRES: not in
  // the queue.
  void replay(const Remembered& event, Timestamp now, std::vector<Change>& changes);
  // A parked or waiting event is ready now. False: not in the queue, or in flight, or ready anyway.
  bool release(EventId event, Timestamp now, std::vector<Change>& changes);
  // Out of the queue as dead. False: not in it, or in flight, or perhaps so since the restart.
  bool drop(EventId event, const std::string& why, std::vector<Change>& changes);
  // As drop(), as done: nobody wants it any more.
  bool withdraw(EventId event, const std::string& why, std::vector<Change>& changes);
  // It is in the queue, no worker can have it, and none may have had it.
  bool untouched(EventId event) const;

  Gate& gate() { return gate_; }
  const Gate& gate() const { return gate_; }
  const Pacer& pacer() const { return pacer_; }
  Counts counts() const { return counts_; }
  Counts counts_of(const OpenId& customer) const;
  // Events in flight, waiting or parked; of the ready ones the heads of lanes only: a million may stand
  // behind them.
  std::vector<EventId> in_state(State state) const;
  // When the oldest of in_state() was accepted.
  std::optional<Timestamp> oldest_accepted(State state) const;
  std::vector<WorkerView> workers() const;
  std::optional<State> state_of(EventId event) const;
  std::optional<FlightView> flight_of(EventId event) const;
  bool quiet() const { return quiet_until_.has_value(); }

 private:
  struct Lane;
  // Small on purpose: a million may wait (DESIGN §4.6).
  struct Entry {
    Lane* lane = nullptr;
    EventId next{};  // in the lane
    Timestamp accepted_at{};
    Timestamp due{};
    Millis age_from{0};  // of open_time_, when it was accepted or began anew; 0 when it is of another run
    Lease lease{};       // of the last delivery in this run, or the one a worker reported; 0: none yet
    std::uint32_t attempts = 0;
    std::uint32_t progress = 0;
    State state = State::ready;
    Kind kind = Kind::message;
    bool settled = false;     // the verdict of `lease` has been applied
    bool reopened = false;    // the customer wrote after the last delivery went out
    bool maybe_sent = false;  // was the head when another run ended: may have been in flight then
    bool known_done = false;  // an older delivery turned out to have succeeded while a newer one is held
  };
  struct Lane {
    OpenId customer;
    EventId head{};
    EventId tail{};
    Timestamp ends_at{};      // 0: unknown
    bool remembered = false;  // rests while quiet
  };
  struct Flight {
    WorkerId worker;
    Timestamp delivered_at{};
    bool named = false;  // the worker's last sign of life listed it
    bool ended = false;  // its verdict is known or on its way
    std::uint64_t bundle = 0;
  };
  // Attempts that may have acted.
  struct Unsure {
    Timestamp at{};
    std::uint32_t count = 0;
  };
  struct Handed {
    Lease lease;
    WorkerId worker;
  };
  // How a delivery ended.
  struct Ending {
    WorkerId worker;
    Timestamp delivered_at{};
    std::int32_t code = 0;
    v1::Failure failure = v1::FAILURE_UNSPECIFIED;
    std::uint64_t bundle = 0;
  };
  struct WorkerState {
    Offer offer;
    std::uint32_t in_flight = 0;  // slots in use
    Timestamp last_seen{};
    bool draining = false;
    std::uint64_t last_handout = 0;
  };

  void enter(EventId event, const OpenId& customer, Entry entry);
  void link(EventId event, Entry& entry);
  void unlink(EventId event, Entry& entry);
  bool bring_forward(EventId event, Entry& entry);
  void set_state(EventId event, Entry& entry, State state, Timestamp due = {});
  void refresh_head(const Lane& lane);
  Ending land(EventId event);
  void report(EventId event, const Entry& entry, State state, std::string error, const Ending& ending,
              std::vector<Change>& changes) const;
  void finish(EventId event, Entry& entry, State end, std::string error, std::vector<Change>& changes,
              Ending ending);
  void note_held(const WorkerId& worker, const std::vector<HeldEvent>& held, Timestamp now);
  bool note_progress(EventId event, Entry& entry, const v1::Verdict& verdict, std::vector<Change>& changes);
  void apply(EventId event, Entry& entry, const v1::Verdict& verdict, bool at_once, Timestamp now,
             std::vector<Change>& changes);
  void end_lookup(EventId event, Entry& entry, const v1::Verdict& verdict, Timestamp now,
                  std::vector<Change>& changes);
  void hold_back(EventId event, Entry& entry, const v1::Verdict& verdict, const Ending& ending, Timestamp now,
                 std::vector<Change>& changes);
  void fail(EventId event, Entry& entry, const v1::Verdict& verdict, bool at_once, const Ending& ending,
            Timestamp now, std::vector<Change>& changes);
  void wait_or_give_up(EventId event, Entry& entry, Timestamp until, const std::string& error,
                       const Ending& ending, Timestamp now, std::vector<Change>& changes);
  void back_to_ready(EventId event, Entry& entry, const std::string& error, const Ending& ending,
                     Timestamp now, std::vector<Change>& changes);
  void lose(EventId event, bool never_arrived, Timestamp now, std::vector<Change>& changes);
  void note_unsure(EventId event, const Entry& entry);
  void note_maybe_sent(EventId event, Entry& entry);
  bool too_often_unsure(EventId event) const;
  void begin_anew(EventId event, Entry& entry, Timestamp now, std::vector<Change>& changes);
  static Timestamp parked_until(const Entry& entry);
  std::string too_late(const Entry& entry, Timestamp now) const;
  std::string reason_to_give_up(const Entry& entry, Timestamp now) const;
  std::map<WorkerId, WorkerState>::const_iterator freest_worker(Timestamp now) const;
  std::size_t group_size(Kind kind, Offer offer) const;
  void send_off(Kind kind, std::size_t size, const WorkerId& worker, Timestamp now,
                std::vector<Handout>& out);
  void take_slot(WorkerState& worker);
  void note_handed(EventId event, Lease lease, const WorkerId& worker);
  void forget_handed(EventId event, State end);
  void send_probe(Timestamp now, std::vector<Handout>& out);
  void take_off(EventId event, const WorkerId& worker, std::uint64_t bundle, Timestamp now,
                std::vector<Handout>& out);
  bool take_out(EventId event, State end, const std::string& why, std::vector<Change>& changes);
  void look_for_lost_work(Timestamp now, std::vector<Change>& changes);
  void give_up_what_is_too_late(Timestamp now, std::vector<Change>& changes);
  std::set<EventId>& ready_heads(const Entry& entry) {
    return ready_heads_[static_cast<std::size_t>(entry.kind)];
  }
  bool has_ready_heads() const;
  void end_quiet(std::vector<Change>& changes);

  RetryPolicy policy_;
  std::function<double()> chance_;
  std::uint64_t next_lease_;
  std::uint64_t handouts_ = 0;
  Gate gate_;
  OpenTime open_time_;
  Pacer pacer_;
  Counts counts_;
  std::unordered_map<EventId, Entry> entries_;
  std::unordered_map<OpenId, Lane> lanes_;
  std::array<std::set<EventId>, kKinds> ready_heads_;  // by kind
  std::set<std::pair<Timestamp, EventId>> timers_;     // of waiting and parked events
  std::map<EventId, Flight> flights_;
  std::map<std::uint64_t, std::size_t> bundles_;  // how many of each are in flight
  std::uint64_t last_bundle_ = 0;
  EventId last_probe_{};
  std::unordered_map<EventId, Unsure> unsure_;
  std::unordered_map<EventId, std::vector<Handed>> handed_;  // of events that were handed out in this run
  std::deque<EventId> handed_dead_;                          // of those, the dead ones
  std::map<WorkerId, WorkerState> workers_;
  std::set<WorkerId> expected_;
  std::optional<Timestamp> quiet_until_;
  Timestamp next_look_{};
};

}  // namespace kefu::queue
