// Offers pushes to a server and keeps of each when it was due and when it was answered. One thread over
// epoll, and no work for an answer but its status line and length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bench/pushes.h"

namespace kefu::bench {

using Nanoseconds = std::int64_t;  // of CLOCK_MONOTONIC, which is the same in every process of a machine
Nanoseconds monotonic_now();

struct Load {
  int port = 0;  // on 127.0.0.1
  std::size_t connections = 64;
  double seconds = 4;  // closed loop: of offering, or until all pushes were offered
  // 0: closed loop, each connection sends its next push when the last one is answered. Otherwise open loop:
  // so many pushes are due a second until all were, whether the server keeps up or not; one that finds no
  // free connection waits, and its time runs from when it was due.
  double rate = 0;
  bool fresh = false;  // closed loop with a new connection for each push
};

struct Report {
  // Of the pushes that were offered, by their number: due (closed loop: sent; fresh: connection begun), and
  // answered with 200 (0: not).
  std::vector<Nanoseconds> due;
  std::vector<Nanoseconds> answered;
  std::map<int, std::size_t> refused;  // by status other than 200
  std::size_t broken = 0;              // connections that failed with a push on its way
  std::size_t unanswered = 0;          // when patience ended
  std::size_t reopened = 0;            // connections that the server closed between two pushes
  double seconds = 0;                  // from the first push to the last answer
};

// Throws std::system_error when the machine refuses (descriptors), std::runtime_error when nobody listens.
Report offer(const Load& load, const Pushes& pushes);

}  // namespace kefu::bench
