// What an agent's message says, in words: for people, and for notifiers that know no elements. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "gateway/texts.h"
#include "kefu/v1/event.pb.h"

namespace kefu {

// A line for each element: "[图片] https://…".
std::string readable(std::span<const v1::Element> elements, const Texts& texts);

// `left_out`: MsgTypes of IM as lib/im/elements.h names them, one a line. "[Voice message], a card".
std::string readable_left_out(std::string_view left_out, const Texts& texts);

}  // namespace kefu
