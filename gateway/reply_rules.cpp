#include "gateway/reply_rules.h"

#include <algorithm>
#include <array>

#include "gateway/wechat_events.h"
#include "gateway/wechat_message.h"
#include "lib/base/ascii.h"

namespace kefu {
namespace {

using When = ReplyRule::When;

bool fits_event(const ReplyRule& rule, const wechat::Push& push) {
  const bool any = rule.argument.empty();
  switch (rule.when) {
    case When::subscribe:
      return push.event == "subscribe" && (any || scene_of(push) == rule.argument);
    case When::scan:
      return push.event == "scan" && (any || scene_of(push) == rule.argument);
    case When::click:
      return push.event == "click" && (any || push.event_key == rule.argument);
    case When::event:
      return push.event == rule.argument;
    default:
      return false;
  }
}

bool fits_message(const ReplyRule& rule, const wechat::Push& push, bool first_of_conversation) {
  const auto type = message_type_of(push);
  switch (rule.when) {
    case When::keyword:
      return type == "text" && lower_ascii(without_blanks(push.content)) == rule.argument;
    case When::contains:
      return type == "text" && lower_ascii(push.content).find(rule.argument) != std::string::npos;
    case When::type:
      return type == rule.argument || (type == "shortvideo" && rule.argument == "video");
    case When::message:
      return true;
    case When::session:
      return first_of_conversation;
    default:
      return false;
  }
}

}  // namespace

std::string_view without_blanks(std::string_view text) {
  constexpr std::array<std::string_view, 6> kBlanks{" ", "\t", "\r", "\n", "\u00A0", "\u3000"};
  for (bool found = true; found;) {
    found = false;
    for (const auto blank : kBlanks) {
      if (text.starts_with(blank)) {
        text.remove_prefix(blank.size());
        found = true;
      } else if (text.ends_with(blank)) {
        text.remove_suffix(blank.size());
        found = true;
      }
    }
  }
  return text;
}

const wechat::Reply* reply_for(const std::vector<ReplyRule>& rules, const wechat::Push& push,
                               bool first_of_conversation) {
  const auto fits = [&](const ReplyRule& rule) {
    return push.is_event() ? fits_event(rule, push) : fits_message(rule, push, first_of_conversation);
  };
  const auto found = std::find_if(rules.begin(), rules.end(), fits);
  return found == rules.end() ? nullptr : &found->reply;
}

}  // namespace kefu
