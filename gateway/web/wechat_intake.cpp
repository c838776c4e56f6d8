#include "gateway/web/wechat_intake.h"

#include <utility>

#include "gateway/wechat_events.h"
#include "gateway/wechat_message.h"
#include "lib/wechat/signature.h"

namespace kefu {
namespace {

// A longer MsgType names no type that exists.
constexpr std::size_t kTypeBytesMax = 64;

std::optional<CustomerPush> event_of(const WeChatWebhookOptions& options, const wechat::Push& push) {
  const auto* event = find_wechat_event(push.event);
  if (!event) return std::nullopt;
  CustomerPush out;
  out.key = wechat::push_key(push);
  out.customer = push.from_user;
  out.kind = event->kind;
  if (out.kind == CustomerPush::Kind::follow) out.scene = scene_of(push);
  if (options.forward_events.contains(push.event)) out.note = event_note(push, *options.texts);
  if (out.scene.size() > kTextBytesMax || out.note.size() > kTextBytesMax) return std::nullopt;
  return out;
}

std::optional<CustomerPush> submission_of(const WeChatWebhookOptions& options, const wechat::Push& push,
                                          const std::string& xml) {
  if (push.is_event()) return event_of(options, push);
  CustomerPush out;
  out.key = wechat::push_key(push);
  out.customer = push.from_user;
  out.source_id = push.msg_id;
  out.kind = CustomerPush::Kind::message;
  out.chosen = push.fields.contains("bizmsgmenuid");
  out.message_type = message_type_of(push);
  out.text = push.type == "text" ? push.content : readable_note(push, *options.texts);
  out.content = content_of(push);
  if (push.type != "text" && !is_known_message_type(push.type)) out.body = xml;
  if (out.text.empty() || out.text.size() > kTextBytesMax || push.type.size() > kTypeBytesMax)
    return std::nullopt;
  return out;
}

std::string value_or_empty(const std::map<std::string, std::string>& query, const std::string& name) {
  const auto at = query.find(name);
  return at == query.end() ? std::string() : at->second;
}

// The body was authentic when it came, or its msg_signature was kept so that it can be checked now.
bool signature_holds(const WeChatWebhookOptions& options, const QuarantinedPush& quarantined,
                     std::string_view encrypt) {
  const auto& query = quarantined.query;
  if (!query.contains("msg_signature")) return true;
  return wechat::message_signature_holds(options.token, value_or_empty(query, "timestamp"),
                                         value_or_empty(query, "nonce"), encrypt,
                                         value_or_empty(query, "msg_signature"));
}

}  // namespace

Result<OpenedPush> decrypt_push(const WeChatWebhookOptions& options, std::string_view encrypt) {
  std::string why;
  for (const auto& key : options.aes_keys) {
    auto xml = wechat::decrypt(key, options.app_id, encrypt);
    if (xml) return OpenedPush{std::move(*xml), &key};
    if (why.empty()) why = xml.error();
  }
  return Error{why};
}

std::variant<UnderstoodPush, QuarantineReason> understand_push(const WeChatWebhookOptions& options,
                                                               const OpenedPush& opened,
                                                               const std::optional<std::string>& openid) {
  auto push = wechat::parse_push(opened.xml);
  if (!push) {
    // The console is in safe mode, and we were not told the key.
    if (!opened.key && wechat::encrypted_part(opened.xml))
      return QuarantineReason{QuarantineClass::undecryptable,
                              "it is encrypted and WECHAT_AES_KEY is not set"};
    return QuarantineReason{QuarantineClass::not_understood, push.error()};
  }
  if (!is_plain_account_id(push->from_user.value))
    return QuarantineReason{QuarantineClass::not_understood, "FromUserName is no openid"};
  // The signature of a plain push covers no byte of the body (reference: WeChat §1.3).
  if (!opened.key && openid && *openid != push->from_user.value)
    return QuarantineReason{QuarantineClass::not_understood, "openid and FromUserName differ"};
  auto submission = submission_of(options, *push, opened.xml);
  if (!submission)
    return QuarantineReason{QuarantineClass::not_understood, "nothing to do for " +
                                                                 push->type.substr(0, kTypeBytesMax) + " " +
                                                                 push->event.substr(0, kTypeBytesMax)};
  return UnderstoodPush{std::move(*push), std::move(*submission)};
}

RawPush quarantine_of(const http::Request& request, QuarantineReason reason, bool is_verified) {
  RawPush push{"wechat", std::move(reason.text), request.body, reason.kind};
  const auto keep = [&](const char* name) {
    if (auto value = request.parameter(name)) push.query[name] = std::move(*value);
  };
  keep("openid");
  if (is_verified || reason.kind != QuarantineClass::undecryptable) return push;
  push.query["msg_signature"];
  for (const auto* name : {"timestamp", "nonce", "msg_signature"}) keep(name);
  return push;
}

Result<Submission> read_again(const WeChatWebhookOptions& options, const QuarantinedPush& quarantined) {
  if (quarantined.is_cut()) return Error{"its body was cut when it was kept"};
  OpenedPush opened{quarantined.body, nullptr};
  const auto encrypt = wechat::encrypted_part(quarantined.body);
  if (!options.aes_keys.empty() && encrypt) {
    if (!signature_holds(options, quarantined, *encrypt))
      return Error{"its msg_signature was not made with WECHAT_TOKEN"};
    auto decrypted = decrypt_push(options, *encrypt);
    if (!decrypted) return Error{decrypted.error()};
    opened = std::move(*decrypted);
  }
  const auto openid = quarantined.query.find("openid");
  auto read = understand_push(
      options, opened,
      openid == quarantined.query.end() ? std::nullopt : std::optional<std::string>(openid->second));
  if (const auto* reason = std::get_if<QuarantineReason>(&read)) return Error{reason->text};
  return Submission{std::move(std::get<UnderstoodPush>(read).submission)};
}

}  // namespace kefu
