#include "sandbox/rate_limits.h"

namespace kefu::sandbox {
namespace {

constexpr std::size_t kSecondsKept = 3600;

struct Own {
  std::string_view cloud;
  std::string_view api;
  std::uint32_t per_second;
};
// reference: IM §1.4. WeChat names none by the second.
constexpr Own kOwn[] = {
    {"im", "account_check", 100},       {"im", "account_delete", 100},    {"im", "account_import", 200},
    {"im", "admin_getroammsg", 200},    {"im", "admin_msgwithdraw", 200}, {"im", "multiaccount_import", 100},
    {"im", "query_online_status", 200}, {"im", "sendmsg", 200},
};

}  // namespace

bool RateLimits::admit(std::string_view cloud, std::string_view api, Timestamp now) {
  const std::lock_guard lock(mutex_);
  auto& count = counts_[{std::string(cloud), std::string(api)}];
  const auto at_s = now.ms / 1000;
  if (count.seconds.empty() || count.seconds.back().at_s != at_s) count.seconds.push_back({at_s});
  if (count.seconds.size() > kSecondsKept) count.seconds.pop_front();
  auto& second = count.seconds.back();
  const bool room = !count.per_second || second.used < *count.per_second;
  ++(room ? second.used : second.refused);
  ++(room ? count.used : count.refused);
  return room;
}

void RateLimits::set(std::string_view cloud, std::string_view api, std::optional<std::uint32_t> per_second) {
  const std::lock_guard lock(mutex_);
  counts_[{std::string(cloud), std::string(api)}].per_second = per_second;
}

std::vector<RateLimits::Row> RateLimits::rows() const {
  const std::lock_guard lock(mutex_);
  std::vector<Row> rows;
  for (const auto& [key, count] : counts_) {
    rows.push_back({key.first,
                    key.second,
                    count.per_second,
                    count.used,
                    count.refused,
                    {count.seconds.begin(), count.seconds.end()}});
  }
  return rows;
}

void RateLimits::reset() {
  const std::lock_guard lock(mutex_);
  counts_.clear();
  for (const auto& own : kOwn)
    counts_[{std::string(own.cloud), std::string(own.api)}].per_second = own.per_second;
}

}  // namespace kefu::sandbox
