// How long a queue could hand out work, by which the age of its events is counted: an outage, refused
// settings, an operator's pause and a time without workers make no event older, nor does a jump of the
// system's clock. Begins at 0 with every start of the gateway, so that no time before it counts. Pure.
#pragma once

#include <algorithm>
#include <optional>

#include "lib/base/clock.h"

namespace kefu::queue {

class OpenTime {
 public:
  // Far more than lies between two turns while there are workers.
  static constexpr Millis kLongestStep{60'000};
  // A queue that opens again sooner was not closed by an outage but by single events, which have to grow old.
  static constexpr Millis kShortestOutage{60'000};

  // The queue is open or not from now on. What lies since the last call counts as it was said then.
  void advance(bool open, Timestamp now) {
    const Millis step = last_ ? std::clamp(now - *last_, Millis(0), kLongestStep) : Millis(0);
    (open_ ? total_ : closed_for_) += step;
    if (open) {
      if (closed_for_ < kShortestOutage) total_ += closed_for_;
      closed_for_ = Millis(0);
    }
    open_ = open;
    last_ = now;
  }

  Millis total() const { return total_; }

 private:
  std::optional<Timestamp> last_;
  bool open_ = false;
  Millis total_{0};
  Millis closed_for_{0};  // since it was open last
};

}  // namespace kefu::queue
