// The operator's questions as JSON (contract §7). Pure but for what the dispatcher and its journal do.
#pragma once

#include <string>
#include <string_view>

#include "gateway/dispatcher.h"

namespace kefu {

// One question, one answer, both JSON texts. What it changed is staged: the answer may be sent after the next
// commit.
std::string answer_admin(std::string_view question, Dispatcher& dispatcher, Journal& journal, Timestamp now);

std::string_view queue_name(v1::Queue queue);
// follow, unfollow, customer_message, agent_message
std::string_view event_type(const v1::Event& event);
// FAILURE_UNKNOWN_OUTCOME is "unknown_outcome".
std::string failure_name(v1::Failure failure);

}  // namespace kefu
