#include "bench/figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <utility>

namespace kefu::bench {
namespace {

constexpr double kBucketGrowth = 1.1892071150027210667;  // the fourth root of 2
constexpr Nanoseconds kFirstBucket = 10'000;

std::string milliseconds(Nanoseconds time) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4f", static_cast<double>(time) / 1e6);
  return text.data();
}

// The least that `share` of all do not exceed.
Nanoseconds percentile(const std::vector<Nanoseconds>& sorted, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

// Buckets grow with the time; empty ones are left out.
std::string histogram(const std::vector<Nanoseconds>& sorted) {
  std::string json = "[";
  double top = kFirstBucket;
  for (auto from = sorted.begin(); from != sorted.end(); top *= kBucketGrowth) {
    const auto to = std::upper_bound(from, sorted.end(), static_cast<Nanoseconds>(top));
    if (to == from) continue;
    if (json.size() > 1) json += ",";
    json += "[" + milliseconds(static_cast<Nanoseconds>(top)) + "," + std::to_string(to - from) + "]";
    from = to;
  }
  return json + "]";
}

}  // namespace

std::string latency_json(std::vector<Nanoseconds>& latencies) {
  std::string json = "{\"count\":" + std::to_string(latencies.size());
  if (latencies.empty()) return json + "}";
  std::sort(latencies.begin(), latencies.end());
  constexpr std::array<std::pair<std::string_view, double>, 5> kShares{
      {{"p50_ms", 0.5}, {"p90_ms", 0.9}, {"p99_ms", 0.99}, {"p999_ms", 0.999}, {"max_ms", 1}}};
  for (const auto& [name, share] : kShares)
    json.append(",\"").append(name).append("\":").append(milliseconds(percentile(latencies, share)));
  return json + ",\"histogram\":" + histogram(latencies) + "}";
}

}  // namespace kefu::bench
