// Makes WeChat's messages of an agent's media and cards: fetches what they name, keeps it, checks it against
// what WeChat takes, uploads it. All of it may be repeated: nobody sees anything until the message is sent.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
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
  std::vector<std::string> noted{};  // uploads of earlier that the body names
  bool uploaded = false;             // the body names one of just now
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
  // WeChat does not know (40007) an id that `refused`, made of `part`, names. It can be old, and is uploaded
  // again; or so new that WeChat knows it only later, and the next attempt finds it noted.
  Prepared without_refused(const MediaPart& part, const Of& of, const Prepared& refused, Timestamp deadline);
  Prepared without_refused(const CardPart& part, const Of& of, const Prepared& refused, Timestamp deadline);

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
    bool is_new = false;
    wechat_client::WechatCall call{};
  };

  // What lies below KEFU_MEDIA_URL comes from the store, all else by HTTP.
  Here fetch(const std::string& url, std::uint64_t bytes_max, Timestamp deadline);
  Here own(std::string_view link_name);
  std::optional<std::string_view> own_link_name(std::string_view url) const;
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
  // A message with media.
  static Prepared naming(std::string body, const std::vector<Id>& ids);
  Prepared not_known_yet(const Of& of, const std::function<Prepared()>& at_last);
  // What WeChat does not take goes as a link, but for pictures: people look at them where they are.
  Prepared instead(const MediaPart& part, const Of& of, const media::Object* object,
                   const std::string& why_not);
  Prepared as_link(const MediaPart& part, const Of& of, const media::Object* object,
                   const std::string& why_not);
  // What a failed upload means for the message: only what no upload can do without is WeChat's; all else is
  // this file's, and after some tries it goes without. A customer's conversation must not stop for a file,
  // much less those of others.
  Prepared not_uploaded(const Of& of, const wechat_client::WechatCall& call,
                        const std::function<Prepared()>& at_last);
  Prepared failed_for_now(const Of& of, work::Outcome outcome, const std::function<Prepared()>& at_last);
  std::string unknown_id_words() const;
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
