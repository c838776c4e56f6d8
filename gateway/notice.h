// What an agent is told, in the customer's conversation, about a reply that does not go out. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/texts.h"
#include "kefu/v1/work.pb.h"
#include "lib/base/clock.h"

namespace kefu {

// WeChat's answers that park a reply (reference: WeChat §6.6).
inline constexpr std::int32_t kWindowClosed = 45015;
inline constexpr std::int32_t kRepliesUsedUp = 45047;

// The customer's replies wait, for so long at most. `code` is WeChat's; 0: none.
std::string notice_of_waiting(std::int32_t code, Millis at_most, const Texts& texts);

// Why a reply is dead, as far as an agent can make use of it.
enum class Death {
  window_over,    // the customer did not write again in time
  customer_gone,  // left, blocked the account, or refuses messages
  too_long,
  refused,     // by WeChat, for what it says
  maybe_sent,  // nobody knows whether it arrived
  given_up,    // it failed for too long
  withdrawn,   // by an operator
};

// Of a reply that an operator did not withdraw. `was_parked`: it died while it waited for the customer.
Death death_of(bool was_parked, std::int32_t code, v1::Failure failure);

// `reply` is quoted by its beginning, so that the agent knows which one.
std::string notice_of_death(Death death, std::int32_t code, std::string_view reply, const Texts& texts);

// The agent took a message back, or changed it, too late.
std::string notice_of_recall(std::string_view reply, const Texts& texts);
std::string notice_of_edit(std::string_view reply, const Texts& texts);
// Of an edit of a reply that died.
std::string notice_of_edit_of_dead(std::string_view reply, const Texts& texts);
// A reply of whose death the agent was told has arrived.
std::string notice_of_late_success(std::string_view reply, const Texts& texts);

// Something of a message cannot be carried over.
std::string notice_of_left_out(std::string_view what, const Texts& texts);

}  // namespace kefu
