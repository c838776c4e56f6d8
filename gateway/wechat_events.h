// What the events of WeChat mean to us (reference: WeChat §3.3, §6.4). Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/submission.h"
#include "gateway/texts.h"
#include "lib/base/result.h"
#include "lib/wechat/push.h"

namespace kefu {

struct WeChatEvent {
  std::string_view name;  // as WeChat's documentation spells it; pushes may spell it otherwise
  CustomerPush::Kind kind;
};

// `event` in lower case; nullptr: one that we do not know.
const WeChatEvent* find_wechat_event(std::string_view event);

// KEFU_FORWARD_EVENTS: in lower case. The error names what is unknown, and all that are known.
Result<std::set<std::string>> forwarded_events(const std::vector<std::string>& names);

// Of the parametric QR code that led here; empty: none did.
std::string scene_of(const wechat::Push& push);

// For the agent, what happened: "[点击菜单] orders". Empty: nothing worth telling, as when somebody follows
// without a scene. REQUIRES: a known event.
std::string event_note(const wechat::Push& push, const Texts& texts);

}  // namespace kefu
