// Which conversations IM is to be asked about, and from when on: its after-callbacks come once or never
// (reference: IM §4.2). Each conversation is asked about every so often while it is active, and once after a
// start. Pure; small enough for a hundred thousand conversations: those that fall behind wait for their turn.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/ids.h"

namespace kefu {

class Sweeper {
 public:
  static constexpr Millis kActiveFor = std::chrono::minutes(15);
  static constexpr Millis kLookBack = std::chrono::hours(24);   // no further
  static constexpr Millis kOverlap = std::chrono::minutes(10);  // IM's clock and ours differ
  static constexpr Millis kOnceAtLeast = std::chrono::minutes(1);
  static constexpr int kTries = 5;  // of one that is not active any more

  // Every zero: never.
  explicit Sweeper(Millis every) : every_(every) {}

  // Somebody said something. `before`: when they last did; 0: never.
  void active(const OpenId& customer, Timestamp before, Timestamp now);
  // At start: it was active then.
  void restore(const OpenId& customer, Timestamp active_at, Timestamp now);

  struct Due {
    OpenId customer;
    Timestamp since{};
  };
  // The one that has waited longest, if any is due; it is under way until ended().
  std::optional<Due> next(Timestamp now);
  // `looked`: IM has answered.
  void ended(const OpenId& customer, bool looked, Timestamp now);

  std::optional<Timestamp> next_due() const;
  std::size_t size() const { return conversations_.size(); }

 private:
  struct Conversation {
    Timestamp active_at{};
    Timestamp floor{};     // nothing before it is of interest
    Timestamp asked_at{};  // of the last one that IM has answered
    Timestamp due{};
    Timestamp began_at{};  // under way since; 0: it is not
    int failed = 0;
  };

  Millis before_first() const;  // of the last word: so much earlier the first question begins
  void schedule(const OpenId& customer, Conversation& conversation, Timestamp due);

  Millis every_;
  std::unordered_map<OpenId, Conversation> conversations_;
  std::set<std::pair<Timestamp, OpenId>> by_due_;  // those that are not under way
};

}  // namespace kefu
