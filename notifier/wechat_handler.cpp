#include "notifier/wechat_handler.h"

#include <cstdint>
#include <utility>

#include "lib/base/limits.h"
#include "lib/base/utf8.h"
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

}  // namespace

WechatHandler::WechatHandler(wechat_client::WechatApi& api, wechat_client::TokenCache& tokens,
                             OnUnknown on_unknown)
    : api_(api), tokens_(tokens), on_unknown_(on_unknown) {}

Outcome WechatHandler::handle(const v1::Delivery& delivery, Timestamp deadline) {
  const auto& event = delivery.event();
  if (event.body_case() != v1::Event::kAgentMessage) {
    return work::failed(v1::OUTCOME_RETRY, v1::FAILURE_RETRY,
                        "a kind of event that this notifier does not know: is it older than the gateway?");
  }
  const auto parts = split_utf8(event.agent_message().text(), limits::kWeChatTextBytesMax);
  if (parts.empty()) return work::failed(v1::OUTCOME_DEAD, v1::FAILURE_DEAD, "the message has no text");

  const OpenId customer(event.customer());
  Outcome outcome = work::done();
  std::uint32_t sent = delivery.progress();
  for (; sent < parts.size(); ++sent) {
    outcome = decided(send_part(customer, parts[sent], deadline), on_unknown_);
    if (outcome.kind != v1::OUTCOME_DONE) break;
  }
  outcome.progress = sent;
  return outcome;
}

Outcome WechatHandler::send_part(const OpenId& to, const std::string& text, Timestamp deadline) {
  const auto body = wechat::text_message_body(to, text);
  return wechat_client::call_with_token(
             tokens_, deadline,
             [&](const std::string& token) { return api_.send_message(token, body, deadline); })
      .outcome;
}

}  // namespace kefu::notifier
