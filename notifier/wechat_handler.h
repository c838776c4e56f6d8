// What the notifier does with a delivery: the agent's text to the customer, in parts that WeChat takes.
// Thread-safe.
#pragma once

#include <string>

#include "lib/work/worker.h"
#include "notifier/token_cache.h"
#include "notifier/wechat_api.h"

namespace kefu::notifier {

// What becomes of a reply whose call may have acted: WeChat has no idempotency key (reference: WeChat §6.1).
enum class OnUnknown { resend, dead };

class WechatHandler {
 public:
  // Both must live longer.
  WechatHandler(WechatApi& api, TokenCache& tokens, OnUnknown on_unknown = OnUnknown::resend);

  // Begins at the part after delivery.progress(): WeChat has no idempotency key, so what has arrived must not
  // be sent again.
  work::Outcome handle(const v1::Delivery& delivery, Timestamp deadline);

 private:
  work::Outcome send_part(const OpenId& to, const std::string& text, Timestamp deadline);

  WechatApi& api_;
  TokenCache& tokens_;
  const OnUnknown on_unknown_;
};

}  // namespace kefu::notifier
