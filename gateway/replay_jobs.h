// Replays of more events than one turn of the loop should carry. A job goes through its queue in the order of
// ids, so that each customer's events keep theirs, a step a turn. It lives in memory: after a restart what it
// had not reached is still dead or parked, and asking again does the rest. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "kefu/v1/event.pb.h"
#include "lib/base/clock.h"
#include "lib/base/ids.h"

namespace kefu {

struct ReplayJob {
  std::uint64_t id = 0;  // from 1 in each run of the gateway
  v1::Queue queue = v1::QUEUE_UNSPECIFIED;
  std::uint64_t total = 0;     // dead and parked when it began
  std::uint64_t replayed = 0;  // fewer in the end when somebody else dropped or replayed some
  Timestamp started_at{};
  Timestamp finished_at{};      // 0: it is at work
  std::vector<EventId> events;  // in the order of ids; empty when it has finished
  std::size_t next = 0;         // of events

  bool finished() const { return finished_at != Timestamp{}; }
};

class ReplayJobs {
 public:
  static constexpr std::size_t kRemembered = 50;

  ReplayJob& begin(ReplayJob job) {
    job.id = ++last_id_;
    jobs_.push_back(std::move(job));
    if (jobs_.size() > kRemembered) {
      const auto oldest =
          std::find_if(jobs_.begin(), jobs_.end(), [](const auto& one) { return one.finished(); });
      if (oldest != jobs_.end()) jobs_.erase(oldest);
    }
    return jobs_.back();
  }

  // The one at work in this queue; nullptr: none is.
  ReplayJob* running(v1::Queue queue) {
    const auto at = std::find_if(jobs_.begin(), jobs_.end(),
                                 [&](const auto& one) { return one.queue == queue && !one.finished(); });
    return at == jobs_.end() ? nullptr : &*at;
  }

  bool any_running() const {
    return std::any_of(jobs_.begin(), jobs_.end(), [](const auto& one) { return !one.finished(); });
  }
  // Those at work and the last that have finished, the oldest first.
  const std::deque<ReplayJob>& all() const { return jobs_; }

 private:
  std::uint64_t last_id_ = 0;
  std::deque<ReplayJob> jobs_;
};

}  // namespace kefu
