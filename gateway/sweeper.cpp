#include "gateway/sweeper.h"

#include <algorithm>

namespace kefu {

void Sweeper::active(const OpenId& customer, Timestamp before, Timestamp now) {
  if (every_ == Millis(0)) return;
  auto [at, fresh] = conversations_.try_emplace(customer);
  auto& conversation = at->second;
  conversation.active_at = std::max(conversation.active_at, now);
  if (!fresh) return;
  const Timestamp last = before == Timestamp{} ? now : std::max(before, now - kLookBack);
  conversation.floor = last - before_first();
  schedule(customer, conversation, now + every_);
}

void Sweeper::restore(const OpenId& customer, Timestamp active_at, Timestamp now) {
  if (every_ == Millis(0)) return;
  auto& conversation = conversations_[customer];
  conversation.active_at = active_at;
  conversation.floor = std::max(active_at, now - kLookBack) - before_first();
  schedule(customer, conversation, now);
}

// A word may have been lost since the last time that IM was asked, however many came after it.
Millis Sweeper::before_first() const {
  return std::max(every_, kOnceAtLeast) + kOverlap;
}

void Sweeper::schedule(const OpenId& customer, Conversation& conversation, Timestamp due) {
  conversation.due = due;
  conversation.began_at = {};
  by_due_.emplace(due, customer);
}

std::optional<Sweeper::Due> Sweeper::next(Timestamp now) {
  if (by_due_.empty() || by_due_.begin()->first > now) return std::nullopt;
  const OpenId customer = by_due_.begin()->second;
  by_due_.erase(by_due_.begin());
  auto& conversation = conversations_.at(customer);
  conversation.began_at = now;
  return Due{customer, std::max(conversation.floor, conversation.asked_at - kOverlap)};
}

void Sweeper::ended(const OpenId& customer, bool looked, Timestamp now) {
  const auto at = conversations_.find(customer);
  if (at == conversations_.end() || at->second.began_at == Timestamp{}) return;
  auto& conversation = at->second;
  if (looked) {
    conversation.asked_at = conversation.began_at;
    conversation.failed = 0;
  } else {
    ++conversation.failed;
  }
  const bool active = now - conversation.active_at <= kActiveFor;
  if (!active && (looked || conversation.failed >= kTries)) {
    conversations_.erase(at);
    return;
  }
  schedule(customer, conversation, now + every_);
}

std::optional<Timestamp> Sweeper::next_due() const {
  if (by_due_.empty()) return std::nullopt;
  return by_due_.begin()->first;
}

}  // namespace kefu
