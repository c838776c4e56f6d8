// GET / and POST /: what WeChat asks and pushes (contract §4). Thread-safe: constant after construction.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "gateway/submission.h"
#include "gateway/tally.h"
#include "gateway/web/push_health.h"
#include "gateway/web/wechat_intake.h"
#include "lib/http/server.h"

namespace kefu {

class WeChatWebhook {
 public:
  // Tells the receipt once, on any thread.
  using Submit = std::function<void(Submission, std::function<void(Receipt)>)>;

  // `health` must live longer.
  WeChatWebhook(WeChatWebhookOptions options, Submit submit, Tally& tally, PushHealth& health);

  http::Response verify(const http::Request& request) const;
  // Of a push whose body has not come. Without a key the signature covers none of it, so that a wrong one is
  // refused at once. With a key only the body's own signature counts, and the other one, which usually is
  // there too, proves at most who sends it.
  http::EarlyVerdict check_early(const http::Request& head) const;
  // REQUIRES: this outlives the answer, when a receipt is told.
  void push(const http::Request& request, http::Answer answer) const;
  // When no receipt came in time.
  http::Response late() const;

 private:
  enum class Seal { forged, broken, good };
  bool url_is_signed(const http::Request& request) const;
  // What the customer is answered at once; nothing: "success".
  std::optional<wechat::Reply> reply_to(const wechat::Push& push, ReplyKind kind) const;
  const std::string& text_of(ReplyKind kind) const;
  Seal open(const http::Request& request, OpenedPush& opened, std::string& why) const;
  void keep(const http::Request& request, const QuarantineReason& reason, http::Answer answer) const;
  // What of the request its encrypted reply needs.
  struct Envelope {
    const wechat::AesKey* key = nullptr;  // none: the reply is plain
    std::string timestamp, nonce;
  };
  http::Response answer(const wechat::Push& push, const Receipt& receipt, const Envelope& envelope) const;

  WeChatWebhookOptions options_;
  Submit submit_;
  Tally& tally_;
  PushHealth& health_;
};

}  // namespace kefu
