// What the gateway does with pushes, workers' messages and time: one plain object over a Journal, without
// sockets, threads or clocks.
//
// A turn: any number of accept(), receive(), tick() and operator calls; then commit(); then what outgoing(),
// steps() and handouts() give may leave the house. Nothing of a turn is told to anybody before its commit. A
// JournalError from any call: throw this object and the journal away and start again from the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/desk.h"
#include "gateway/journal/journal.h"
#include "gateway/presence.h"
#include "gateway/queue/event_queue.h"
#include "gateway/replay_jobs.h"
#include "gateway/submission.h"
#include "gateway/sweeper.h"
#include "gateway/texts.h"
#include "gateway/typing_hints.h"
#include "kefu/v1/work.pb.h"
#include "lib/base/result.h"

namespace kefu {

struct DispatcherOptions {
  std::vector<std::string> agents;
  bool delete_on_unfollow = true;   // IM_ON_UNSUBSCRIBE
  bool please_wait_always = false;  // KEFU_REPLY_TRANSFER_WHEN
  // Of what agents are told about their replies, in the customer's conversation; nullptr: nothing.
  const Texts* notices = nullptr;
  queue::Rules relay{};
  queue::Rules notifier{};
  Millis keep_done{std::chrono::hours(72)};
  Millis sweep_every{0};                 // KEFU_SWEEP; 0: never
  std::uint32_t worker_slots_max = 256;  // KEFU_WORKER_SLOTS_MAX: who offers more gets so many
  // What the web sides make of a quarantined push today; the error says why it still cannot be delivered.
  std::function<Result<Submission>(const QuarantinedPush&)> read_again{
      [](const QuarantinedPush&) { return Result<Submission>(Error{"nothing here can read it"}); }};
};

// To a worker; `route` is what its messages came with.
struct Outgoing {
  std::string route;
  v1::ToWorker message;
};

// One step of an event, for the tap and the metrics (contract §6). "closed" and "opened" are steps of a
// queue: their event has the queue and nothing else.
struct Step {
  std::string_view name;  // accepted, delivered, done, retry, parked, dead, replayed; closed, opened
  v1::Event event;
  std::uint32_t attempt = 0;
  std::string error;
  std::string worker;     // that has it, or had it
  std::int32_t code = 0;  // of the cloud; 0: none
  v1::Failure failure = v1::FAILURE_UNSPECIFIED;
  bool unsure = false;   // an attempt may have acted without our knowing
  bool damaged = false;  // dead, for the journal cannot read it
  Timestamp at{};
};

// One push that was quarantined in this turn, for the log and the figures.
struct Quarantined {
  std::string source;
  QuarantineClass kind = QuarantineClass::not_understood;
  std::string reason;
  std::string agent;  // of an agent's message: who wrote it
};

// What came of submitting quarantined pushes again.
struct QuarantineSubmitted {
  std::uint64_t submitted = 0;
  std::uint64_t duplicates = 0;                 // their events were there already
  std::map<std::string, std::uint64_t> failed;  // by the reason why they still cannot be delivered
  std::uint64_t next = 0;                       // go on after this id; 0: that was all
};

// A worker that came or went, for the log. The tap tells nothing of workers.
struct WorkerNews {
  enum class Kind {
    came,    // or says something else of itself than before
    left,    // it said so
    silent,  // nothing came from it for limits::kWorkerLostAfter
  };
  Kind kind = Kind::came;
  v1::Queue queue = v1::QUEUE_UNSPECIFIED;
  WorkerId worker{};
  std::uint32_t slots = 0;  // of one that came, as is the version
  std::string version{};
};

class Dispatcher {
 public:
  // Reads what is unfinished. `chance` gives uniform numbers in [0,1).
  Dispatcher(DispatcherOptions options, Journal& journal, const std::function<double()>& chance,
             Timestamp now);

  Receipt accept(const Submission& submission, Timestamp now);
  void receive(const std::string& route, const v1::FromWorker& message, Timestamp now);
  void tick(Timestamp now);
  // The message to this worker could not be sent: it is treated as one that never started.
  void not_sent(const Outgoing& outgoing, Timestamp now);

  void commit(Timestamp now);
  std::vector<Outgoing> outgoing();
  std::vector<Outgoing> handouts(Timestamp now);
  std::vector<Step> steps();
  std::vector<Quarantined> quarantined();
  // How many pushes went away by their age though they had never been submitted, since it was asked last.
  std::uint64_t quarantine_forgotten();
  std::vector<WorkerNews> worker_news();
  std::optional<Timestamp> next_timer(Timestamp now) const;
  // How often workers said what does not count since this was asked last, by reason: verdict_without_hello,
  // verdict_of_another, worker_refused, worker_slots.
  std::map<std::string_view, std::uint64_t> rejections() { return std::exchange(rejections_, {}); }

  // --- operator ---
  // Dead or parked events are ready again: how many. The error says why none can be.
  Result<int> replay(EventId event, Timestamp now);
  // Everything dead or parked in a queue. Few are ready at once; many become a job that goes on turn by turn,
  // or the one that is at work already.
  struct ReplayAll {
    std::uint64_t count = 0;           // replayed, or to be replayed by the job
    std::optional<std::uint64_t> job;  // its id in replay_jobs(); none: all is done
  };
  ReplayAll replay_all(v1::Queue queue, Timestamp now);
  const std::deque<ReplayJob>& replay_jobs() const { return replays_.all(); }
  // Quarantined pushes take the way of the webhook again, with the present settings, in the order in which
  // they came; what was accepted since stays before them. The first form says why its push cannot be
  // submitted.
  Result<QuarantineSubmitted> submit_quarantined(std::uint64_t id, Timestamp now);
  // At most `limit` rows, and some megabytes of bodies.
  QuarantineSubmitted submit_quarantined(const QuarantineFilter& wanted, std::uint32_t limit, Timestamp now);
  // An event that was exported from another journal; false: this one has it already.
  bool take_over(StoredEvent exported, Timestamp now);
  // By an operator; survives restarts.
  void pause(v1::Queue which);
  void resume(v1::Queue which);
  // A dead event for good; a waiting or parked one becomes dead.
  Result<int> drop(EventId event, Timestamp now);
  // The agents of the settings, in their order.
  struct AgentView {
    AgentPresence presence;  // without a state when nothing is known
    std::size_t open = 0;    // conversations
  };
  std::vector<AgentView> agents(Timestamp now) const;
  queue::EventQueue& queue(v1::Queue which) { return which == v1::QUEUE_NOTIFIER ? notifier_ : relay_; }
  const queue::EventQueue& queue(v1::Queue which) const {
    return which == v1::QUEUE_NOTIFIER ? notifier_ : relay_;
  }

 private:
  struct Route {
    WorkerId worker;
    v1::Queue queue = v1::QUEUE_UNSPECIFIED;
    bool sweeps = false;    // knows Event.sweep
    bool typing = false;    // knows ToWorker.typing
    bool presence = false;  // knows Event.presence_query
  };

  Receipt take(const CustomerPush& push, Timestamp now);
  Receipt take(const AgentPush& push, Timestamp now);
  Receipt take(const Recall& recall, Timestamp now);
  Receipt take(const Edit& edit, Timestamp now);
  Receipt take(const Disregard& push, Timestamp now);
  Receipt take(const TypingNotice& notice, Timestamp now);
  Receipt take(const AgentPresence& presence, Timestamp now);
  Receipt take(const RawPush& push, Timestamp now);
  void quarantine(const RawPush& push, Timestamp now);
  Result<Receipt> submit_again(const QuarantinedPush& row, Timestamp now);
  bool forget_quarantined(Timestamp now, std::uint32_t at_once);
  const Texts& words() const;
  v1::AgentMessage words_of(const AgentPush& push) const;
  std::optional<Receipt> tell_left_out(const Customer& customer, const AgentPush& push, Timestamp now);
  bool may_tell(const Customer& customer) const;
  bool withdraw(const StoredEvent& stored);
  bool may_have_overtaken(const Edit& edit, Timestamp now);
  bool rewrite(StoredEvent stored, const AgentPush& push);
  bool rewrite_dead(const StoredEvent& stored, const AgentPush& push);
  void withdraw_recalled();
  bool lookups_may_go(bool Route::*known, Timestamp now) const;
  std::size_t sweeps_max() const;
  void begin_sweeps(Timestamp now);
  void withdraw_lookups(v1::Event::BodyCase kind, Timestamp now);
  void ask_presence(Timestamp now);
  void take_presence(const v1::Event& question, const v1::Verdict& verdict, Timestamp now);
  void keep(const std::optional<AgentPresence>& presence);
  std::optional<v1::Event> sweep_of(const Sweeper::Due& due, Timestamp now);
  void take_found(const v1::Event& sweep, const v1::Verdict& verdict, Timestamp now);
  void end_sweep(EventId id, Timestamp now);
  std::optional<StoredEvent> event(EventId id) const;
  void take_late_success(const v1::Verdict& verdict, v1::Queue which, Timestamp now);
  void tell_not_taken(const v1::Verdict& verdict, const v1::Event& event, Timestamp now);
  Receipt store(v1::Event event, const DedupKey& key, ReplyKind reply, Timestamp now);
  void take(const std::string& route, const v1::Hello& hello, Timestamp now);
  std::string problem_with_place(const std::string& route, const v1::Hello& hello) const;
  bool may_speak_of(const Route& from, EventId event, Lease lease, std::size_t& looks) const;
  std::vector<queue::HeldEvent> held_of(const Route& from,
                                        const google::protobuf::RepeatedPtrField<v1::Held>& held) const;
  void take(const std::string& route, const v1::Ping& ping, Timestamp now);
  void take(const std::string& route, const v1::Verdict& verdict, Timestamp now);
  void note_came(const v1::Hello& hello);
  void note_silent();
  void leave(const std::string& route);
  void learn(const v1::Verdict& verdict, const v1::Event& event);
  void apply_changes(Timestamp now);
  bool makes_event(const CustomerPush& push) const;
  ReplyKind reply_to(const AgentDesk::Visit& visit) const;
  bool tells_note(const CustomerPush& push, const std::optional<Customer>& known, Timestamp now);
  void move_window(Customer& customer, const CustomerPush& push, Timestamp now);
  void note_in_window(const StoredEvent& before, const queue::Change& change, Timestamp now);
  void tell_window(const Customer& customer);
  void tell_window_of(const OpenId& openid);
  void tell_accepted(v1::Event event, Timestamp now);
  void tell_agent(const StoredEvent& before, const queue::Change& change, Timestamp now);
  Receipt store_notice(const OpenId& customer, const std::string& agent, const std::string& text,
                       const DedupKey& key, Timestamp now, const char* kind = "notice");
  void set_aside_damaged(const queue::Handout& handout, v1::Queue which, Timestamp now);
  void write_delivery(const queue::Handout& handout, StoredEvent stored, Timestamp now,
                      v1::Delivery& delivery);
  void charge_further_calls(const v1::Delivery& delivery, Timestamp now);
  void resolve(v1::Delivery& delivery, Timestamp now);
  void take_back(const v1::Delivery& delivery, Timestamp now);
  void compare_clock(Timestamp now);
  void tell_gate(v1::Queue which, Timestamp now);
  void replay_some(ReplayJob& job, Timestamp now);
  void forget_gone_workers();
  void forget_old(Timestamp now);
  Outgoing welcome(const std::string& route, std::int64_t sent_at_ms, bool known, Timestamp now) const;
  const std::string* route_of(const WorkerId& worker) const;

  DispatcherOptions options_;
  Journal& journal_;
  AgentDesk desk_;
  queue::EventQueue relay_;
  queue::EventQueue notifier_;
  std::map<std::string, Route> routes_;
  std::set<std::pair<v1::Queue, WorkerId>> known_workers_;   // as in the journal
  std::set<std::pair<v1::Queue, WorkerId>> workers_before_;  // were connected when an earlier run ended
  std::map<std::string_view, std::uint64_t> rejections_;
  // Of whom the log has been told that they are here, with what they said of themselves.
  struct Introduced {
    std::uint32_t slots = 0;
    std::string version;
    bool operator==(const Introduced&) const = default;
  };
  std::map<std::pair<v1::Queue, WorkerId>, Introduced> introduced_;
  std::vector<WorkerNews> worker_news_;
  std::vector<v1::Event> accepted_;            // in this turn
  std::set<EventId> recalled_;                 // while they were in flight: they go no further if that fails
  std::vector<queue::Remembered> taken_over_;  // in this turn
  std::vector<queue::Change> changes_;
  std::map<std::string, v1::Recorded> recorded_;  // by route
  std::vector<Outgoing> outgoing_;
  std::vector<Step> steps_;
  std::vector<Quarantined> quarantined_;
  std::uint64_t quarantine_forgotten_ = 0;
  std::map<v1::Queue, bool> told_closed_;
  std::map<OpenId, Timestamp> position_told_;
  ReplayJobs replays_;
  Timestamp next_forget_{};
  Timestamp next_file_check_{};
  Timestamp next_note_used_{};
  TypingHints typing_;
  Sweeper sweeper_;
  PresenceBook presence_;
  // Questions of ours that are in the relay's queue, sweeps and about presence: in memory only, under ids
  // that no journal gives.
  std::map<EventId, v1::Event> sweeps_;
  std::uint64_t next_sweep_;
};

}  // namespace kefu
