#include "gateway/web/wechat_webhook.h"

#include <utility>

#include "lib/base/clock.h"
#include "lib/base/digest.h"
#include "lib/ops/log.h"
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

// An event that moves no reply window and that nobody wants to be told of is only counted: some come every
// few seconds.
bool has_effect(const CustomerPush& push) {
  using Kind = CustomerPush::Kind;
  const bool only_told = push.kind == Kind::visit || push.kind == Kind::position || push.kind == Kind::report;
  return !only_told || !push.note.empty();
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

WeChatWebhook::WeChatWebhook(WeChatWebhookOptions options, Submit submit, Tally& tally, PushHealth& health)
    : options_(std::move(options)), submit_(std::move(submit)), tally_(tally), health_(health) {}

http::Response WeChatWebhook::verify(const http::Request& request) const {
  const auto echo = request.parameter("echostr");
  if (!url_is_signed(request) || !echo || echo->size() > kEchoBytesMax) {
    tally_.rejected("signature");
    return plain(403, "forbidden");
  }
  return {200, *echo, "text/plain"};
}

bool WeChatWebhook::url_is_signed(const http::Request& request) const {
  const auto given = signed_parts(request, "signature");
  return given &&
         wechat::url_signature_holds(options_.token, given->timestamp, given->nonce, given->signature);
}

http::EarlyVerdict WeChatWebhook::check_early(const http::Request& head) const {
  using Kind = http::EarlyVerdict::Kind;
  if (url_is_signed(head)) return {Kind::authentic};
  if (!options_.aes_keys.empty()) return {Kind::unknown};
  tally_.rejected("signature");
  return {Kind::refused, plain(403, "forbidden")};
}

void WeChatWebhook::push(const http::Request& request, http::Answer answer_with) const {
  OpenedPush opened;
  std::string why;
  switch (open(request, opened, why)) {
    case Seal::forged:
      tally_.rejected("signature");
      return answer_with(plain(403, "forbidden"));
    case Seal::broken:
      return keep(request, {QuarantineClass::undecryptable, why}, std::move(answer_with));
    case Seal::good:
      break;
  }
  auto read = understand_push(options_, opened, request.parameter("openid"));
  if (const auto* reason = std::get_if<QuarantineReason>(&read))
    return keep(request, *reason, std::move(answer_with));
  health_.opened();
  auto& [push, submission] = std::get<UnderstoodPush>(read);
  const bool told = has_effect(submission);
  Envelope envelope{opened.key, request.parameter("timestamp").value_or("0"),
                    request.parameter("nonce").value_or("0")};
  auto answer_receipt = [this, push = std::move(push), envelope = std::move(envelope),
                         answer_with = std::move(answer_with)](Receipt receipt) {
    tally_.received("wechat", receipt);
    // On the queue's thread, which must not fail over an answer.
    try {
      answer_with(answer(push, receipt, envelope));
    } catch (const std::exception& error) {
      log::error("an answer could not be written", {{"why", error.what()}});
      answer_with(plain(500, "internal error"));
    }
  };
  if (!told) return answer_receipt(Receipt{Receipt::Kind::ignored});
  submit_(std::move(submission), std::move(answer_receipt));
}

http::Response WeChatWebhook::late() const {
  tally_.rejected("late");
  return plain(503, "try again");
}

WeChatWebhook::Seal WeChatWebhook::open(const http::Request& request, OpenedPush& opened,
                                        std::string& why) const {
  if (options_.aes_keys.empty()) {
    if (!url_is_signed(request)) return Seal::forged;
    opened.xml = request.body;
    return Seal::good;
  }
  // Whatever `encrypt_type` says: only msg_signature covers the body, and only what it covers is read.
  const auto given = signed_parts(request, "msg_signature");
  if (!given) return Seal::forged;
  const auto encrypt = wechat::encrypted_part(request.body);
  if (!encrypt) return Seal::forged;
  const auto expected = wechat::message_signature(options_.token, given->timestamp, given->nonce, *encrypt);
  if (!equal_constant_time(expected, given->signature)) return Seal::forged;
  auto decrypted = decrypt_push(options_, *encrypt);
  if (!decrypted) {
    why = decrypted.error();
    return Seal::broken;
  }
  opened = std::move(*decrypted);
  return Seal::good;
}

// Answered `success` all the same: WeChat would only say it again, and nothing is lost.
void WeChatWebhook::keep(const http::Request& request, const QuarantineReason& reason,
                         http::Answer answer_with) const {
  const bool is_opened = reason.kind != QuarantineClass::undecryptable;
  is_opened ? health_.opened() : health_.not_opened(reason.text);
  submit_(quarantine_of(request, reason, !options_.aes_keys.empty()),
          [this, kind = reason.kind, answer_with = std::move(answer_with)](const Receipt& receipt) {
            const bool kept = receipt.kind != Receipt::Kind::refused;
            tally_.rejected(kept ? name(kind) : "cannot_store");
            answer_with(kept ? success() : plain(503, "try again"));
          });
}

// Empty: nothing is said.
const std::string& WeChatWebhook::text_of(ReplyKind kind) const {
  static const std::string kNothing;
  switch (kind) {
    case ReplyKind::welcome:
      return options_.welcome;
    case ReplyKind::please_wait:
    case ReplyKind::please_wait_again:
      return options_.please_wait;
    case ReplyKind::offline:
    case ReplyKind::offline_again:
      return options_.offline;
    case ReplyKind::none:
      break;
  }
  return kNothing;
}

std::optional<wechat::Reply> WeChatWebhook::reply_to(const wechat::Push& push, ReplyKind kind) const {
  const bool first_of_conversation = kind == ReplyKind::please_wait || kind == ReplyKind::offline;
  if (const auto* wanted = reply_for(options_.replies, push, first_of_conversation)) return *wanted;
  const auto& text = text_of(kind);
  if (text.empty()) return std::nullopt;
  return wechat::TextReply{text};
}

http::Response WeChatWebhook::answer(const wechat::Push& push, const Receipt& receipt,
                                     const Envelope& envelope) const {
  if (receipt.kind == Receipt::Kind::refused) return plain(503, "try again");
  // Without ToUserName (WeChat does that) nobody could be named as the reply's sender.
  const auto reply = push.to_user.empty() ? std::nullopt : reply_to(push, receipt.reply);
  if (!reply) return success();
  auto xml = wechat::reply_xml(push, *reply);
  if (envelope.key) {
    // `success` stays plain in every mode, all else is encrypted with the key that fitted (reference: WeChat
    // §1.4, §2.4).
    const auto random = random_hex(8);
    xml = wechat::encrypted_reply(options_.token, envelope.timestamp, envelope.nonce,
                                  wechat::encrypt(*envelope.key, options_.app_id, xml, random));
  }
  return {200, std::move(xml), "text/xml; charset=utf-8"};
}

}  // namespace kefu
