#include "lib/ops/log_limiter.h"

#include <utility>

namespace kefu::log {

LogLimiter::LogLimiter(Millis interval, std::size_t keys_max) : interval_(interval), keys_max_(keys_max) {}

std::optional<std::uint64_t> LogLimiter::admit(std::string_view key, Timestamp now) {
  const std::lock_guard lock(mutex_);
  auto at = entries_.find(key);
  if (at == entries_.end()) {
    make_room(now);
    if (entries_.size() >= keys_max_) key = kOtherKeys;
    const auto [entry, is_new] = entries_.try_emplace(std::string(key), Entry{now, 0});
    if (is_new) return 0;
    at = entry;
  }
  auto& entry = at->second;
  const bool is_set_back = now < entry.told_at;
  if (!is_set_back && now - entry.told_at < interval_) {
    ++entry.left_out;
    return std::nullopt;
  }
  entry.told_at = now;
  return std::exchange(entry.left_out, 0);
}

std::vector<LogLimiter::LeftOut> LogLimiter::overdue(Timestamp now) {
  std::vector<LeftOut> overdue;
  const std::lock_guard lock(mutex_);
  for (auto& [key, entry] : entries_) {
    if (entry.left_out == 0 || now - entry.told_at < interval_) continue;
    entry.told_at = now;
    overdue.push_back({key, std::exchange(entry.left_out, 0)});
  }
  return overdue;
}

void LogLimiter::make_room(Timestamp now) {
  if (entries_.size() < keys_max_) return;
  std::erase_if(entries_, [&](const auto& entry) {
    return entry.second.left_out == 0 && now - entry.second.told_at >= interval_;
  });
}

}  // namespace kefu::log
