// Customers' media, which WeChat keeps for three days (reference: WeChat §7.2). Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/clock.h"
#include "lib/media/download.h"
#include "lib/media/store.h"
#include "lib/wechat_client/token_cache.h"
#include "lib/wechat_client/wechat_api.h"
#include "lib/work/outcome.h"

namespace kefu::wechat_client {

struct Fetched {
  enum class Kind {
    fetched,     // `into` has all of it
    impossible,  // now and later: `reason`
    not_now,     // `outcome` says what it waits for
  };
  Kind kind = Kind::not_now;
  std::string reason{};                                       // for people
  work::Outcome outcome{};                                    // of not_now
  media::Downloaded::Why why = media::Downloaded::Why::none;  // of what is impossible
};

class Media {
 public:
  static constexpr std::uint64_t kBytesMax = 20 << 20;

  // All must live longer.
  Media(WechatApi& api, TokenCache& tokens, const media::Downloader& downloader);

  // A video's address is followed; a refused token is replaced once. Unless it was fetched, `into` is of no
  // use afterwards.
  Fetched get(const std::string& media_id, media::Draft& into, Timestamp deadline);

 private:
  WechatApi& api_;
  TokenCache& tokens_;
  const media::Downloader& downloader_;
};

}  // namespace kefu::wechat_client
