// What the gateway itself says to people, by locale (contract §3, KEFU_LOCALE): zh-CN, en, ja.
#pragma once

#include <string>
#include <string_view>

#include "lib/wechat/push.h"

namespace kefu {

struct Texts {
  std::string_view welcome;
  std::string_view please_wait;
  std::string_view notice_parked;    // to the agent
  std::string_view notice_dead;      // to the agent; "%s" is why
  std::string_view notice_left_out;  // to the agent; "%s" is what
  std::string_view image, voice, video, location, link, file, mini_program, unknown;
};

// REQUIRES: a locale of the contract.
const Texts& texts(std::string_view locale);

// For the agent, of a message that is no text: "[图片] http://…".
std::string readable_note(const wechat::Push& push, const Texts& texts);

}  // namespace kefu
