// What the log says of pushes that make no event. Rate-limited: whoever can make one can make a million.
// Never what a message says, and never an openid. Thread-safe; time is passed in.
#pragma once

#include <cstdint>

#include "gateway/dispatcher.h"
#include "lib/ops/log_limiter.h"

namespace kefu {

class QuarantineLog {
 public:
  void tell(const Quarantined& push, Timestamp now);
  // Pushes that went away by their age though nobody had submitted them; 0: nothing is said.
  void tell_forgotten(std::uint64_t count);

 private:
  log::LogLimiter limiter_;
};

}  // namespace kefu
