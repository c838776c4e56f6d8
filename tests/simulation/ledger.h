// What must hold whatever happens (DESIGN §4). The world tells what it sees at the borders of the real parts;
// the first thing that must not be is kept as the complaint.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gateway/dispatcher.h"
#include "gateway/journal/journal.h"
#include "kefu/v1/work.pb.h"

namespace kefu::simulation {

// What a world has been through; for people, and so that a test can see that it was worth something.
struct Figures {
  std::uint64_t pushes = 0, duplicates = 0, events = 0, done = 0, dead = 0, parked = 0, retries = 0,
                replays = 0;
  std::uint64_t handouts = 0, calls = 0, faults = 0, unsure = 0, gateway_crashes = 0, worker_crashes = 0;
  std::uint64_t frames = 0, frames_lost = 0, frames_doubled = 0, cuts = 0, freezes = 0, closings = 0,
                disk_troubles = 0;
  std::uint64_t im_doubles = 0, wechat_repeats = 0, virtual_seconds = 0;

  Figures& operator+=(const Figures& other);
  std::string text() const;
};

class Ledger {
 public:
  const std::optional<std::string>& complaint() const { return complaint_; }
  void complain(std::string what);

  // --- the gateway ---
  // Submissions of a turn and what was said of them, once the turn is committed.
  void committed(const Submission& submission, const Receipt& receipt, Journal& journal);
  // The sender has been told so.
  void answered(const Submission& submission, const Receipt& receipt);
  void stepped(const Step& step);
  void steps_told(Journal& journal);
  void handed_out(const v1::Delivery& delivery);
  void recorded(v1::Queue queue, const v1::Recorded& recorded);
  void turn_over(const Dispatcher& dispatcher);
  void restarted(Journal& journal);
  void replayed(EventId event);  // by an operator: it may come late
  void dropped(EventId event);   // by an operator, for good

  // --- workers ---
  void started(const WorkerId& worker, const v1::Delivery& delivery);
  void ended(const WorkerId& worker, std::uint64_t event);
  void vanished(const WorkerId& worker);  // what it ran, runs no more

  // --- clouds ---
  struct Message {
    std::uint32_t msg_seq = 0;
    std::uint32_t msg_random = 0;
    std::string text;
    std::string from{};  // IM's account
  };
  // A send has reached the cloud. `shown`: a person sees it; `sure`: the worker hears what became of it.
  void sent(const v1::Delivery& delivery, const Message& message, bool shown, bool sure, Timestamp now);
  // An account was imported or deleted.
  void acted(const v1::Delivery& delivery);

  // Everything is calm: all that was accepted has ended.
  void close(Journal& journal);
  std::vector<EventId> unfinished() const;
  bool knows(const DedupKey& key) const { return promised_.contains(key); }

  Figures figures;

 private:
  enum class State { open, done, dead };
  struct Call {
    std::uint64_t lease = 0;
    bool sure = false;
  };
  // One part of a message as a cloud got it; by where it begins in the whole.
  struct Part {
    Message first;
    int seen = 0;
    Timestamp seen_at{};
    std::vector<Call> shown_by;
  };
  struct Known {
    v1::Event event;
    State state = State::open;
    bool may_be_late = false;  // was dead, or an operator had his hands on it
    bool dropped = false;
    bool acted = false;
    std::map<std::size_t, Part> parts;
  };
  struct Promise {
    ReplyKind reply = ReplyKind::none;
    bool told = false;
    bool has_event = false;
    OpenId customer;
  };
  using LaneKey = std::pair<v1::Queue, std::string>;
  using LeaseKey = std::pair<v1::Queue, std::uint64_t>;  // leases are a queue's own

  static LaneKey lane_of(const v1::Event& event) { return {event.queue(), event.customer()}; }
  static const std::string& text_of(const v1::Event& event);
  std::string name(const v1::Event& event) const;
  Known& know(const v1::Event& event);
  Known* known(std::uint64_t event);
  void see(Known& known, Part& part, std::size_t offset, const v1::Delivery& delivery, const Message& message,
           bool sure, Timestamp now);
  void check_im_double(const Known& known, const Part& part, const Message& message, Timestamp now);
  void check_wechat_repeat(const Known& known, const Part& part, const v1::Delivery& delivery);
  void close_one(const Known& known, Journal& journal);
  void check_promises(Journal& journal);

  std::optional<std::string> complaint_;
  std::uint64_t turn_ = 0;
  std::map<std::uint64_t, Known> events_;
  std::map<LaneKey, std::set<std::uint64_t>> open_;
  std::map<LaneKey, std::pair<std::uint64_t, std::size_t>> last_seen_;
  std::map<DedupKey, Promise> promised_;
  std::map<LeaseKey, std::uint64_t> recorded_at_;  // turn
  std::map<LeaseKey, std::uint64_t> handed_out_at_;
  std::map<LaneKey, std::map<std::uint64_t, std::set<WorkerId>>> running_;
  std::set<std::uint64_t> ended_now_;
  std::set<std::string> deleted_accounts_;
};

// Same key for any kind of push.
const DedupKey& key_of(const Submission& submission);

}  // namespace kefu::simulation
