// Bodies and answers of the APIs that we call (reference: WeChat §5, §6, §7). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/ids.h"
#include "lib/base/result.h"

namespace kefu::wechat {

inline constexpr std::string_view kStableTokenPath = "/cgi-bin/stable_token";
inline constexpr std::string_view kCustomSendPath = "/cgi-bin/message/custom/send";
inline constexpr std::string_view kTypingPath = "/cgi-bin/message/custom/typing";
inline constexpr std::string_view kMediaUploadPath = "/cgi-bin/media/upload";
inline constexpr std::string_view kMediaGetPath = "/cgi-bin/media/get";

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
std::string image_message_body(const OpenId& to, std::string_view media_id);
std::string voice_message_body(const OpenId& to, std::string_view media_id);
// `thumb_media_id`: empty when there is none.
std::string video_message_body(const OpenId& to, std::string_view media_id, std::string_view thumb_media_id);
// reference: WeChat §6.7
std::string typing_body(const OpenId& to, bool stopped);

struct SendAnswer {
  std::int64_t code = 0;
  std::string message;
};
Result<SendAnswer> parse_send_answer(std::string_view body);

struct UploadAnswer {
  std::int64_t code = 0;  // 0: the id is there
  std::string message;
  std::string media_id;  // of a thumb, too, which WeChat calls thumb_media_id
};
// The error: not JSON, or neither an id nor an errcode in it.
Result<UploadAnswer> parse_upload_answer(std::string_view body);

// JSON instead of a file (§7.2).
struct MediaAnswer {
  std::int64_t code = 0;  // 0: the URL is there
  std::string message;
  std::string video_url;
};
Result<MediaAnswer> parse_media_answer(std::string_view body);

}  // namespace kefu::wechat
