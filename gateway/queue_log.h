// What operators read in the log of the queues: workers that come and go, queues that close and open, events
// that die. No openid, no text of a message (DESIGN §4.8): who may see those asks kefuctl. For one thread.
#pragma once

#include <cstddef>

#include "gateway/dispatcher.h"
#include "lib/ops/log_limiter.h"

namespace kefu {

class QueueLog {
 public:
  void worker(const WorkerNews& news, Timestamp now);
  // Logs closed, opened and dead; passes over all others.
  void step(const Step& step);
  // After the steps of a turn: tells how many deaths were left out because there were very many.
  void end_turn();

 private:
  void dead(const Step& step);

  log::LogLimiter limiter_;  // of workers that come and go without end, by their ids
  std::size_t deaths_ = 0;   // in this turn
};

}  // namespace kefu
