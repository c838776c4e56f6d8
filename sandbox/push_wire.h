// A push as WeChat puts it on the wire, and what it makes of the answer (reference: WeChat §1.3, §1.4, §2.3).
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/ids.h"
#include "lib/wechat/envelope.h"
#include "sandbox/xml_write.h"

namespace kefu::sandbox {

// What the console of an Official Account shows.
struct WeChatAccount {
  std::string app_id;
  std::string app_secret;
  std::string token;
  std::optional<wechat::AesKey> aes_key{};  // set: safe mode
  std::string original_id = "gh_5a7d0c2e9b41";
  Millis token_lifetime = std::chrono::hours(2);
  std::string public_url = "http://127.0.0.1:8000";  // where the sandbox is reached
};

struct Push {
  enum class Kind { subscribe, unsubscribe, message, event };
  Kind kind = Kind::message;
  OpenId customer;
  std::string msg_id;  // of messages
  std::string xml;
};

// `fields`: XML of what comes between the head and MsgId.
std::string message_push_xml(const WeChatAccount& account, const OpenId& from, std::int64_t create_time_s,
                             std::string_view type, std::string_view fields, std::string_view msg_id);
std::string text_push_xml(const WeChatAccount& account, const OpenId& from, std::int64_t create_time_s,
                          std::string_view text, std::string_view msg_id);
std::string event_push_xml(const WeChatAccount& account, const OpenId& from, std::int64_t create_time_s,
                           std::string_view event, std::string_view fields = cdata("EventKey", ""));

// Query parameters in WeChat's order, and the body: plain, or encrypted in safe mode. All deliveries of one
// push carry the same ones.
struct WirePush {
  std::vector<std::pair<std::string, std::string>> query;
  std::string body;
};
// `random16` has 16 bytes; used in safe mode.
WirePush wire_push(const WeChatAccount& account, std::string_view xml, const OpenId& from, Timestamp wall_now,
                   std::string_view nonce, std::string_view random16);
std::string target_of(const std::vector<std::pair<std::string, std::string>>& query);  // "/?signature=…"

// What the customer is to see: a text (empty when there is nothing to say), or a reply of another type whose
// XML is yet to be read. Nothing at all: the answer is not legal, WeChat asks again.
struct Answer {
  std::string type = "text";
  std::string text;
  std::string xml;  // of other types
};
std::optional<Answer> shown_answer(const WeChatAccount& account, const Push& push, int status,
                                   std::string_view body);

}  // namespace kefu::sandbox
