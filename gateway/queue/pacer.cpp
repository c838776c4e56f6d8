#include "gateway/queue/pacer.h"

#include <algorithm>
#include <cmath>

namespace kefu::queue {

Timestamp Pacer::next(Kind kind) const {
  if (limits_[index(kind)] <= 0) return {};
  return {static_cast<std::int64_t>(std::ceil(paces_[index(kind)].due_ms - kCatchUpMs))};
}

void Pacer::went(Kind kind, Timestamp now, std::uint32_t calls) {
  const double per_second = rate(kind, now);
  if (per_second <= 0) return;
  auto& pace = paces_[index(kind)];
  pace.due_ms = std::max(pace.due_ms, static_cast<double>(now.ms)) + calls * 1000.0 / per_second;
}

void Pacer::throttled(Kind kind, Timestamp now) {
  auto& pace = paces_[index(kind)];
  // The other answers of the same burst tell nothing new.
  if (pace.throttled_at != Timestamp{} && now - pace.throttled_at < kHold) return;
  pace.share = std::max(kLeastShare, share(pace, now) * kThrottledShare);
  pace.throttled_at = now;
}

double Pacer::share(const Pace& pace, Timestamp now) {
  const auto climbing = std::max(Millis(0), now - pace.throttled_at - kHold);
  return std::min(1.0, pace.share + kClimbPerSecond * static_cast<double>(climbing.count()) / 1000.0);
}

double Pacer::rate(Kind kind, Timestamp now) const {
  return limits_[index(kind)] * kShare * share(paces_[index(kind)], now);
}

}  // namespace kefu::queue
