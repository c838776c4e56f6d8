// Callbacks of Tencent IM as values (reference: IM §4). Pure; survives field drift and hostile JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/ids.h"
#include "lib/base/result.h"
#include "lib/im/elements.h"

namespace kefu::im {

// reference: IM §4.3: lower-case hex SHA-256 of token + RequestTime.
std::string callback_sign(std::string_view token, std::string_view request_time);
// Also false when RequestTime is no number or more than 60 s from `now`. Constant time.
bool callback_sign_holds(std::string_view token, std::string_view request_time, std::string_view sign,
                         Timestamp now);

enum class CallbackKind {
  before_send,  // C2C.CallbackBeforeSendMsg
  after_send,   // C2C.CallbackAfterSendMsg
  withdrawn,    // C2C.CallbackAfterMsgWithDraw
  modified,     // C2C.CallbackAfterModifyMsg
  read,         // C2C.CallbackAfterMsgReport and …ReadReceipt
  presence,     // State.StateChange
  moderation,   // ContentCallback.ResultNotify
  bot,          // Bot.…
  group,        // Group.…
  other,
};

// A message from one account to another.
struct SentMessage {
  std::string from;
  std::string to;
  std::string msg_key;           // seq_random_time; made from its parts when missing
  std::int64_t msg_time = 0;     // Unix seconds
  bool online_only = false;      // typing notices and the like
  std::int64_t send_result = 0;  // SendMsgResult of after_send; 0: delivered
  Content content;               // empty of withdrawn
};

struct Presence {
  std::string user;
  std::string action;               // Login, Logout, Disconnect
  std::string reason;               // Register, Unregister, LinkClose, TimeOut
  std::vector<std::string> kicked;  // platforms that were logged out by it
  Timestamp at{};                   // 0: not told
};

struct Callback {
  CallbackKind kind = CallbackKind::other;
  std::string command;  // CallbackCommand, or empty
  SentMessage sent;     // of before_send, after_send, withdrawn and modified
  Presence presence;    // of presence
};

// `command`: of the address, for a body that names none. Bad UTF-8 and lone surrogates (\ud83d) become
// U+FFFD. The error: not a JSON object, nested deeper than 32, or about a message without sender or
// recipient.
Result<Callback> parse_callback(std::string_view body, std::string_view command = {});

// Same message, same key, whichever callback brought it.
DedupKey message_key(const SentMessage& message);

// The answer to every callback that is in order.
std::string_view callback_ok();

}  // namespace kefu::im
