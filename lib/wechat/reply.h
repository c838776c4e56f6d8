// Passive replies: the body of the answer to a push (reference: WeChat §4).
#pragma once

#include <string>
#include <string_view>

#include "lib/wechat/push.h"

namespace kefu::wechat {

// To the sender of `push`, from the account, with the push's CreateTime: the same push gets the same bytes.
// `]]>` in the text is split.
std::string text_reply(const Push& push, std::string_view text);

}  // namespace kefu::wechat
