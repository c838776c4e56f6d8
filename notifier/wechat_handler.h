// What the notifier does with a delivery: the agent's message to the customer, in parts that WeChat takes.
// Thread-safe.
#pragma once

#include <string>

#include "lib/wechat_client/token_cache.h"
#include "lib/wechat_client/wechat_api.h"
#include "lib/work/worker.h"
#include "notifier/outgoing.h"
#include "notifier/parts.h"
#include "notifier/words.h"

namespace kefu::notifier {

// What becomes of a reply whose call may have acted: WeChat has no idempotency key (reference: WeChat §6.1).
enum class OnUnknown { resend, dead };

class WechatHandler {
 public:
  // All must live longer. Without `outgoing` only texts are carried over.
  WechatHandler(wechat_client::WechatApi& api, wechat_client::TokenCache& tokens,
                OnUnknown on_unknown = OnUnknown::resend, Outgoing* outgoing = nullptr,
                const Words& words = notifier::words("zh-CN"));

  // Begins at the part after delivery.progress(): WeChat has no idempotency key, so what has arrived must not
  // be sent again.
  // What WeChat does not take is passed over and told in Outcome::left_out.
  work::Outcome handle(const v1::Delivery& delivery, Timestamp deadline);
  // Tried once; whatever becomes of it.
  void type(const v1::Typing& typing, Timestamp deadline);

 private:
  // An outcome of one part; done, too, when it is left out.
  work::Outcome send_part(const Part& part, const Outgoing::Of& of, Timestamp deadline);
  Prepared prepare(const Part& part, const Outgoing::Of& of, Timestamp deadline);
  // Once more without the ids that WeChat does not know.
  Prepared without_refused(const Part& part, const Outgoing::Of& of, const Prepared& refused,
                           Timestamp deadline);
  work::Outcome send(const std::string& body, Timestamp deadline);

  wechat_client::WechatApi& api_;
  wechat_client::TokenCache& tokens_;
  const OnUnknown on_unknown_;
  Outgoing* const outgoing_;
  const Words& words_;
};

}  // namespace kefu::notifier
