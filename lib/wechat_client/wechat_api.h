// The calls of WeChat's API that we make: timed, counted, and turned into what they mean for a delivery.
// Thread-safe.
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
#include "lib/wechat_client/token_cache.h"
#include "lib/work/worker.h"

namespace kefu::wechat_client {

struct WechatCall {
  wechat::ErrorClass error_class = wechat::ErrorClass::retry;  // retry, too, when WeChat has not answered
  work::Outcome outcome{};     // of a delivery that consists of this call alone
  bool without_token = false;  // no token was to be had: the outcome tells of that, the call was not made

  bool ok() const { return error_class == wechat::ErrorClass::ok; }
};

// An upload or a download changes nothing that a customer sees, so `call` is never unsure.
struct Uploaded {
  WechatCall call{};
  std::string media_id{};
};
struct GotMedia {
  WechatCall call{};
  std::string video_url{};  // of a video, which is to be fetched there; else the sink has got the file
};

enum class MediaType { image, voice, video, thumb };
std::string_view name(MediaType type);  // in WeChat's spelling

class WechatApi {
 public:
  // `client` and `metrics` must live longer. `now`: for deadlines.
  WechatApi(http::Client& client, std::string app_id, std::string secret, ops::Metrics& metrics,
            std::function<Timestamp()> now = steady_now);

  // A failure is never the delivery's: nothing has been sent.
  FetchedToken fetch_token(bool force, Timestamp deadline);
  // `body`: see lib/wechat/send.h. With less than 3 s left it does not begin: cut off, it might be
  // sent twice.
  WechatCall send_message(const std::string& token, const std::string& body, Timestamp deadline);
  // Not to be repeated. WeChat's refusals that do no harm are ok (reference: WeChat §6.7).
  WechatCall typing(const std::string& token, const OpenId& to, bool stopped, Timestamp deadline);
  // `file`'s field is set here.
  Uploaded upload_media(const std::string& token, MediaType type, http::FilePart file, Timestamp deadline);
  // `sink` gets nothing but a file. Takes as long as `deadline` allows.
  GotMedia get_media(const std::string& token, const std::string& media_id, const http::Sink& sink,
                     Timestamp deadline);

 private:
  // Posts JSON and judges the errcode of the answer.
  WechatCall tell(std::string_view api, std::string_view path, const std::string& token,
                  const std::string& body, Timestamp deadline);
  WechatCall judge(std::string_view api, std::int64_t code, const std::string& message,
                   const std::string& token);
  WechatCall unanswered(std::string_view api, const http::CallResult& result);
  http::CallResult post(std::string_view api, const std::string& target, const std::string& body,
                        Timestamp deadline);
  http::CallResult timed(std::string_view api, const std::function<http::CallResult()>& call);
  bool too_late(Timestamp deadline, Millis least) const;
  void count(std::string_view api, std::string_view error_class);

  http::Client& client_;
  const std::string app_id_;
  const std::string secret_;
  ops::Metrics& metrics_;
  const std::function<Timestamp()> now_;
};

// Makes a call with a token, and once more with another one when WeChat refuses the first.
WechatCall call_with_token(TokenCache& tokens, Timestamp deadline,
                           const std::function<WechatCall(const std::string& token)>& call);

}  // namespace kefu::wechat_client
