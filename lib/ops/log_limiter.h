// Keeps what repeats itself from flooding the log: the first line of a key at once, then one line a minute
// with the number of those that were left out. Time is passed in. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"

namespace kefu::log {

class LogLimiter {
 public:
  // At most `keys_max` keys are told apart at a time; further ones share one key, so that a stranger who
  // chooses keys can fill neither the memory nor the log.
  explicit LogLimiter(Millis interval = std::chrono::minutes(1), std::size_t keys_max = 100);

  // A value: the line is to be written, and so many lines of this key were left out since the last one.
  // Nothing: this line is left out.
  std::optional<std::uint64_t> admit(std::string_view key, Timestamp now);

  struct LeftOut {
    std::string key;  // kOtherKeys: of all that did not fit
    std::uint64_t count = 0;
  };
  // The keys with lines left out that no line has told of for an interval: to be told now, since admit()
  // tells of them only when another line comes. Call it every second or so.
  std::vector<LeftOut> overdue(Timestamp now);
  static constexpr std::string_view kOtherKeys = "(others)";

 private:
  struct Entry {
    Timestamp told_at{};
    std::uint64_t left_out = 0;
  };
  // Forgets keys about which there is nothing left to tell. REQUIRES: mutex_ is held.
  void make_room(Timestamp now);

  const Millis interval_;
  const std::size_t keys_max_;
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;  // guarded by mutex_
};

}  // namespace kefu::log
