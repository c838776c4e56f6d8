// What has happened, in order, for everybody who watches: numbered lines that late watchers can catch up on.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "lib/base/clock.h"

namespace kefu::sandbox {

class Feed {
 public:
  void publish(std::string line);
  std::uint64_t last() const;  // number of the newest line; 0: none yet

  // Hands `write` each line after number `since`, waiting for more until it returns false or stop() was
  // called. Now and then an empty line with number 0, so that a watcher who has gone is noticed. Number 0
  // with "gap" first when lines after `since` are kept no longer.
  using Write = std::function<bool(std::uint64_t number, std::string_view line)>;
  void follow(std::uint64_t since, const Write& write);
  void stop();

 private:
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable grown_;
  std::deque<std::string> lines_;
  std::uint64_t last_ = 0;
  bool stopped_ = false;
};

}  // namespace kefu::sandbox
