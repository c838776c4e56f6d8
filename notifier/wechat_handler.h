// What the notifier does with a delivery: the agent's text to the customer, in parts that WeChat takes.
// Thread-safe.
#pragma once

#include <string>

#include "lib/wechat_client/token_cache.h"
#include "lib/wechat_client/wechat_api.h"
#include "lib/work/worker.h"

namespace kefu::notifier {

// What becomes of a reply whose call may have acted: WeChat has no idempotency key (reference: WeChat §6.1).
enum class OnUnknown { resend, dead };

class WechatHandler {
 public:
  // Both must live longer.
  WechatHandler(wechat_client::WechatApi& api, wechat_client::TokenCache& tokens,
                OnUnknown on_unknown = OnUnknown::resend);

  // Begins at the part after delivery.progress(): WeChat has no idempotency key, so what has arrived must not
  // be sent again.
  work::Outcome handle(const v1::Delivery& delivery, Timestamp deadline);

 private:
  work::Outcome send_part(const OpenId& to, const std::string& text, Timestamp deadline);

  wechat_client::WechatApi& api_;
  wechat_client::TokenCache& tokens_;
  const OnUnknown on_unknown_;
};

}  // namespace kefu::notifier
