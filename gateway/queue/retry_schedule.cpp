#include "gateway/queue/retry_schedule.h"

#include <algorithm>

namespace kefu::queue {
namespace {

// How many times the policy's first wait a class begins with: what passes by itself is tried soon, what
// somebody has to mend later.
std::int64_t first_waits(v1::Failure failure) {
  switch (failure) {
    case v1::FAILURE_IMPORT:
    case v1::FAILURE_CREDENTIALS:
    case v1::FAILURE_CONFIGURATION:
      return 5;
    default:
      return 1;
  }
}

}  // namespace

Millis wait_before_retry(const RetryPolicy& policy, v1::Failure failure, std::uint32_t attempts,
                         Millis at_least, double chance) {
  const std::uint32_t doublings = std::min<std::uint32_t>(attempts == 0 ? 0 : attempts - 1, 30);
  const auto wait = std::min(policy.max, policy.first * (first_waits(failure) << doublings));
  const double factor = 1.0 + policy.jitter * (2.0 * chance - 1.0);
  return std::max(at_least, Millis(static_cast<std::int64_t>(static_cast<double>(wait.count()) * factor)));
}

}  // namespace kefu::queue
