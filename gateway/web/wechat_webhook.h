// GET / and POST /: what WeChat asks and pushes (contract §4). Thread-safe: constant after construction.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gateway/reply_rules.h"
#include "gateway/submission.h"
#include "gateway/tally.h"
#include "gateway/texts.h"
#include "lib/base/result.h"
#include "lib/http/server.h"
#include "lib/wechat/envelope.h"
#include "lib/wechat/push.h"

namespace kefu {

struct WeChatWebhookOptions {
  std::string token;
  std::string app_id;
  std::vector<wechat::AesKey> aes_keys;  // the present one first; empty: plain pushes are taken
  std::string welcome;                   // empty: no reply
  std::string please_wait;
  const Texts* texts = nullptr;
  std::set<std::string> forward_events{};  // in lower case (KEFU_FORWARD_EVENTS)
  std::vector<ReplyRule> replies{};        // before welcome, please_wait and offline
  std::string offline{};                   // in place of please_wait when nobody is at the desk
};

class WeChatWebhook {
 public:
  // Tells the receipt once, on any thread.
  using Submit = std::function<void(Submission, std::function<void(Receipt)>)>;

  WeChatWebhook(WeChatWebhookOptions options, Submit submit, Tally& tally);

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
  // The XML of an authentic push, and the key it was encrypted with.
  struct Opened {
    std::string xml;
    const wechat::AesKey* key = nullptr;
  };
  enum class Seal { forged, broken, good };
  bool url_is_signed(const http::Request& request) const;
  // What the customer is answered at once; nothing: "success".
  std::optional<wechat::Reply> reply_to(const wechat::Push& push, ReplyKind kind) const;
  const std::string& text_of(ReplyKind kind) const;
  Seal open(const http::Request& request, Opened& opened, std::string& why) const;
  void keep(const http::Request& request, const std::string& why, http::Answer answer) const;
  // What of the request its encrypted reply needs.
  struct Envelope {
    const wechat::AesKey* key = nullptr;  // none: the reply is plain
    std::string timestamp, nonce;
  };
  http::Response answer(const wechat::Push& push, const Receipt& receipt, const Envelope& envelope) const;
  std::optional<CustomerPush> understand(const wechat::Push& push, const std::string& body) const;
  std::optional<CustomerPush> understand_event(const wechat::Push& push) const;

  WeChatWebhookOptions options_;
  Submit submit_;
  Tally& tally_;
};

}  // namespace kefu
