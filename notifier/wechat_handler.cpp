#include "notifier/wechat_handler.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "lib/base/limits.h"
#include "lib/wechat/send.h"

namespace kefu::notifier {
namespace {

using work::Outcome;

// WeChat tells nobody whether it has acted, so the operator chooses between a repeat and a loss.
Outcome decided(Outcome outcome, OnUnknown on_unknown) {
  if (outcome.failure != v1::FAILURE_UNKNOWN_OUTCOME) return outcome;
  if (on_unknown == OnUnknown::resend) {
    outcome.reason += "; it may have been delivered, so the customer may get it twice";
  } else {
    outcome.kind = v1::OUTCOME_DEAD;
    outcome.reason += "; it may have been delivered, and is not sent again (KEFU_NOTIFIER_ON_UNKNOWN=dead)";
  }
  return outcome;
}

constexpr int kUnknownMediaId = 40007;

// reference: WeChat §6.6, permanent for this message: of those what WeChat says of a file or a card.
bool is_about_content(int code) {
  return (code >= 40004 && code <= 40012) || code == 40113 || code == 41005 || code == 44001 ||
         code == 44003 || code == 45001 || (code >= 45003 && code <= 45008) || code == 45098 ||
         code == 45162 || code == 48008 || code == 40200;
}

Outcome passed_over(std::string what) {
  auto outcome = work::done();
  outcome.left_out = std::move(what);
  return outcome;
}

}  // namespace

WechatHandler::WechatHandler(wechat_client::WechatApi& api, wechat_client::TokenCache& tokens,
                             OnUnknown on_unknown, Outgoing* outgoing, const Words& words)
    : api_(api), tokens_(tokens), on_unknown_(on_unknown), outgoing_(outgoing), words_(words) {}

Outcome WechatHandler::handle(const v1::Delivery& delivery, Timestamp deadline) {
  const auto& event = delivery.event();
  if (event.body_case() != v1::Event::kAgentMessage) {
    return work::failed(v1::OUTCOME_RETRY, v1::FAILURE_RETRY,
                        "a kind of event that this notifier does not know: is it older than the gateway?");
  }
  const auto parts = parts_of(event.agent_message(), words_);
  if (parts.empty())
    return work::failed(v1::OUTCOME_DEAD, v1::FAILURE_DEAD, "the message has nothing that can be sent");

  Outcome outcome = work::done();
  std::string left_out;
  std::uint32_t sent = delivery.progress();
  for (; sent < parts.size(); ++sent) {
    const Outgoing::Of of{OpenId(event.customer()), Timestamp{event.accepted_at_ms()}, sent};
    outcome = decided(send_part(parts[sent], of, deadline), on_unknown_);
    if (!left_out.empty() && !outcome.left_out.empty()) left_out += words_.and_also;
    left_out += outcome.left_out;
    if (outcome.kind != v1::OUTCOME_DONE) break;
  }
  outcome.progress = sent;
  outcome.left_out = std::move(left_out);
  return outcome;
}

Outcome WechatHandler::send_part(const Part& part, const Outgoing::Of& of, Timestamp deadline) {
  auto prepared = prepare(part, of, deadline);
  Outcome outcome;
  for (int tried = 1; prepared.kind == Prepared::Kind::message; ++tried) {
    outcome = send(prepared.body, deadline);
    const bool names_media = prepared.uploaded || !prepared.noted.empty();
    if (outcome.code != kUnknownMediaId || !names_media) break;
    if (tried > 1) prepared.uploaded = true;  // once renewed is enough
    prepared = without_refused(part, of, prepared, deadline);
  }
  if (prepared.kind == Prepared::Kind::failed) return prepared.outcome;
  if (prepared.kind == Prepared::Kind::left_out) return passed_over(std::move(prepared.left_out));
  const bool text = std::holds_alternative<TextPart>(part);
  if (text || outcome.kind != v1::OUTCOME_DEAD || !is_about_content(outcome.code)) return outcome;
  const auto why = filled(words_.refused, "{code}", std::to_string(outcome.code));
  return passed_over(notifier::left_out(name_of(part, words_), why));
}

Prepared WechatHandler::prepare(const Part& part, const Outgoing::Of& of, Timestamp deadline) {
  if (const auto* text = std::get_if<TextPart>(&part))
    return {Prepared::Kind::message, wechat::text_message_body(of.customer, text->text), {}, {}};
  if (outgoing_ == nullptr) return {Prepared::Kind::left_out, {}, std::string(name_of(part, words_)), {}};
  if (const auto* media = std::get_if<MediaPart>(&part)) return outgoing_->prepare(*media, of, deadline);
  return outgoing_->prepare(std::get<CardPart>(part), of, deadline);
}

Prepared WechatHandler::without_refused(const Part& part, const Outgoing::Of& of, const Prepared& refused,
                                        Timestamp deadline) {
  if (const auto* media = std::get_if<MediaPart>(&part))
    return outgoing_->without_refused(*media, of, refused, deadline);
  return outgoing_->without_refused(std::get<CardPart>(part), of, refused, deadline);
}

Outcome WechatHandler::send(const std::string& body, Timestamp deadline) {
  return wechat_client::call_with_token(
             tokens_, deadline,
             [&](const std::string& token) { return api_.send_message(token, body, deadline); })
      .outcome;
}

void WechatHandler::type(const v1::Typing& typing, Timestamp deadline) {
  const auto token = tokens_.get(deadline);
  if (token.ok()) api_.typing(token.token, OpenId(typing.customer()), typing.stopped(), deadline);
}

}  // namespace kefu::notifier
