// From an authentic push of WeChat to what the gateway makes of it: the way of the webhook, and of a push
// that was quarantined and is submitted again. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gateway/journal/quarantine.h"
#include "gateway/reply_rules.h"
#include "gateway/submission.h"
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

// The XML of a push, and the key of the options that opened it; none: it came plain.
struct OpenedPush {
  std::string xml;
  const wechat::AesKey* key = nullptr;
};

// `encrypt` is the text of the element of that name. The error is that of the present key.
Result<OpenedPush> decrypt_push(const WeChatWebhookOptions& options, std::string_view encrypt);

struct UnderstoodPush {
  wechat::Push push;
  CustomerPush submission;
};
struct QuarantineReason {
  QuarantineClass kind = QuarantineClass::not_understood;
  std::string text;
};

// `openid`: of the request's address.
std::variant<UnderstoodPush, QuarantineReason> understand_push(const WeChatWebhookOptions& options,
                                                               const OpenedPush& opened,
                                                               const std::optional<std::string>& openid);

// What goes into the quarantine. `is_verified`: a signature has been checked that covers the body.
RawPush quarantine_of(const http::Request& request, QuarantineReason reason, bool is_verified);

// The quarantined push as the present options understand it. The error says why it still cannot be delivered.
Result<Submission> read_again(const WeChatWebhookOptions& options, const QuarantinedPush& quarantined);

}  // namespace kefu
