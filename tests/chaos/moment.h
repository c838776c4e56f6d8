// Time in a chaos run: milliseconds of the steady clock, one for all its threads.
#pragma once

#include <chrono>
#include <cstdint>

namespace kefu::chaos {

using Moment = std::int64_t;

inline Moment moment_now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

}  // namespace kefu::chaos
