// Which notices that an agent types are worth passing on to WeChat (reference: WeChat §6.7): it shows one for
// 15 s and refuses repeats meanwhile. Pure.
#pragma once

#include <cstddef>
#include <unordered_map>

#include "gateway/journal/journal.h"
#include "lib/base/clock.h"
#include "lib/base/ids.h"

namespace kefu {

class TypingHints {
 public:
  static constexpr Millis kShownFor{15'000};
  static constexpr Millis kLastExchange{30'000};        // must not be longer ago
  static constexpr std::size_t kCustomersMax = 10'000;  // that see one at a time; more see none

  // It goes out: remembered as shown, or as ended.
  bool let_through(const Customer& customer, bool stopped, Timestamp now);

 private:
  std::unordered_map<OpenId, Timestamp> shown_;  // since when
};

}  // namespace kefu
