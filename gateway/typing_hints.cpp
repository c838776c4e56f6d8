#include "gateway/typing_hints.h"

namespace kefu {

bool TypingHints::let_through(const Customer& customer, bool stopped, Timestamp now) {
  const auto over = [&](Timestamp since) { return now - since >= kShownFor; };
  const auto at = shown_.find(customer.openid);
  const bool shown = at != shown_.end() && !over(at->second);
  if (stopped) {
    if (at != shown_.end()) shown_.erase(at);
    return shown;
  }
  const bool may_be_shown = customer.window.is_open(now) && now - customer.active_at <= kLastExchange;
  if (shown || !may_be_shown) return false;
  if (shown_.size() >= kCustomersMax)
    std::erase_if(shown_, [&](const auto& one) { return over(one.second); });
  if (shown_.size() >= kCustomersMax) return false;
  shown_[customer.openid] = now;
  return true;
}

}  // namespace kefu
