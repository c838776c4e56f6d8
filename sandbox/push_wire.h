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

namespace kefu::sandbox {

// What the console of an Official Account shows.
struct WeChatAccount {
  std::string app_id;
  std::string app_secret;
  std::string token;
  std::optional<wechat::AesKey> aes_key{};  // set: safe mode
  std::string original_id = "gh_5a7d0c2e9b41";
  Millis token_lifetime = std::chrono::hours(2);
};

struct Push {
  enum class Kind { subscribe, unsubscribe, text };
  Kind kind = Kind::text;
  OpenId customer;
  std::string msg_id;  // of text
  std::string xml;
};

// The customer's text goes in as it is: WeChat does not escape `]]>` (§3.4).
std::string text_push_xml(const WeChatAccount& account, const OpenId& from, std::int64_t create_time_s,
                          std::string_view text, std::string_view msg_id);
std::string event_push_xml(const WeChatAccount& account, const OpenId& from, std::int64_t create_time_s,
                           std::string_view event);

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

// The text that the customer sees; empty when there is nothing to say. Nothing at all: the answer is not
// legal, WeChat asks again. Replies other than text show as "[image]" and so on.
std::optional<std::string> shown_answer(const WeChatAccount& account, const Push& push, int status,
                                        std::string_view body);

}  // namespace kefu::sandbox
