// Whether a queue may hand out work at all. An `unavailable` verdict closes it for a while; then one event
// probes the destination, and only its success opens the gate again. Calls that fail for several customers,
// with no success between them, close it too: then it is not the events. An operator's pause stands above all
// that. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/ids.h"

namespace kefu::queue {

class Gate {
 public:
  static constexpr Millis kFirstPause{1000};
  static constexpr Millis kLongestPause{30000};
  static constexpr std::size_t kFailingCustomers = 3;
  // How the reason begins when it is that.
  static constexpr std::string_view kSeveralFail = "calls fail for several customers";

  enum class State { open, closed, probing };

  // How many more deliveries may go out now: none, one (the probe), or any number.
  enum class Allowance { none, one, any };
  Allowance allowance(Timestamp now) const {
    if (paused_by_operator_) return Allowance::none;
    if (!closed_until_) return Allowance::any;
    return now >= *closed_until_ && !probe_ ? Allowance::one : Allowance::none;
  }

  // A delivery went out; while the gate is not open it is the probe.
  void delivered(EventId event) {
    if (closed_until_) probe_ = event;
  }

  // The destination cannot be used now. Failures of deliveries that were under way when the gate closed do
  // not prolong the pause. `needs_operator`: our settings are refused, time alone mends nothing.
  void unavailable(EventId event, Millis at_least, const std::string& reason, Timestamp now,
                   bool needs_operator = false) {
    reason_ = reason;
    needs_operator_ = needs_operator;
    if (!closed_until_) since_ = now;
    if (closed_until_ && probe_ != event) {
      closed_until_ = std::max(*closed_until_, now + at_least);
      return;
    }
    pause_ = closed_until_ ? std::min(pause_ * 2, kLongestPause) : kFirstPause;
    closed_until_ = now + std::max(pause_, at_least);
    probe_.reset();
  }

  // The destination answered for good, whatever it said about the event.
  void answered(EventId event) {
    failing_.clear();
    if (probe_ == event) open();
  }

  // The call failed and may succeed. True: it is the destination's failure, not the event's, and the gate is
  // closed.
  bool failed(EventId event, const OpenId& customer, const std::string& reason, Timestamp now) {
    failing_.insert(customer);
    if (failing_.size() < kFailingCustomers) {
      if (probe_ == event) open();
      return false;
    }
    unavailable(event, Millis(0), std::string(kSeveralFail) + ": " + reason, now);
    return true;
  }

  // The delivery came back without having been tried, or its worker is lost: another one has to probe.
  void not_tried(EventId event) {
    if (probe_ == event) probe_.reset();
  }

  void pause() { paused_by_operator_ = true; }
  void resume() {
    paused_by_operator_ = false;
    failing_.clear();
    open();
  }

  bool paused_by_operator() const { return paused_by_operator_; }
  bool closed() const { return closed_until_.has_value(); }
  State state() const { return !closed_until_ ? State::open : probe_ ? State::probing : State::closed; }
  const std::string& reason() const { return reason_; }  // of the last closing; empty when open
  Timestamp since() const { return since_; }             // when it closed
  bool needs_operator() const { return needs_operator_; }
  // When allowance() changes by time alone.
  std::optional<Timestamp> next_change(Timestamp now) const {
    if (paused_by_operator_ || !closed_until_ || probe_ || *closed_until_ <= now) return std::nullopt;
    return closed_until_;
  }

 private:
  void open() {
    closed_until_.reset();
    probe_.reset();
    reason_.clear();
    needs_operator_ = false;
    since_ = {};
  }

  std::set<OpenId> failing_;  // since the last answer for good
  std::optional<Timestamp> closed_until_;
  std::optional<EventId> probe_;
  Millis pause_ = kFirstPause;
  std::string reason_;
  Timestamp since_{};
  bool needs_operator_ = false;
  bool paused_by_operator_ = false;
};

}  // namespace kefu::queue
