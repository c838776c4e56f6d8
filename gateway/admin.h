// The operator's questions as JSON (contract §7). Pure but for what the dispatcher and its journal do.
#pragma once

#include <string>
#include <string_view>

#include "gateway/dispatcher.h"

namespace kefu {

// One question, one answer, both JSON texts. What it changed is staged: the answer may be sent after the next
// commit.
std::string answer_admin(std::string_view question, Dispatcher& dispatcher, Journal& journal, Timestamp now);
// It changes nothing, so that nothing is half done when answering it fails.
bool only_looks(std::string_view question);
// A refusal as answer_admin() gives one.
std::string refusal_of(std::string_view why);

std::string_view queue_name(v1::Queue queue);
// follow, unfollow, customer_message, agent_message
std::string_view event_type(const v1::Event& event);
// FAILURE_UNKNOWN_OUTCOME is "unknown_outcome"; a class of a newer worker that we do not know is "unknown".
std::string failure_name(v1::Failure failure);

}  // namespace kefu
