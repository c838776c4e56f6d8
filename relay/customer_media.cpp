#include "relay/customer_media.h"

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "lib/base/digest.h"
#include "lib/media/links.h"
#include "lib/ops/log.h"

namespace kefu::relay {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using wechat_client::Fetched;
using Answer = CustomerMediaAnswer;

constexpr std::size_t kAtOnce = 8;
constexpr auto kFetchingMax = 60s;
constexpr auto kTimeToSend = 1500ms;  // what a delivery needs after the waiting
constexpr auto kGivenUpAfter = 10min;
constexpr auto kGivenUpAfterOutage =
    2h;  // the customer's messages wait as long; WeChat keeps media three days
constexpr std::uint32_t kAttemptsAtLeast = 3;  // of an event that came late because IM was down
constexpr auto kNextLook = 50ms;

// Why media are impossible, as it is noted.
constexpr std::string_view kGone = "gone";
constexpr std::string_view kTooLarge = "too large";
constexpr std::string_view kNotAllowed = "not allowed";
constexpr std::string_view kOtherType = "type";
constexpr std::string_view kLate = "late";
constexpr std::string_view kNoRoom = "no room";  // never noted: there may be some soon

struct Words {
  std::string_view why, zh, en, ja;
};
constexpr std::array<Words, 6> kWords{{
    {kGone, "微信已不再提供", "WeChat does not have it any more", "WeChat にはもうありません"},
    {kTooLarge, "文件过大", "it is too large", "大きすぎます"},
    {kNotAllowed, "来源不在允许之列", "it lies on a host that may not be asked",
     "許可されていないホストにあります"},
    {kOtherType, "格式无法识别", "its format is not known", "形式が不明です"},
    {kNoRoom, "我们的磁盘空间不足", "there is no room on our disk", "こちらのディスクに空きがありません"},
    {kLate, "微信未能及时提供", "WeChat did not give it in time", "WeChat から時間内に取得できませんでした"},
}};

std::string words_for(std::string_view why, std::string_view locale) {
  const auto* found = kWords.begin();
  for (const auto& words : kWords) {
    if (words.why == why) found = &words;
  }
  if (locale == "en") return "(could not be fetched: " + std::string(found->en) + ")";
  if (locale == "ja") return "（取得できませんでした：" + std::string(found->ja) + "）";
  return "（未能取得：" + std::string(found->zh) + "）";
}

// What stands for a video whose first picture nobody could give: IM takes none without (reference: IM §3).
// 160 by 120 pixels, grey.
constexpr std::string_view kGreyPicture =
    "/9j/4AAQSkZJRgABAgAAAQABAAD/2wBDAAg+Pkk+SVVVVVVVVWRdZGhoaGRkZGRoaGhwcHCDg4NwcHBoaHBwfHyDg4+Tj4eHg4eT"
    "k5ubm7q6srLZ2eD/////xABLAAEBAAAAAAAAAAAAAAAAAAAABgEBAAAAAAAAAAAAAAAAAAAAABABAAAAAAAAAAAAAAAAAAAAABEB"
    "AAAAAAAAAAAAAAAAAAAAAP/AABEIAHgAoAMBIgACEQADEQD/2gAMAwEAAhEDEQA/AIMAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAH/2Q==";

json json_of(const media::Object& object) {
  return {{"hash", object.hash},
          {"bytes", object.bytes},
          {"format", media::extension(object.facts.format)},
          {"width", object.facts.width},
          {"height", object.facts.height},
          {"ms", object.facts.duration.count()}};
}

// Throws json::exception.
media::Object object_of(const json& noted) {
  media::Object object;
  object.hash = noted.at("hash").get<std::string>();
  object.bytes = noted.at("bytes").get<std::uint64_t>();
  object.facts.format = media::format_of_extension(noted.at("format").get<std::string>());
  object.facts.width = noted.at("width").get<std::uint32_t>();
  object.facts.height = noted.at("height").get<std::uint32_t>();
  object.facts.duration = Millis(noted.at("ms").get<std::int64_t>());
  return object;
}

std::string note_of(const media::Object& object, const std::optional<media::Object>& thumb,
                    Timestamp links_until) {
  json note{{"object", json_of(object)}, {"until", links_until.ms}};
  if (thumb) note["thumb"] = json_of(*thumb);
  return note.dump();
}
std::string note_of(std::string_view why) {
  return json{{"why", why}}.dump();
}

std::string_view why_of(media::Downloaded::Why why) {
  switch (why) {
    case media::Downloaded::Why::too_large:
      return kTooLarge;
    case media::Downloaded::Why::not_allowed:
      return kNotAllowed;
    case media::Downloaded::Why::gone:
    case media::Downloaded::Why::none:
      break;
  }
  return kGone;
}

bool fits(std::string_view kind, media::Format format) {
  if (kind == "image") return media::is_image(format);
  if (kind == "voice") return media::is_sound(format);
  return format == media::Format::mp4;
}

Answer not_now(std::string why) {
  Answer answer;
  answer.why = std::move(why);
  return answer;
}

Answer nothing_comes(std::string why) {
  auto answer = not_now(std::move(why));
  answer.nothing_comes = true;
  return answer;
}

// Takes nothing more once the relay stops, which ends the download.
class StoppableDraft : public media::Draft {
 public:
  StoppableDraft(std::unique_ptr<media::Draft> draft, std::stop_token stop)
      : draft_(std::move(draft)), stop_(std::move(stop)) {}

  bool write(std::string_view bytes) override { return !stop_.stop_requested() && draft_->write(bytes); }
  std::string path() const override { return draft_->path(); }
  Result<media::Object> keep() override { return draft_->keep(); }

 private:
  const std::unique_ptr<media::Draft> draft_;
  const std::stop_token stop_;
};

}  // namespace

struct CustomerMedia::Job {
  bool ended = false;  // guarded by mutex_
  Answer answer{};     // constant once it has ended
};

struct CustomerMedia::Wanted {
  std::string note_key;
  std::string kind;
  std::string media_id;
  std::string thumb_media_id;
};

Result<std::unique_ptr<CustomerMedia>> CustomerMedia::make(media::MediaStore& store, Fetch fetch,
                                                           std::optional<media::Converter> converter,
                                                           CustomerMediaOptions options,
                                                           ops::Metrics& metrics, Clocks clocks) {
  auto key = store.link_key();
  if (!key) return Error{key.error()};
  return std::unique_ptr<CustomerMedia>(new CustomerMedia(store, std::move(fetch), std::move(converter),
                                                          std::move(options), std::move(*key), metrics,
                                                          std::move(clocks)));
}

CustomerMedia::CustomerMedia(media::MediaStore& store, Fetch fetch, std::optional<media::Converter> converter,
                             CustomerMediaOptions options, std::string link_key, ops::Metrics& metrics,
                             Clocks clocks)
    : store_(store),
      fetch_(std::move(fetch)),
      converter_(std::move(converter)),
      options_(std::move(options)),
      link_key_(std::move(link_key)),
      metrics_(metrics),
      clocks_(std::move(clocks)),
      threads_(kAtOnce) {}

CustomerMedia::~CustomerMedia() {
  stopping_.request_stop();
  threads_.stop();
}

Answer CustomerMedia::get(const v1::Delivery& delivery, Timestamp deadline) {
  const auto& event = delivery.event();
  const auto& message = event.customer_message();
  const Timestamp accepted_at{event.accepted_at_ms()};
  const Wanted wanted{"wechat media/" + options_.app_id + "/" + message.media().media_id(), message.kind(),
                      message.media().media_id(), message.media().thumb_media_id()};

  if (const auto note = store_.noted(wanted.note_key, clocks_.wall())) {
    if (auto known = read(*note)) return *std::move(known);
    store_.forget_note(wanted.note_key);
  }
  const auto job = job_for(wanted);
  if (!wait_for(job, deadline - kTimeToSend)) return not_now("the media are being fetched");
  const auto& answer = job->answer;
  if (answer.kind != Answer::Kind::not_now || stopping_.stop_requested()) return answer;
  const Millis patience = answer.nothing_comes ? Millis(kGivenUpAfterOutage) : Millis(kGivenUpAfter);
  const bool is_late = clocks_.wall() - accepted_at >= patience && delivery.attempt() > kAttemptsAtLeast;
  if (!is_late) return answer;
  const auto given_up = noted(wanted, note_of(kLate));
  // Without a note, too: a disk that takes none must not hold the customer's messages for ever.
  return given_up.kind != Answer::Kind::not_now ? given_up : *read(note_of(kLate));
}

std::shared_ptr<CustomerMedia::Job> CustomerMedia::job_for(const Wanted& wanted) {
  const std::lock_guard lock(mutex_);
  auto& job = jobs_[wanted.note_key];
  if (!job) {
    job = std::make_shared<Job>();
    threads_.run([this, wanted, job = job] { work_on(wanted, job); });
  }
  return job;
}

bool CustomerMedia::wait_for(const std::shared_ptr<Job>& job, Timestamp until) {
  std::unique_lock lock(mutex_);
  if (job->ended || waiting_ >= options_.waiting_max) return job->ended;
  ++waiting_;
  while (!job->ended && clocks_.steady() < until) changed_.wait_for(lock, kNextLook);
  --waiting_;
  return job->ended;
}

void CustomerMedia::work_on(const Wanted& wanted, const std::shared_ptr<Job>& job) {
  auto answer = not_now("internal error while fetching media");
  try {
    answer = fetch(wanted);
  } catch (const std::exception& error) {
    log::error("a bug: fetching media threw", {{"what", error.what()}});
  }
  constexpr std::array<const char*, 3> kNames{"kept", "impossible", "not_now"};
  metrics_
      .counter("kefu_media_fetched_total", "Customers' media fetched from WeChat, by outcome",
               {{"kind", wanted.kind}, {"outcome", kNames[static_cast<std::size_t>(answer.kind)]}})
      .add();
  {
    const std::lock_guard lock(mutex_);
    job->answer = std::move(answer);
    job->ended = true;
    jobs_.erase(wanted.note_key);  // the note knows; of what was not now, the next attempt tries anew
  }
  changed_.notify_all();
}

Answer CustomerMedia::fetch(const Wanted& wanted) {
  if (stopping_.stop_requested()) return not_now("the relay stops");
  const auto deadline = clocks_.steady() + kFetchingMax;
  auto draft = store_.draft();
  if (!draft) return no_draft(draft.error());
  StoppableDraft into(std::move(*draft), stopping_.get_token());
  const auto fetched = fetch_(wanted.media_id, into, deadline);
  if (fetched.kind == Fetched::Kind::not_now) {
    const bool outage = fetched.outcome.kind == v1::OUTCOME_UNAVAILABLE;
    return outage ? nothing_comes(fetched.outcome.reason) : not_now(fetched.outcome.reason);
  }
  if (fetched.kind == Fetched::Kind::impossible) {
    log::debug("media cannot be fetched", {{"kind", wanted.kind}, {"why", fetched.reason}});
    return noted(wanted, note_of(why_of(fetched.why)));
  }
  // What is kept and noted from here on outlives its links.
  const auto until = clocks_.wall() + options_.keep;
  const auto kept = into.keep();
  if (!kept) return nothing_comes("KEFU_MEDIA_DIR: " + kept.error());
  if (!fits(wanted.kind, kept->facts.format)) {
    log::info("media are of another type than was told",
              {{"kind", wanted.kind}, {"is", media::extension(kept->facts.format)}});
    return noted(wanted, note_of(kOtherType));
  }
  if (wanted.kind == "image") return noted(wanted, note_of(*kept, {}, until));
  if (wanted.kind == "voice") return noted(wanted, note_of(playable(*kept, deadline), {}, until));
  const auto thumb = thumb_of(wanted, *kept, deadline);
  return thumb ? noted(wanted, note_of(*kept, thumb, until))
               : nothing_comes("KEFU_MEDIA_DIR: cannot be written");
}

// Browsers and most phones play no AMR.
media::Object CustomerMedia::playable(const media::Object& voice, Timestamp deadline) {
  const auto path = store_.path_of(voice.hash);
  if (!converter_ || !path || voice.facts.format == media::Format::mp3) return voice;
  auto mp3 = converter_->to_mp3(*path, voice.facts.format, store_, deadline, stopping_.get_token());
  if (mp3) return *std::move(mp3);
  log::warning("a voice goes to the agent as it is", {{"why", mp3.error()}});
  return voice;
}

// WeChat's own, else the beginning of the video, else a grey one. Nothing when the store takes none.
std::optional<media::Object> CustomerMedia::thumb_of(const Wanted& wanted, const media::Object& video,
                                                     Timestamp deadline) {
  const auto is_thumb = [](const Result<media::Object>& object) {
    return object &&
           (object->facts.format == media::Format::jpeg || object->facts.format == media::Format::png) &&
           object->facts.width > 0;
  };
  auto draft = store_.draft();
  if (!draft) return std::nullopt;
  if (!wanted.thumb_media_id.empty()) {
    StoppableDraft into(std::move(*draft), stopping_.get_token());
    if (fetch_(wanted.thumb_media_id, into, deadline).kind == Fetched::Kind::fetched) {
      if (const auto thumb = into.keep(); is_thumb(thumb)) return *thumb;
    }
    draft = store_.draft();
    if (!draft) return std::nullopt;
  }
  if (const auto path = store_.path_of(video.hash); converter_ && path) {
    const auto first =
        converter_->first_picture(*path, video.facts.format, store_, deadline, stopping_.get_token());
    if (is_thumb(first)) return *first;
  }
  (*draft)->write(base64_decode(kGreyPicture).value_or(""));
  const auto grey = (*draft)->keep();
  return grey ? std::optional(*grey) : std::nullopt;
}

Answer CustomerMedia::no_draft(const std::string& why) const {
  if (store_.has_room()) return nothing_comes("KEFU_MEDIA_DIR: " + why);
  metrics_
      .counter("kefu_media_no_room_total", "Customers' media not fetched because KEFU_MEDIA_DIR has no room")
      .add();
  return *read(note_of(kNoRoom));
}

Answer CustomerMedia::noted(const Wanted& wanted, const std::string& note) {
  const auto holds = store_.note(wanted.note_key, note, clocks_.wall() + options_.keep);
  if (!holds) return nothing_comes("KEFU_MEDIA_DIR: a note about media cannot be kept");
  return read(*holds).value_or(not_now("a note about media cannot be read"));
}

std::optional<Answer> CustomerMedia::read(const std::string& note) const {
  try {
    const auto noted = json::parse(note);
    Answer answer;
    if (noted.contains("why")) {
      answer.kind = Answer::Kind::impossible;
      answer.why = words_for(noted.at("why").get<std::string>(), options_.locale);
      return answer;
    }
    answer.kind = Answer::Kind::kept;
    answer.object = object_of(noted.at("object"));
    answer.links_until = Timestamp{noted.at("until").get<std::int64_t>()};
    if (noted.contains("thumb")) answer.thumb = object_of(noted.at("thumb"));
    return answer;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

std::string CustomerMedia::url_of(const media::Object& object, Timestamp until) const {
  auto url = options_.url;
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url + "/" + media::link_name(link_key_, object.hash, object.facts.format, until);
}

bool CustomerMedia::stop(Millis patience) {
  stopping_.request_stop();
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return jobs_.empty(); });
}

}  // namespace kefu::relay
