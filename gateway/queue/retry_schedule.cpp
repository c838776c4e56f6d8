#include "gateway/queue/retry_schedule.h"

#include <algorithm>

namespace kefu::queue {

Millis wait_before_retry(const RetryPolicy& policy, std::uint32_t attempts, double chance) {
  const std::uint32_t doublings = std::min<std::uint32_t>(attempts == 0 ? 0 : attempts - 1, 30);
  const auto wait = std::min(policy.max, policy.first * (std::int64_t{1} << doublings));
  const double factor = 1.0 + policy.jitter * (2.0 * chance - 1.0);
  return Millis(static_cast<std::int64_t>(static_cast<double>(wait.count()) * factor));
}

}  // namespace kefu::queue
