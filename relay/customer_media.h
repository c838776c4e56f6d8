// The media of customers' messages: fetched from WeChat once, kept, and known by a note in the store to
// every attempt of every relay, so that all of them send the same (DESIGN §4.7). Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "kefu/v1/work.pb.h"
#include "lib/base/clock.h"
#include "lib/media/convert.h"
#include "lib/media/store.h"
#include "lib/ops/ops_page.h"
#include "lib/wechat_client/media.h"
#include "lib/work/threads.h"

namespace kefu::relay {

struct CustomerMediaAnswer {
  enum class Kind {
    kept,
    impossible,  // now and later, for every attempt; for this one alone while the disk has no room
    not_now,     // it is being fetched, or WeChat does not give it now
  };
  Kind kind = Kind::not_now;
  media::Object object{};                // of kept
  std::optional<media::Object> thumb{};  // of a kept video: always
  Timestamp links_until{};               // of kept: the same for every attempt
  std::string why{};                     // impossible: for the agent, by locale; not_now: for operators
  bool nothing_comes = false;            // not_now: not of this one alone, but of WeChat or of our settings
};

struct CustomerMediaOptions {
  std::string app_id;
  std::string locale = "zh-CN";
  std::string url;               // KEFU_MEDIA_URL
  Millis keep{0};                // KEFU_MEDIA_KEEP: so long links hold, from the fetching on
  std::size_t waiting_max = 16;  // so many deliveries wait for media, that text of others gets through
};

class CustomerMedia {
 public:
  // wechat_client::Media::get
  using Fetch = std::function<wechat_client::Fetched(const std::string& media_id, media::Draft& into,
                                                     Timestamp deadline)>;
  struct Clocks {
    std::function<Timestamp()> steady = steady_now;
    std::function<Timestamp()> wall = wall_now;
  };

  // All must live longer. `converter`: nothing when there is none. The error: the store gives no link key.
  static Result<std::unique_ptr<CustomerMedia>> make(media::MediaStore& store, Fetch fetch,
                                                     std::optional<media::Converter> converter,
                                                     CustomerMediaOptions options, ops::Metrics& metrics,
                                                     Clocks clocks = {steady_now, wall_now});
  ~CustomerMedia();

  // Waits for the fetching, but leaves time to send before `deadline` (steady); the fetching goes on behind.
  // What has just failed, ten minutes after it was accepted or later, becomes impossible; where WeChat gives
  // nothing at all or our settings are wrong, after two hours. What still waits its turn never does.
  // REQUIRES: an event with media.
  CustomerMediaAnswer get(const v1::Delivery& delivery, Timestamp deadline);

  // Where the agent finds it until then (links_until). The same each time.
  std::string url_of(const media::Object& object, Timestamp until) const;

  // Gives up what is being fetched. False: some call still hangs at WeChat, and dies with the process.
  bool stop(Millis patience);

 private:
  struct Job;
  struct Wanted;

  CustomerMedia(media::MediaStore& store, Fetch fetch, std::optional<media::Converter> converter,
                CustomerMediaOptions options, std::string link_key, ops::Metrics& metrics, Clocks clocks);

  std::shared_ptr<Job> job_for(const Wanted& wanted);
  bool wait_for(const std::shared_ptr<Job>& job, Timestamp until);
  void work_on(const Wanted& wanted, const std::shared_ptr<Job>& job);
  CustomerMediaAnswer fetch(const Wanted& wanted);
  std::optional<media::Object> thumb_of(const Wanted& wanted, const media::Object& video, Timestamp deadline);
  CustomerMediaAnswer no_draft(const std::string& why) const;
  media::Object playable(const media::Object& voice, Timestamp deadline);
  // What the first note under this key says, which may be another one than this; not_now when none is kept.
  CustomerMediaAnswer noted(const Wanted& wanted, const std::string& note);
  std::optional<CustomerMediaAnswer> read(const std::string& note) const;

  media::MediaStore& store_;
  const Fetch fetch_;
  const std::optional<media::Converter> converter_;
  const CustomerMediaOptions options_;
  const std::string link_key_;
  ops::Metrics& metrics_;
  const Clocks clocks_;
  std::stop_source stopping_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;  // by note key; guarded by mutex_, as below
  std::size_t waiting_ = 0;

  work::Threads threads_;  // the last: its jobs use all of the above
};

}  // namespace kefu::relay
