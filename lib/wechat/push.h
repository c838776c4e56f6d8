// A push of WeChat as values. Pure; survives whatever WeChat or a stranger sends (reference: WeChat §3).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "lib/base/ids.h"
#include "lib/base/result.h"

namespace kefu::wechat {

struct Push {
  std::string to_user;  // gh_… of the account
  OpenId from_user;
  std::int64_t create_time = 0;  // Unix seconds
  std::string type;              // MsgType in lower case: text, image, event, …
  std::string event;             // Event in lower case, of type "event"
  std::string event_key;
  std::string msg_id;   // of messages; decimal, up to 2^64-1
  std::string content;  // of text; clean UTF-8
  // Every other element of <xml> without children of its own, the first occurrence of each. Deeper ones by
  // path: "ScanCodeInfo/ScanResult", repeated ones "SubscribeMsgPopupEvent/List[2]/TemplateId".
  std::map<std::string, std::string, std::less<>> fields;

  bool is_event() const { return type == "event"; }
  // Empty when it is not there.
  std::string_view field(std::string_view path) const;
};

// Steps of §3.4: drop control characters, mend UTF-8, refuse a DTD in the prolog, strict parse with pugixml,
// else a tag scanner. FromUserName, ToUserName, CreateTime and MsgType are taken from their first occurrence,
// MsgId from its last. The error says why the body cannot be understood; it does not repeat the body.
Result<Push> parse_push(std::string_view body);

// reference: WeChat §1.5. Same push again, same key; the keys of two customers never meet.
DedupKey push_key(const Push& push);

}  // namespace kefu::wechat
