// When a failed event is tried again, by the class of its failure, and when it is given up. Pure.
#pragma once

#include <chrono>
#include <cstdint>

#include "kefu/v1/work.pb.h"
#include "lib/base/clock.h"

namespace kefu::queue {

struct RetryPolicy {
  Millis first{1000};         // wait after the first failed attempt; doubles with each further one
  Millis max{5 * 60 * 1000};  // but not beyond this
  double jitter = 0.2;  // ± share of the wait, so that many events do not come back at the same instant
  std::uint32_t unsure_max = 0;  // attempts that may have acted before the event is given up; 0: any number
  std::uint32_t attempts_max = 100;           // failed attempts that count
  Millis give_up_after{24 * 60 * 60 * 1000};  // age, as OpenTime counts it
};

// `attempts`: failed so far, at least 1. `at_least`: what the cloud asked for. `chance`: uniform in [0,1).
Millis wait_before_retry(const RetryPolicy& policy, v1::Failure failure, std::uint32_t attempts,
                         Millis at_least, double chance);

}  // namespace kefu::queue
