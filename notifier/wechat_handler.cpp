#include "notifier/wechat_handler.h"

#include <cstdint>
#include <utility>

#include "lib/base/limits.h"
#include "lib/base/utf8.h"

namespace kefu::notifier {
namespace {

using wechat::ErrorClass;
using work::Outcome;

Outcome ended(v1::Outcome kind, std::string reason) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.reason = std::move(reason);
  return outcome;
}

}  // namespace

WechatHandler::WechatHandler(WechatApi& api, TokenCache& tokens) : api_(api), tokens_(tokens) {}

Outcome WechatHandler::handle(const v1::Delivery& delivery, Timestamp deadline) {
  const auto& event = delivery.event();
  if (event.body_case() != v1::Event::kAgentMessage) {
    return ended(v1::OUTCOME_RETRY,
                 "a kind of event that this notifier does not know: is it older than the gateway?");
  }
  const auto parts = split_utf8(event.agent_message().text(), limits::kWeChatTextBytesMax);
  if (parts.empty()) return ended(v1::OUTCOME_DEAD, "the message has no text");

  const OpenId customer(event.customer());
  Outcome outcome = ended(v1::OUTCOME_DONE, {});
  std::uint32_t sent = delivery.progress();
  for (; sent < parts.size(); ++sent) {
    outcome = send_part(customer, parts[sent], deadline);
    if (outcome.kind != v1::OUTCOME_DONE) break;
  }
  outcome.progress = sent;
  return outcome;
}

Outcome WechatHandler::send_part(const OpenId& to, const std::string& text, Timestamp deadline) {
  auto token = tokens_.get(deadline);
  if (!token.ok()) return token.failure;
  auto call = api_.send_text(token.token, to, text, deadline);
  if (call.error_class != ErrorClass::refresh_token) return call.outcome;

  token = tokens_.replace(token.token, deadline);
  if (!token.ok()) return token.failure;
  call = api_.send_text(token.token, to, text, deadline);
  if (call.error_class == ErrorClass::refresh_token) {
    call.outcome.reason +=
        "; a fresh access token was refused too: does WECHAT_APP_ID fit WECHAT_APP_SECRET, and WECHAT_API "
        "both?";
  }
  return call.outcome;
}

}  // namespace kefu::notifier
