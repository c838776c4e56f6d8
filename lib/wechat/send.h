// Bodies and answers of the APIs that the notifier calls (reference: WeChat §5, §6). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/ids.h"
#include "lib/base/result.h"

namespace kefu::wechat {

inline constexpr std::string_view kStableTokenPath = "/cgi-bin/stable_token";
inline constexpr std::string_view kCustomSendPath = "/cgi-bin/message/custom/send";

std::string stable_token_body(std::string_view app_id, std::string_view secret, bool force_refresh);

struct TokenAnswer {
  std::int64_t code = 0;  // errcode; 0: the token is there
  std::string message;    // errmsg, with the rid
  std::string token;
  std::int64_t expires_in_s = 0;
};
// The error: not JSON, or neither a token nor an errcode in it.
Result<TokenAnswer> parse_token_answer(std::string_view body);

// Raw UTF-8 JSON, nothing but the obligatory escapes (§6.3). REQUIRES: valid UTF-8 of at most
// limits::kWeChatTextBytesMax.
std::string text_message_body(const OpenId& to, std::string_view text);

struct SendAnswer {
  std::int64_t code = 0;
  std::string message;
};
Result<SendAnswer> parse_send_answer(std::string_view body);

}  // namespace kefu::wechat
