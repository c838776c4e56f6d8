// The memory of the gateway: events, their states, de-duplication keys, customers, workers that were
// connected.
//
// Used by one thread. Whatever is staged becomes durable together in commit(), and nothing of it before.
// Nobody outside may assume SQL, one file or one gateway. Any JournalError means: the state on disk is that
// of the last commit; throw this object away and open anew.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/journal/quarantine.h"
#include "gateway/queue/event_queue.h"
#include "gateway/reply_window.h"
#include "kefu/v1/event.pb.h"
#include "lib/base/clock.h"
#include "lib/base/ids.h"

namespace kefu {

struct JournalError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What the answer to a push says besides "success"; kept so that a duplicate gets the same answer.
// please_wait at the first message of a conversation, please_wait_again at a later one; offline and
// offline_again in their place when no agent is at the desk. Kept as numbers: a number is never reused.
enum class ReplyKind : std::uint8_t {
  none = 0,
  welcome = 1,
  please_wait = 2,
  please_wait_again = 3,
  offline = 4,
  offline_again = 5
};

struct Customer {
  OpenId openid;
  ImUserId im_user;              // openid, or openid-1, … after a locked account
  std::uint32_t generation = 0;  // of im_user
  bool imported = false;         // we believe that im_user exists in IM
  bool following = false;
  std::string agent;            // of the last conversation; empty: none yet
  Timestamp active_at{};        // last word of the customer or of an agent in it
  Timestamp conversation_at{};  // first word of it
  ReplyWindow window{};
};

// What IM said last about an agent (reference: IM §4.5, State.StateChange).
struct AgentPresence {
  std::string agent;
  // online, offline; disconnected: the client fell silent; push_online: no client is connected, but IM still
  // pushes to a phone.
  std::string state;
  std::string reason;  // IM's word; query_online_status: IM was asked; wrote: the agent has written since
  std::string kicked;  // platforms that the last login ended, comma-separated
  Timestamp since{};   // by IM's clock
};

struct StoredEvent {
  v1::Event event;
  queue::State state = queue::State::ready;  // what is in flight, or came due, is as it was before
  std::uint32_t attempts = 0;
  std::uint32_t progress = 0;
  Timestamp due{};
  Timestamp settled_at{};
  Lease settled{};  // the last delivery whose verdict counted; 0: none yet
  std::string error;
  Timestamp unsure_at{};  // when an attempt may have acted for the first time; 0: none has
  std::uint32_t unsure = 0;
  DedupKey key;
  ReplyKind reply = ReplyKind::none;  // that its push got
  // What the journal holds of its content cannot be read, or is not what was written: the event has no body.
  bool damaged = false;
  std::string damaged_bytes{};  // what the journal holds instead
};

// One step on an event's way.
struct Hop {
  Timestamp at{};
  std::string step{};  // accepted, delivered, retry, parked, dead, done, replayed
  std::uint32_t attempt = 0;
  std::string worker{};   // of the delivery that began or ended here; empty: none did
  Millis took{0};         // from the delivery to what the worker said
  std::int32_t code = 0;  // of the cloud; 0: none
  v1::Failure failure = v1::FAILURE_UNSPECIFIED;
  std::string error;
};

struct Totals {
  std::uint64_t done = 0;
  std::uint64_t dead = 0;  // now
};

class Journal {
 public:
  virtual ~Journal() = default;

  // --- staged, durable with commit() ---
  struct Put {
    EventId id;  // of the new event, or of the one that is there
    bool duplicate = false;
    ReplyKind reply = ReplyKind::none;  // as it was first given
  };
  // Gives the event its id and keeps it as ready, unless its customer has one with this key.
  virtual Put put(v1::Event& event, const DedupKey& key, ReplyKind reply) = 0;
  // Rises with every event, wraps at 2^32; what the next put() will have as the low half of its id.
  virtual std::uint32_t next_sequence() const = 0;
  // What put() would find, without putting.
  virtual std::optional<Put> find(const OpenId& customer, const DedupKey& key) = 0;
  // An event of another journal, as ready: it gets a new id and its full time, and keeps content, acceptance,
  // key, progress and what may have been delivered already. A key that is known is a duplicate.
  virtual Put take_over(StoredEvent& exported, Timestamp now) = 0;
  virtual void apply(const queue::Change& change, Timestamp now) = 0;
  // A finished event for good: "drop" of a dead letter.
  virtual bool erase_dead(EventId event) = 0;
  virtual void save(const Customer& customer) = 0;
  // For pushes that make no event. False: it was noted before. Forgotten as the keys of events are.
  virtual bool note(const DedupKey& key, Timestamp now) = 0;
  virtual bool noted(const DedupKey& key) = 0;
  // The event says this from now on; everything else of it stays. REQUIRES: nobody is at work on it.
  virtual void rewrite(const v1::Event& event) = 0;
  // What is older than what is known changes nothing.
  virtual void save(const AgentPresence& presence) = 0;
  // Keeps a push that made no event: the id it gets. `id`, `body_bytes` and `submitted_at` are not looked at.
  virtual std::uint64_t quarantine(const QuarantinedPush& push) = 0;
  virtual void mark_submitted(std::uint64_t quarantined, Timestamp now) = 0;
  // At most `steps` quarantined pushes that came before `before` go away: how many did.
  virtual std::size_t forget_quarantined(Timestamp before, std::uint32_t steps) = 0;
  virtual void worker_came(v1::Queue queue, const WorkerId& worker) = 0;
  virtual void worker_went(v1::Queue queue, const WorkerId& worker) = 0;
  virtual void set_paused(v1::Queue queue, bool paused) = 0;
  // At most `steps` done events, with keys and hops, older than `before` go away. True: there may be more.
  virtual bool forget(Timestamp before, std::uint32_t steps) = 0;

  // It is in use at `now`, which the next start compares its clock with.
  virtual void note_used(Timestamp now) = 0;
  // The clock says `now`, and said `then` a short time ago (an error of the clock, or a long stop, which
  // nobody can tell apart). Moves `by` on: the ends of reply windows that were open then and of parked
  // replies, and from when unfinished replies wait. What still lies in the future, as nothing can, is moved
  // along or lies at `now`; an attempt that may have acted then lies long ago.
  virtual void move_times(Timestamp then, Timestamp now, Millis by) = 0;

  // Throws JournalError when what is written is no longer where the next opening looks for it. What is staged
  // is gone then; what was committed is not. Cheap: for once a second.
  virtual void check_files() = 0;

  // Durable and synced when it returns. Without anything staged it does nothing.
  virtual void commit() = 0;

  // --- read, staged changes included ---
  virtual std::optional<Customer> customer(const OpenId& openid) = 0;
  virtual std::optional<Customer> customer_of(const ImUserId& im_user) = 0;
  virtual std::optional<StoredEvent> event(EventId id) = 0;
  // Those done last come first; of other states, those accepted first.
  virtual std::vector<StoredEvent> list(v1::Queue queue, queue::State state, std::uint32_t limit) = 0;
  // In the order of ids, from the one after `after`: to go through any number of events a page at a time.
  // No state: whatever is unfinished.
  virtual std::vector<StoredEvent> page(v1::Queue queue, std::optional<queue::State> state, EventId after,
                                        std::uint32_t limit) = 0;
  virtual std::vector<EventId> dead(v1::Queue queue) = 0;
  // Events with this MsgId or MsgKey, the newest first.
  virtual std::vector<EventId> find_source(std::string_view source_id) = 0;
  // A customer's events in both queues, the newest first.
  virtual std::vector<EventId> events_of(const OpenId& customer, std::uint32_t limit) = 0;
  // The way of an event so far, in order. Of very many attempts the first and the last are kept.
  virtual std::vector<Hop> hops(EventId event) = 0;
  virtual bool paused(v1::Queue queue) = 0;
  // By name.
  virtual std::vector<AgentPresence> agents() = 0;
  virtual Totals totals(v1::Queue queue) = 0;
  // Without their bodies, in the order of ids.
  virtual std::vector<QuarantinedPush> quarantined(const QuarantineFilter& wanted, std::uint32_t limit) = 0;
  virtual std::optional<QuarantinedPush> quarantined(std::uint64_t id) = 0;
  virtual QuarantineCounts quarantine_waiting() = 0;

  // --- at start ---
  // When it was in use last, within a minute; 0: not known.
  virtual Timestamp last_used() = 0;
  // Rises with every opening of this journal.
  virtual std::uint32_t epoch() const = 0;
  // Its own for ever, never 0: event ids and leases mean something within one journal only.
  virtual std::uint64_t identity() const = 0;
  // Unfinished events in the order of ids. Those whose kind, queue or state this program does not know are
  // left out and returned, and can be listed in one of the two queues from then on.
  virtual std::vector<EventId> each_unfinished(
      const std::function<void(v1::Queue, const queue::Remembered&)>& take) = 0;
  virtual void each_customer_active_since(Timestamp since,
                                          const std::function<void(const Customer&)>& take) = 0;
  virtual std::vector<WorkerId> workers(v1::Queue queue) = 0;
};

}  // namespace kefu
