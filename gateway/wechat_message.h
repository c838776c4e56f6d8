// A message of WeChat as what the relay carries over: structured, and as a note that people can read. Pure.
#pragma once

#include <string>

#include "gateway/texts.h"
#include "kefu/v1/event.pb.h"
#include "lib/wechat/push.h"

namespace kefu {

// MsgType; "unsupported" for the text that WeChat puts in place of stickers and forwarded chats: it reads as
// a note does, but they are not the customer's words (reference: WeChat §3.2).
std::string message_type_of(const wechat::Push& push);

// Those of reference WeChat §3.2 that are no text. A customer's message of another type is a note without
// content.
bool is_known_message_type(const std::string& type);

// The content of the message and nothing else of it; none of a text, or when what is needed is missing.
v1::CustomerMessage content_of(const wechat::Push& push);

// For the agent, of a message that is no text, all that is worth knowing: "[图片] http://…".
std::string readable_note(const wechat::Push& push, const Texts& texts);

}  // namespace kefu
