#include "gateway/web/wechat_webhook.h"

#include <utility>

#include "lib/base/clock.h"
#include "lib/base/digest.h"
#include "lib/wechat/reply.h"
#include "lib/wechat/signature.h"

namespace kefu {
namespace {

constexpr std::size_t kEchoBytesMax = 1024;

http::Response plain(int status, std::string body) {
  return {status, std::move(body)};
}
http::Response success() {
  return plain(200, "success");
}

// What WeChat writes in place of stickers and forwarded chats (reference: WeChat §3.2). It reads as a note
// does, but they are not the customer's words.
bool is_placeholder(std::string_view text) {
  return text == "【收到不支持的消息类型，暂无法显示】" || text == "[Unsupported Message]";
}

// Those that let us reply (reference: WeChat §6.4).
bool is_menu_tap(std::string_view event) {
  return event == "click" || event == "scancode_push" || event == "scancode_waitmsg";
}

// Each of them exactly once, or the request is not WeChat's.
struct Signed {
  std::string signature, timestamp, nonce;
};
std::optional<Signed> signed_parts(const http::Request& request, std::string_view signature_name) {
  auto signature = request.parameter(signature_name);
  auto timestamp = request.parameter("timestamp");
  auto nonce = request.parameter("nonce");
  if (!signature || !timestamp || !nonce) return std::nullopt;
  return Signed{std::move(*signature), std::move(*timestamp), std::move(*nonce)};
}

}  // namespace

WeChatWebhook::WeChatWebhook(WeChatWebhookOptions options, Submit submit, Tally& tally)
    : options_(std::move(options)), submit_(std::move(submit)), tally_(tally) {}

http::Response WeChatWebhook::verify(const http::Request& request) const {
  const auto given = signed_parts(request, "signature");
  const auto echo = request.parameter("echostr");
  const bool holds =
      given && wechat::url_signature_holds(options_.token, given->timestamp, given->nonce, given->signature);
  if (!holds || !echo || echo->size() > kEchoBytesMax) {
    tally_.rejected("signature");
    return plain(403, "forbidden");
  }
  return {200, *echo, "text/plain"};
}

http::Response WeChatWebhook::push(const http::Request& request) const {
  Opened opened;
  std::string why;
  switch (open(request, opened, why)) {
    case Seal::forged:
      tally_.rejected("signature");
      return plain(403, "forbidden");
    case Seal::broken:
      return keep(request, why);
    case Seal::good:
      break;
  }
  const auto push = wechat::parse_push(opened.xml);
  if (!push) return keep(request, push.error());
  if (!is_plain_account_id(push->from_user.value)) return keep(request, "FromUserName is no openid");
  // The signature of a plain push covers no byte of the body (reference: WeChat §1.3).
  const auto openid = request.parameter("openid");
  if (!opened.key && openid && *openid != push->from_user.value)
    return keep(request, "openid and FromUserName differ");
  auto submission = understand(*push);
  if (!submission) return keep(request, "nothing to do for " + push->type + " " + push->event);
  const auto receipt = submit_(std::move(*submission));
  tally_.received("wechat", receipt);
  return answer(request, *push, receipt, opened.key);
}

WeChatWebhook::Seal WeChatWebhook::open(const http::Request& request, Opened& opened,
                                        std::string& why) const {
  if (options_.aes_keys.empty()) {
    const auto given = signed_parts(request, "signature");
    if (!given ||
        !wechat::url_signature_holds(options_.token, given->timestamp, given->nonce, given->signature))
      return Seal::forged;
    opened.xml = request.body;
    return Seal::good;
  }
  const auto given = signed_parts(request, "msg_signature");
  if (!given || request.parameter("encrypt_type") != "aes") return Seal::forged;
  const auto encrypt = wechat::encrypted_part(request.body);
  if (!encrypt) return Seal::forged;
  const auto expected = wechat::message_signature(options_.token, given->timestamp, given->nonce, *encrypt);
  if (!equal_constant_time(expected, given->signature)) return Seal::forged;
  for (const auto& key : options_.aes_keys) {
    auto xml = wechat::decrypt(key, options_.app_id, *encrypt);
    if (xml) {
      opened = {std::move(*xml), &key};
      return Seal::good;
    }
    if (why.empty()) why = xml.error();
  }
  return Seal::broken;
}

http::Response WeChatWebhook::keep(const http::Request& request, const std::string& why) const {
  const auto receipt = submit_(RawPush{"wechat", why, request.body});
  const bool kept = receipt.kind != Receipt::Kind::refused;
  tally_.rejected(kept ? "not_understood" : "cannot_store");
  return kept ? success() : plain(503, "try again");
}

std::optional<CustomerPush> WeChatWebhook::understand(const wechat::Push& push) const {
  CustomerPush out;
  out.key = wechat::push_key(push);
  out.customer = push.from_user;
  out.source_id = push.msg_id;
  if (push.is_event()) {
    if (push.event == "subscribe") {
      constexpr std::string_view kPrefix = "qrscene_";
      out.kind = CustomerPush::Kind::follow;
      out.scene =
          push.event_key.starts_with(kPrefix) ? push.event_key.substr(kPrefix.size()) : push.event_key;
      if (out.scene.size() > kTextBytesMax) return std::nullopt;
    } else if (push.event == "unsubscribe") {
      out.kind = CustomerPush::Kind::unfollow;
    } else if (push.event == "scan") {
      out.kind = CustomerPush::Kind::scan;
    } else if (is_menu_tap(push.event)) {
      out.kind = CustomerPush::Kind::menu;
    } else {
      return std::nullopt;
    }
    return out;
  }
  out.kind = CustomerPush::Kind::message;
  out.chosen = push.fields.contains("bizmsgmenuid");
  const bool is_text = push.type == "text";
  out.message_type = is_text && is_placeholder(push.content) ? "unsupported" : push.type;
  out.text = is_text ? push.content : readable_note(push, *options_.texts);
  if (out.text.empty() || out.text.size() > kTextBytesMax || push.type.empty()) return std::nullopt;
  return out;
}

http::Response WeChatWebhook::answer(const http::Request& request, const wechat::Push& push,
                                     const Receipt& receipt, const wechat::AesKey* key) const {
  if (receipt.kind == Receipt::Kind::refused) return plain(503, "try again");
  const std::string& text = receipt.reply == ReplyKind::welcome ? options_.welcome : options_.please_wait;
  // Without ToUserName (WeChat does that) nobody could be named as the reply's sender.
  if (receipt.reply == ReplyKind::none || text.empty() || push.to_user.empty()) return success();
  auto xml = wechat::text_reply(push, text);
  if (key) {
    // `success` stays plain in every mode, all else is encrypted with the key that fitted (reference: WeChat
    // §1.4, §2.4).
    const auto timestamp = request.parameter("timestamp").value_or("0");
    const auto nonce = request.parameter("nonce").value_or("0");
    const auto random = random_hex(8);
    xml = wechat::encrypted_reply(options_.token, timestamp, nonce,
                                  wechat::encrypt(*key, options_.app_id, xml, random));
  }
  return {200, std::move(xml), "text/xml; charset=utf-8"};
}

}  // namespace kefu
