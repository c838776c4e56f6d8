// Passive replies as the operator wants them: the [[reply]] tables of the configuration file
// (docs/replies.md). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/wechat/push.h"
#include "lib/wechat/reply.h"

namespace kefu {

struct ReplyRule {
  enum class When {
    subscribe,  // argument: the scene; empty: any
    scan,       // argument: the scene; empty: any
    click,      // argument: the key of the menu; empty: any
    event,      // argument: its name, in lower case
    keyword,    // argument: all of the text, in lower case
    contains,   // argument: a part of the text, in lower case
    type,       // argument: MsgType; "video" means short ones too
    message,    // any
    session,    // the first message of a conversation
  };
  When when = When::message;
  std::string argument;
  wechat::Reply reply;
};

struct ReplyRules {
  std::vector<ReplyRule> rules;       // in the order of the file
  std::vector<std::string> problems;  // a line each: file, line, table, what to do
};

// `toml` is what `file` has after its first `lines_before` lines.
ReplyRules read_reply_rules(std::string_view toml, const std::string& file, int lines_before);

// Of the first rule that fits; nullptr: none does.
const wechat::Reply* reply_for(const std::vector<ReplyRule>& rules, const wechat::Push& push,
                               bool first_of_conversation);

// Without the blanks round it that people type, the wide one of Chinese and Japanese keyboards among them:
// how a keyword and what a customer writes are compared.
std::string_view without_blanks(std::string_view text);

}  // namespace kefu
