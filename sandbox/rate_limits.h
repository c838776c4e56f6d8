// How many calls of each API a cloud takes in a second, and how many it was asked (reference: IM §1.4).
// Seconds are those of the caller's clock, from full to full. Thread-safe; time is passed in.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"

namespace kefu::sandbox {

class RateLimits {
 public:
  // Of one API in one second.
  struct Second {
    std::int64_t at_s = 0;  // Unix
    std::uint32_t used = 0;
    std::uint32_t refused = 0;
  };
  struct Row {
    std::string cloud;
    std::string api;
    std::optional<std::uint32_t> per_second;  // none: no limit
    std::uint64_t used = 0;                   // since it began, or was reset
    std::uint64_t refused = 0;
    std::vector<Second> seconds;  // with calls in them, oldest first, of the last hour with any
  };

  RateLimits() { reset(); }

  // Counts one call; false: it is one too many.
  bool admit(std::string_view cloud, std::string_view api, Timestamp now);
  // No number: no limit.
  void set(std::string_view cloud, std::string_view api, std::optional<std::uint32_t> per_second);
  std::vector<Row> rows() const;
  // The clouds' own limits, and nothing counted.
  void reset();

 private:
  using Key = std::pair<std::string, std::string>;
  struct Count {
    std::optional<std::uint32_t> per_second;
    std::uint64_t used = 0;
    std::uint64_t refused = 0;
    std::deque<Second> seconds;
  };

  mutable std::mutex mutex_;  // guards counts_
  std::map<Key, Count> counts_;
};

}  // namespace kefu::sandbox
