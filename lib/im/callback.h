// Callbacks of Tencent IM as values (reference: IM §4). Pure; survives field drift and hostile JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/ids.h"
#include "lib/base/result.h"

namespace kefu::im {

// reference: IM §4.3: lower-case hex SHA-256 of token + RequestTime.
std::string callback_sign(std::string_view token, std::string_view request_time);
// Also false when RequestTime is no number or more than 60 s from `now`. Constant time.
bool callback_sign_holds(std::string_view token, std::string_view request_time, std::string_view sign,
                         Timestamp now);

// C2C.CallbackAfterSendMsg.
struct SentMessage {
  std::string from;
  std::string to;
  std::string msg_key;           // seq_random_time; made from its parts when missing
  std::int64_t msg_time = 0;     // Unix seconds
  bool online_only = false;      // typing notices and the like
  std::int64_t send_result = 0;  // SendMsgResult; 0: delivered
  std::string text;              // the TIMTextElem texts, joined in order by newlines; clean UTF-8
  std::string other_elements;    // space-separated MsgTypes other than TIMTextElem, for a note
};

struct Callback {
  std::string command;  // CallbackCommand of the body, or empty
  SentMessage sent;     // of C2C.CallbackAfterSendMsg
};

// Bad UTF-8 and lone surrogates (\ud83d) become U+FFFD. The error: not a JSON object, nested deeper than 32,
// or an after-send callback without sender or recipient.
Result<Callback> parse_callback(std::string_view body);

// Same message, same key, whichever callback brought it.
DedupKey message_key(const SentMessage& message);

// The answer to every callback that is in order.
std::string_view callback_ok();

}  // namespace kefu::im
