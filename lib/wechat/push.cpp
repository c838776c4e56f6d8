#include "lib/wechat/push.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "lib/base/ascii.h"
#include "lib/base/digest.h"
#include "lib/wechat/xml.h"

namespace kefu::wechat {
namespace {

bool is_decimal(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::int64_t> unix_seconds(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!is_decimal(text) || problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Every field of the document, trimmed but for Content, the first occurrence of each.
using Fields = std::map<std::string, std::string, std::less<>>;
Fields first_occurrences(const std::vector<Field>& fields) {
  Fields first;
  for (const auto& field : fields) {
    first.try_emplace(field.name,
                      field.name == "Content" ? std::string_view(field.text) : trimmed(field.text));
  }
  return first;
}

// The last one: a customer's text can forge one before it (§3.4). Empty when it is no number.
std::string message_id(const std::vector<Field>& fields) {
  const auto* last = last_field(fields, "MsgId");
  if (!last) return {};
  const auto id = trimmed(last->text);
  return is_decimal(id) && id.size() <= 20 ? std::string(id) : std::string();
}

std::string take(Fields& fields, const char* name) {
  auto found = fields.extract(name);
  return found ? std::move(found.mapped()) : std::string();
}

}  // namespace

std::string_view Push::field(std::string_view path) const {
  const auto found = fields.find(path);
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

Result<Push> parse_push(std::string_view body) {
  const auto document = fields_of(body);
  if (!document) return Error{document.error()};

  Push push;
  push.fields = first_occurrences(*document);
  push.msg_id = message_id(*document);
  push.fields.erase("MsgId");
  push.to_user = take(push.fields, "ToUserName");
  push.from_user = OpenId(take(push.fields, "FromUserName"));
  push.type = lower_ascii(take(push.fields, "MsgType"));
  push.event = lower_ascii(take(push.fields, "Event"));
  push.event_key = take(push.fields, "EventKey");
  push.content = take(push.fields, "Content");

  if (!is_plain_account_id(push.from_user.value)) return Error{"FromUserName is missing or no openid"};
  if (push.type.empty()) return Error{"MsgType is missing"};
  if (push.is_event() && push.event.empty()) return Error{"an event without Event"};
  const auto created = unix_seconds(take(push.fields, "CreateTime"));
  if (!created) return Error{"CreateTime is missing or no number"};
  push.create_time = *created;
  return push;
}

DedupKey push_key(const Push& push) {
  const auto created = std::to_string(push.create_time);
  if (push.is_event()) {
    // MsgID names the job of a *JOBFINISH, UserCardCode the card: several may end in one second.
    return dedup_key({"wechat event", push.to_user, push.from_user.value, created, push.event, push.event_key,
                      push.field("MsgID"), push.field("UserCardCode")});
  }
  // Two messages of one second differ by MsgId; where that is missing, by what they say.
  return dedup_key({"wechat message", push.to_user, push.from_user.value, created, push.msg_id,
                    push.msg_id.empty() ? std::string_view(push.type) : std::string_view(),
                    push.msg_id.empty() ? std::string_view(push.content) : std::string_view(),
                    push.msg_id.empty() ? push.field("MediaId") : std::string_view()});
}

}  // namespace kefu::wechat
