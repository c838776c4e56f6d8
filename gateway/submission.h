// What the web sides hand to the dispatcher, and what they hear back.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "gateway/journal/journal.h"
#include "lib/base/ids.h"

namespace kefu {

// What a cloud may say to its users is far shorter (reference: WeChat §4, IM §2.5); more is quarantined.
inline constexpr std::size_t kTextBytesMax = 64 << 10;

struct CustomerPush {
  // All from `scan` on make no event but the note, if there is one.
  enum class Kind {
    follow,
    unfollow,
    message,
    scan,      // of a parametric QR code; lets replies through
    menu,      // a tap on the menu that lets replies through
    visit,     // something else that the customer did
    position,  // where the customer is; comes every few seconds
    report,    // something that WeChat did, in the customer's name
  };
  DedupKey key;
  OpenId customer;
  Kind kind = Kind::message;
  std::string scene{};            // of follow
  std::string text{};             // of message; clean UTF-8
  std::string message_type{};     // MsgType; other than "text": the text is a note of ours
  v1::CustomerMessage content{};  // of message: what it carries besides the text
  std::string note{};             // of others: for the agent to read (KEFU_FORWARD_EVENTS); empty: none
  std::string body{};             // of the push, quarantined when nobody knows its type
  std::string source_id{};        // MsgId
  bool chosen = false;            // message: an item of a msgmenu was tapped (reference: WeChat §3.2)
  Timestamp came_at{};            // when it came for the first time; 0: now
};

struct AgentPush {
  DedupKey key;
  std::string agent;
  ImUserId to;
  std::string text;        // clean UTF-8; empty and no elements: nothing in it can be carried over
  std::string source_id;   // MsgKey
  std::string left_out{};  // what cannot be carried over, one a line (lib/im/elements.h); empty: all can
  std::string body{};      // of the callback, quarantined when something is left out
  std::vector<v1::Element> elements{};         // none: `text` is all
  Timestamp said_at{};                         // when it was not said just now; 0: it was
  std::map<std::string, std::string> query{};  // of the callback, as in QuarantinedPush
};

// An agent's message that is not meant any more: recalled, or refused by IM after it was announced. It may
// come before its message.
struct Recall {
  DedupKey key;  // of the message
  ImUserId to;
  std::string source_id;  // MsgKey
};

// An agent's message says something else now.
// It may come before its message.
struct Edit {
  AgentPush message;
  Timestamp sent_at{};  // when the message was sent first, by IM's clock; 0: not told
};

// An agent's message to a customer that is none of our business: a sweep must not find it either.
struct Disregard {
  DedupKey key;
  ImUserId to;
};

// An agent types to somebody, or has stopped.
struct TypingNotice {
  ImUserId to;
  bool stopped = false;
};

// It makes no event: kept so that people can look at it and, when its class allows it, submit it again.
struct RawPush {
  std::string source;  // "wechat", "im"
  std::string reason;
  std::string body;
  QuarantineClass kind = QuarantineClass::not_understood;
  std::map<std::string, std::string> query{};  // as in QuarantinedPush
  std::string agent{};                         // of an agent's message: who wrote it
};

using Submission =
    std::variant<CustomerPush, AgentPush, Recall, Edit, Disregard, TypingNotice, AgentPresence, RawPush>;

struct Receipt {
  enum class Kind {
    stored,     // on disk, synced
    duplicate,  // was stored before
    ignored,    // there is nothing to do (an agent wrote to somebody who is no customer, a note would repeat)
    refused,    // cannot be stored now; the sender shall try again
  };
  Kind kind = Kind::refused;
  ReplyKind reply = ReplyKind::none;
};

}  // namespace kefu
