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

#include "gateway/queue/event_queue.h"
#include "kefu/v1/event.pb.h"
#include "lib/base/clock.h"
#include "lib/base/ids.h"

namespace kefu {

struct JournalError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What the answer to a push says besides "success"; kept so that a duplicate gets the same answer.
enum class ReplyKind : std::uint8_t { none = 0, welcome = 1, please_wait = 2 };

struct Customer {
  OpenId openid;
  ImUserId im_user;              // openid, or openid-1, … after a locked account
  std::uint32_t generation = 0;  // of im_user
  bool imported = false;         // we believe that im_user exists in IM
  bool following = false;
  std::string agent;      // of the last conversation; empty: none yet
  Timestamp active_at{};  // last word of the customer or of an agent in it
};

struct StoredEvent {
  v1::Event event;
  queue::State state = queue::State::ready;
  std::uint32_t attempts = 0;
  std::uint32_t progress = 0;
  Timestamp due{};
  Timestamp settled_at{};
  Lease settled{};  // the last delivery whose verdict counted; 0: none yet
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
  // Gives the event its id and keeps it as ready, unless the key is known.
  virtual Put put(v1::Event& event, const DedupKey& key, ReplyKind reply) = 0;
  // Rises with every event, wraps at 2^32; what the next put() will have as the low half of its id.
  virtual std::uint32_t next_sequence() const = 0;
  // What put() would find, without putting.
  virtual std::optional<Put> find(const DedupKey& key) = 0;
  virtual void apply(const queue::Change& change, Timestamp now) = 0;
  // A finished event for good: "drop" of a dead letter.
  virtual bool erase_dead(EventId event) = 0;
  virtual void save(const Customer& customer) = 0;
  virtual void keep_raw(std::string_view source, std::string_view reason, std::string_view body,
                        Timestamp now) = 0;
  virtual void worker_came(v1::Queue queue, const WorkerId& worker) = 0;
  virtual void worker_went(v1::Queue queue, const WorkerId& worker) = 0;
  virtual void set_paused(v1::Queue queue, bool paused) = 0;
  // At most `steps` done events, keys and raw bodies older than `before` go away. True: there may be more.
  virtual bool forget(Timestamp before, std::uint32_t steps) = 0;

  // Durable and synced when it returns. Without anything staged it does nothing.
  virtual void commit() = 0;

  // --- read, staged changes included ---
  virtual std::optional<Customer> customer(const OpenId& openid) = 0;
  virtual std::optional<Customer> customer_of(const ImUserId& im_user) = 0;
  virtual std::optional<StoredEvent> event(EventId id) = 0;
  virtual std::vector<StoredEvent> list(v1::Queue queue, queue::State state, std::uint32_t limit) = 0;
  virtual std::vector<EventId> dead(v1::Queue queue) = 0;
  virtual bool paused(v1::Queue queue) = 0;
  virtual Totals totals(v1::Queue queue) = 0;

  // --- at start ---
  // Rises with every opening of this journal.
  virtual std::uint32_t epoch() const = 0;
  // Its own for ever, never 0: event ids and leases mean something within one journal only.
  virtual std::uint64_t identity() const = 0;
  // Unfinished events in the order of ids.
  virtual void each_unfinished(const std::function<void(v1::Queue, const queue::Remembered&)>& take) = 0;
  virtual void each_customer_active_since(Timestamp since,
                                          const std::function<void(const Customer&)>& take) = 0;
  virtual std::vector<WorkerId> workers(v1::Queue queue) = 0;
};

}  // namespace kefu
