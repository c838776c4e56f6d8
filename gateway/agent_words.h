// What an agent's message says: for the queue, and in words for people. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "gateway/submission.h"
#include "gateway/texts.h"
#include "kefu/v1/event.pb.h"
#include "lib/im/callback.h"

namespace kefu {

// Text alone becomes text; cards that WeChat would refuse go to what is left out, with the reason, and so
// does all of a message that is too long.
AgentPush agent_push(const im::SentMessage& message);

// A line for each element: "[图片] https://…".
std::string readable(std::span<const v1::Element> elements, const Texts& texts);

// `left_out`: MsgTypes of IM as lib/im/elements.h names them, one a line. "[Voice message], a card".
std::string readable_left_out(std::string_view left_out, const Texts& texts);

}  // namespace kefu
