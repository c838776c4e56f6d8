// The two calls of WeChat's API that the notifier makes: timed, counted, and turned into what they mean for a
// delivery. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/ids.h"
#include "lib/http/client.h"
#include "lib/ops/ops_page.h"
#include "lib/wechat/errors.h"
#include "lib/work/worker.h"
#include "notifier/token_cache.h"

namespace kefu::notifier {

struct WechatCall {
  wechat::ErrorClass error_class = wechat::ErrorClass::retry;  // retry, too, when WeChat has not answered
  work::Outcome outcome{};  // of a delivery that consists of this call alone

  bool ok() const { return error_class == wechat::ErrorClass::ok; }
};

class WechatApi {
 public:
  // `client` and `metrics` must live longer. `now`: for deadlines.
  WechatApi(http::Client& client, std::string app_id, std::string secret, ops::Metrics& metrics,
            std::function<Timestamp()> now = steady_now);

  // A failure is never the delivery's: nothing has been sent.
  FetchedToken fetch_token(bool force, Timestamp deadline);
  // One text of at most limits::kWeChatTextBytesMax. With too little time left it does not begin.
  WechatCall send_text(const std::string& token, const OpenId& to, std::string_view text, Timestamp deadline);

 private:
  http::CallResult post(std::string_view api, const std::string& target, const std::string& body,
                        Timestamp deadline);
  bool too_late(Timestamp deadline) const;
  void count(std::string_view api, std::string_view error_class);

  http::Client& client_;
  const std::string app_id_;
  const std::string secret_;
  ops::Metrics& metrics_;
  const std::function<Timestamp()> now_;
};

}  // namespace kefu::notifier
