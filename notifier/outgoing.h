// Makes WeChat's messages of an agent's media and cards: fetches what they name, keeps it, checks it against
// what WeChat takes, uploads it. All of it may be repeated: nobody sees anything until the message is sent.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/ids.h"
#include "lib/media/convert.h"
#include "lib/media/download.h"
#include "lib/media/store.h"
#include "lib/wechat_client/token_cache.h"
#include "lib/wechat_client/wechat_api.h"
#include "lib/work/outcome.h"
#include "notifier/parts.h"
#include "notifier/words.h"

namespace kefu::notifier {

struct Prepared {
  enum class Kind {
    message,   // `body` is for custom/send
    left_out,  // WeChat does not take it: `left_out`, in the words of the locale
    failed,    // for now: `outcome`
  };
  Kind kind = Kind::failed;
  std::string body{};
  std::string left_out{};
  work::Outcome outcome{};
  std::vector<std::string> uploads{};  // what to forget() when WeChat says 40007 to the body
};

struct OutgoingOptions {
  std::string app_id;
  std::string media_url{};  // KEFU_MEDIA_URL; empty: links are those of IM, which hold for seven days
  Millis keep = std::chrono::hours(7 * 24);
};

class Outgoing {
 public:
  // What a part belongs to: the same at each attempt.
  struct Of {
    OpenId customer;
    Timestamp accepted_at;
    std::uint32_t part = 0;
  };

  // All must live longer. `now`: Unix.
  Outgoing(wechat_client::WechatApi& api, wechat_client::TokenCache& tokens,
           const media::Downloader& downloader, media::MediaStore& store,
           std::optional<media::Converter> converter, const Words& words, OutgoingOptions options,
           std::function<Timestamp()> now = steady_now);

  Prepared prepare(const MediaPart& part, const Of& of, Timestamp deadline);
  Prepared prepare(const CardPart& part, const Of& of, Timestamp deadline);
  void forget(const std::vector<std::string>& uploads);

 private:
  // A file in our store; or why there is none.
  struct Here {
    media::Object object{};
    bool ok = false;
    media::Downloaded::Why why = media::Downloaded::Why::none;  // none: it did not work for now
    std::string reason{};
  };
  // WeChat's id of it; or what its answer means.
  struct Id {
    std::string media_id{};
    std::string note{};
    wechat_client::WechatCall call{};
  };

  Here fetch(const std::string& url, std::uint64_t bytes_max, Timestamp deadline);
  Here as_mp3(const media::Object& sound, Timestamp deadline);
  Here first_picture(const media::Object& video, Timestamp deadline);
  Here converted(const std::string& note, const media::Object& from,
                 const std::function<Result<media::Object>(const std::string& path)>& convert);
  std::optional<media::Object> kept(const std::string& note);
  Id upload(wechat_client::MediaType type, const media::Object& object, Timestamp deadline);
  Prepared upload_and_say(const MediaPart& part, const Of& of, wechat_client::MediaType type,
                          const media::Object& object, Timestamp deadline);
  // The small picture of a video, when there is one that WeChat takes.
  std::optional<Id> thumb_of(const MediaPart& part, const media::Object& video, Timestamp deadline);
  // What cannot go as itself goes as a link, but for pictures.
  Prepared as_link(const MediaPart& part, const Of& of, const media::Object* object,
                   const std::string& why_not);
  // What a failed upload means for the message: only what no upload can do without is WeChat's; all else is
  // this file's, and after some tries it goes without. A customer's conversation must not stop for a file,
  // much less those of others.
  Prepared not_uploaded(const Of& of, const wechat_client::WechatCall& call,
                        const std::function<Prepared()>& at_last);
  Prepared failed_for_now(const Of& of, work::Outcome outcome, const std::function<Prepared()>& at_last);
  bool gives_up(const Of& of);
  bool too_late(Timestamp deadline) const;

  wechat_client::WechatApi& api_;
  wechat_client::TokenCache& tokens_;
  const media::Downloader& downloader_;
  media::MediaStore& store_;
  const std::optional<media::Converter> converter_;
  const Words& words_;
  const OutgoingOptions options_;
  const std::function<Timestamp()> now_;
};

}  // namespace kefu::notifier
