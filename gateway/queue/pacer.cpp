#include "gateway/queue/pacer.h"

#include <algorithm>
#include <cmath>

namespace kefu::queue {
namespace {

constexpr Millis kSecond{1000};
// A call may take longer to the cloud than the one after it.
constexpr double kOneKeptBackOf = 200;

}  // namespace

Timestamp Pacer::next(Kind kind) const {
  if (limits_[index(kind)] <= 0) return {};
  const auto& pace = paces_[index(kind)];
  const Timestamp spaced{static_cast<std::int64_t>(std::ceil(pace.due_ms - kCatchUpMs))};
  if (pace.last.empty() || pace.last.size() < pace.second_holds) return spaced;
  return std::max(spaced, pace.last[pace.last.size() - pace.second_holds] + kSecond);
}

void Pacer::went(Kind kind, Timestamp now, std::uint32_t calls) {
  const double per_second = rate(kind, now);
  if (per_second <= 0) return;
  auto& pace = paces_[index(kind)];
  pace.due_ms = std::max(pace.due_ms, static_cast<double>(now.ms)) + calls * 1000.0 / per_second;
  const double limit = limits_[index(kind)] * share(pace, now);
  pace.second_holds = static_cast<std::size_t>(std::max(1.0, limit - std::floor(limit / kOneKeptBackOf)));
  pace.last.insert(pace.last.end(), calls, now);
  while (pace.last.size() > pace.second_holds) pace.last.pop_front();
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
