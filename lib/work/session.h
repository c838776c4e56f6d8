// One worker's side of the queue protocol towards one gateway (docs/queue.md). Pure: time is passed in,
// messages are handed out.
//
// It keeps what the gateway cannot afford to lose: which deliveries run here, verdicts until they are
// recorded, and the last few thousand successes, so that a lost verdict costs no second call.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "kefu/v1/work.pb.h"
#include "lib/base/clock.h"
#include "lib/base/ids.h"
#include "lib/work/outcome.h"

namespace kefu::work {

// What not every worker knows, told to the gateway.
struct Abilities {
  bool sweeps = false;
  bool typing = false;
  bool presence = false;
};

class Session {
 public:
  static constexpr std::size_t kSuccessesKept = 4096;

  // What runs in one slot: a delivery by itself, or those of a bundle.
  using Group = std::vector<v1::Delivery>;

  // `bundle`: how many deliveries it takes as one Bundle; 0: none.
  Session(v1::Queue queue, WorkerId worker, std::uint32_t slots, std::uint32_t bundle = 0,
          Abilities abilities = {});

  // What to send now, what to start now; the caller takes both after every call.
  struct Work {
    std::vector<v1::FromWorker> messages;
    std::vector<Group> start;  // each delivery of each ends with exactly one finished()
    std::vector<v1::Typing> typing;
  };

  void receive(const v1::ToWorker& message, Timestamp now, Work& work);
  void finished(const v1::Delivery& delivery, const Outcome& outcome, Timestamp now, Work& work);
  // Hello until welcomed, pings, repeated verdicts.
  void tick(Timestamp now, Work& work);
  Timestamp next_tick() const { return next_sign_of_life_; }
  // A message could not be sent: its content comes again with an early tick().
  void not_sent(Timestamp now);

  void set_slots(std::uint32_t slots);  // says hello again when it differs
  // Deliveries are returned unstarted from now on, and the gateway is told at the next tick.
  void drain();
  bool holds_nothing() const { return running_.empty() && unrecorded_.empty(); }
  bool running_nothing() const { return running_.empty(); }
  bool connected(Timestamp now) const;
  Timestamp heard_at() const { return heard_at_; }  // the gateway's last message
  const std::string& refusal() const { return refusal_; }

 private:
  struct Running {
    std::uint64_t started_as = 0;  // the lease it was started with
    std::uint64_t lease = 0;       // the newest
    std::uint64_t group = 0;
  };
  struct Unrecorded {
    v1::Verdict verdict;
    Timestamp sent_at{};
  };

  void take(const v1::Welcome& welcome, Timestamp now);
  void take(const v1::Delivery& delivery, Timestamp now, Work& work);
  // Starts together what may start, `most` of them.
  void take(const v1::Bundle& bundle, std::size_t most, Timestamp now, Work& work);
  // It needs no run: it runs already, or its verdict is known and said again.
  bool settled_here(const v1::Delivery& delivery, Timestamp now, Work& work);
  bool is_stale(const v1::Delivery& delivery, Timestamp now) const;
  void leave_group(std::uint64_t number);
  void say(v1::Verdict verdict, Timestamp now, Work& work);
  v1::FromWorker hello(Timestamp now) const;
  v1::FromWorker ping(Timestamp now) const;
  void list_held(google::protobuf::RepeatedPtrField<v1::Held>& held) const;
  // Surely not before what the gateway's clock shows now, without trusting ours beyond its pace.
  Timestamp gateway_clock_at_most(Timestamp now) const;
  void remember_success(std::uint64_t event);

  v1::Queue queue_;
  WorkerId worker_;
  std::uint32_t slots_;
  std::uint32_t bundle_;
  Abilities abilities_;
  bool welcomed_ = false;
  bool draining_ = false;
  std::string refusal_;
  std::uint64_t journal_ = 0;  // whose events the maps below name; 0: none yet
  std::uint64_t epoch_ = 0;
  Timestamp gateway_at_{};
  Timestamp asked_at_{};
  Timestamp heard_at_{};
  Timestamp next_sign_of_life_{};
  std::map<std::uint64_t, Running> running_;               // by event id
  std::unordered_map<std::uint64_t, std::size_t> groups_;  // how many of each still run
  std::uint64_t groups_started_ = 0;
  std::map<std::uint64_t, Unrecorded> unrecorded_;              // by event id
  std::unordered_map<std::uint64_t, std::uint32_t> successes_;  // event id to progress
  std::deque<std::uint64_t> success_order_;
};

}  // namespace kefu::work
