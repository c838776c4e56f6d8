// How fast a queue calls its cloud, by kind of call, all workers together. Pure.
//
// The cloud counts calls in windows of a second that we cannot see. So calls are spaced evenly, a little
// below the limit; what a late wake-up missed is caught up, as far as no second, wherever it begins, then
// holds more than the limit.
#pragma once

#include <array>
#include <cstdint>
#include <deque>

#include "gateway/queue/kind.h"
#include "lib/base/clock.h"

namespace kefu::queue {

class Pacer {
 public:
  static constexpr double kShare = 0.985;         // of the limit that is used
  static constexpr double kCatchUpMs = 250;       // of lateness, or rest, that costs no call
  static constexpr double kThrottledShare = 0.7;  // of its rate is left to a kind after a throttle answer
  static constexpr double kLeastShare = 0.02;     // is left after many
  static constexpr Millis kHold{2000};  // no further slowing, and no climbing, for so long after one
  static constexpr double kClimbPerSecond = 0.02;

  // Calls a second that the cloud allows; 0: no limit.
  using Limits = std::array<double, kKinds>;
  explicit Pacer(Limits limits = {}) : limits_(limits) {}

  // From when on a call may go; a time that has passed: now.
  Timestamp next(Kind kind) const;
  bool may_go(Kind kind, Timestamp now) const { return next(kind) <= now; }
  // So many calls go; more than one is paid for by waiting afterwards.
  void went(Kind kind, Timestamp now, std::uint32_t calls = 1);
  // The cloud answered that calls came too often.
  void throttled(Kind kind, Timestamp now);

  double limit(Kind kind) const { return limits_[index(kind)]; }
  // Calls a second at present; 0: no limit.
  double rate(Kind kind, Timestamp now) const;

 private:
  struct Pace {
    double due_ms = 0;             // when the next call is due if none is late
    std::deque<Timestamp> last{};  // as many calls as a second may hold, at most
    std::size_t second_holds = 0;
    double share = 1;  // of the rate, at throttled_at
    Timestamp throttled_at{};
  };

  static std::size_t index(Kind kind) { return static_cast<std::size_t>(kind); }
  static double share(const Pace& pace, Timestamp now);

  Limits limits_;
  std::array<Pace, kKinds> paces_{};
};

}  // namespace kefu::queue
