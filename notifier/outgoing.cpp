#include "notifier/outgoing.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <fstream>
#include <iterator>
#include <utility>

#include "lib/base/digest.h"
#include "lib/base/limits.h"
#include "lib/base/utf8.h"
#include "lib/media/links.h"
#include "lib/wechat/card.h"
#include "lib/wechat/send.h"

namespace kefu::notifier {
namespace {

using namespace std::chrono_literals;
using media::Format;
using media::Object;
using wechat::ErrorClass;
using wechat_client::MediaType;
using Why = media::Downloaded::Why;
using As = MediaPart::As;

// reference: WeChat §7.1
constexpr std::uint64_t kImageBytesMax = 10 << 20;
constexpr std::uint64_t kVoiceBytesMax = 2 << 20;
constexpr std::uint64_t kVideoBytesMax = 10 << 20;
constexpr std::uint64_t kThumbBytesMax = 64 << 10;
constexpr Millis kVoiceMax = 60s;
constexpr Millis kUploadGood = 68h;  // WeChat keeps it for three days

constexpr std::uint64_t kFetchedBytesMax = 20 << 20;  // what is larger can only be a link
constexpr Millis kFetchedGood = 24h;
constexpr auto kLeastTime = 1000ms;  // with less left nothing is begun
constexpr Millis kUntilKnown = 3s;   // an id may be given out before all of WeChat knows it
constexpr int kTriesMax = 3;         // that fail for now; after that it goes without
constexpr std::size_t kLabelBytesMax = 200;
constexpr std::size_t kHrefBytesMax = 1600;

std::string fetched_note(const std::string& url) {
  return "im file/" + url;
}

bool is_picture(Format format) {
  return format == Format::jpeg || format == Format::png || format == Format::gif;
}

bool fits_voice(const Object& object) {
  return (object.facts.format == Format::amr || object.facts.format == Format::mp3) &&
         object.bytes <= kVoiceBytesMax && object.facts.duration <= kVoiceMax;
}

// As what WeChat takes it, of what it is by its own bytes; nothing when it takes none of it.
std::optional<MediaType> type_of(As as, const Object& object) {
  const bool file = as == As::file;
  if ((file || as == As::image) && is_picture(object.facts.format) && object.bytes <= kImageBytesMax)
    return MediaType::image;
  if ((file || as == As::sound) && fits_voice(object)) return MediaType::voice;
  if ((file || as == As::video) && object.facts.format == Format::mp4 && object.bytes <= kVideoBytesMax)
    return MediaType::video;
  return std::nullopt;
}

std::string why_not(Why why, const Words& words) {
  switch (why) {
    case Why::not_allowed:
      return std::string(words.not_allowed);
    case Why::too_large:
      return filled(words.too_large, "{limit}", shown_size(kImageBytesMax));
    case Why::gone:
      return std::string(words.gone);
    case Why::none:
      return std::string(words.slow);
  }
  return std::string(words.gone);
}

Prepared message(std::string body) {
  Prepared made;
  made.kind = Prepared::Kind::message;
  made.body = std::move(body);
  return made;
}

Prepared not_taken(std::string_view what, std::string_view why) {
  Prepared made;
  made.kind = Prepared::Kind::left_out;
  made.left_out = left_out(what, why);
  return made;
}

work::Outcome retry(std::string reason) {
  return work::failed(v1::OUTCOME_RETRY, v1::FAILURE_ELSEWHERE, std::move(reason));
}

Prepared failed(work::Outcome outcome) {
  Prepared made;
  made.outcome = std::move(outcome);
  return made;
}

// Nothing was tried, so nothing counts as such.
Prepared no_time() {
  return failed(retry("no time left to carry over what the agent has sent"));
}

// "1 <hash> <bytes> <extension> <ms>"
std::string written(const Object& object) {
  return "1 " + object.hash + " " + std::to_string(object.bytes) + " " +
         std::string(media::extension(object.facts.format)) + " " +
         std::to_string(object.facts.duration.count());
}

std::optional<Object> read_object(std::string_view text) {
  std::array<std::string_view, 5> words;
  for (auto& word : words) {
    const auto end = std::min(text.find(' '), text.size());
    word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  Object object;
  std::int64_t ms = 0;
  object.hash = words[1];
  object.facts.format = media::format_of_extension(words[3]);
  const auto read = [](std::string_view word, auto& into) {
    return std::from_chars(word.data(), word.data() + word.size(), into).ec == std::errc();
  };
  if (words[0] != "1" || !read(words[2], object.bytes) || !read(words[4], ms)) return std::nullopt;
  object.facts.duration = Millis(ms);
  return object;
}

}  // namespace

Outgoing::Outgoing(wechat_client::WechatApi& api, wechat_client::TokenCache& tokens,
                   const media::Downloader& downloader, media::MediaStore& store,
                   std::optional<media::Converter> converter, const Words& words, OutgoingOptions options,
                   std::function<Timestamp()> now)
    : api_(api),
      tokens_(tokens),
      downloader_(downloader),
      store_(store),
      converter_(std::move(converter)),
      words_(words),
      options_(std::move(options)),
      now_(std::move(now)) {}

Prepared Outgoing::prepare(const MediaPart& part, const Of& of, Timestamp deadline) {
  const auto name = name_of(part, words_);
  if (part.file.bytes() > kFetchedBytesMax)
    return instead(part, of, nullptr, filled(words_.too_large, "{limit}", shown_size(kImageBytesMax)));
  if (too_late(deadline)) return no_time();
  auto here = fetch(part.file.url(), kFetchedBytesMax, deadline);
  if (!here.ok && here.why == Why::too_large) return instead(part, of, nullptr, why_not(here.why, words_));
  if (!here.ok && here.why != Why::none) return not_taken(name, why_not(here.why, words_));
  if (!here.ok)
    return failed_for_now(of, retry("cannot fetch what the agent has sent: " + here.reason),
                          [&] { return instead(part, of, nullptr, std::string(words_.slow)); });

  if (part.as == As::sound && media::is_sound(here.object.facts.format) && !fits_voice(here.object)) {
    if (const auto mp3 = as_mp3(here.object, deadline); mp3.ok) here.object = mp3.object;
  }
  if (const auto type = type_of(part.as, here.object))
    return upload_and_say(part, of, *type, here.object, deadline);
  const bool too_large = part.as == As::image && is_picture(here.object.facts.format);
  return instead(part, of, &here.object,
                 too_large ? filled(words_.too_large, "{limit}", shown_size(kImageBytesMax))
                           : filled(words_.wrong_format, "{formats}", "JPEG, PNG, GIF"));
}

Prepared Outgoing::upload_and_say(const MediaPart& part, const Of& of, MediaType type, const Object& object,
                                  Timestamp deadline) {
  if (too_late(deadline)) return no_time();
  const auto uploaded = upload(type, object, deadline);
  const auto& outcome = uploaded.call.outcome;
  if (uploaded.call.error_class == ErrorClass::dead)
    return instead(part, of, &object, filled(words_.refused, "{code}", std::to_string(outcome.code)));
  if (!uploaded.call.ok())
    return not_uploaded(of, uploaded.call,
                        [&] { return as_link(part, of, &object, std::string(words_.slow)); });
  if (type == MediaType::image)
    return naming(wechat::image_message_body(of.customer, uploaded.media_id), {uploaded});
  if (type == MediaType::voice)
    return naming(wechat::voice_message_body(of.customer, uploaded.media_id), {uploaded});
  const auto thumb = thumb_of(part, object, deadline);
  if (!thumb) return naming(wechat::video_message_body(of.customer, uploaded.media_id, ""), {uploaded});
  return naming(wechat::video_message_body(of.customer, uploaded.media_id, thumb->media_id),
                {uploaded, *thumb});
}

Prepared Outgoing::prepare(const CardPart& part, const Of& of, Timestamp deadline) {
  const auto card = wechat::parse_card(part.type, part.json);
  if (!card) return not_taken(words_.card, filled(words_.card_problem, "{problem}", card.error()));
  if (card->thumb_url.empty()) return message(wechat::card_message_body(of.customer, *card, ""));

  if (too_late(deadline)) return no_time();
  const auto picture = fetch(card->thumb_url, kThumbBytesMax, deadline);
  const auto given_up = [&] { return not_taken(words_.card, words_.slow); };
  if (!picture.ok && picture.why == Why::none)
    return failed_for_now(of, retry("cannot fetch the picture of a card: " + picture.reason), given_up);
  if (!picture.ok && picture.why == Why::too_large)
    return not_taken(words_.card, filled(words_.too_large, "{limit}", shown_size(kThumbBytesMax)));
  if (!picture.ok) return not_taken(words_.card, why_not(picture.why, words_));
  if (picture.object.facts.format != Format::jpeg)
    return not_taken(words_.card, filled(words_.wrong_format, "{formats}", "JPEG"));

  if (too_late(deadline)) return no_time();
  const auto thumb = upload(MediaType::thumb, picture.object, deadline);
  const auto& outcome = thumb.call.outcome;
  if (thumb.call.ok()) return naming(wechat::card_message_body(of.customer, *card, thumb.media_id), {thumb});
  if (thumb.call.error_class == ErrorClass::dead)
    return not_taken(words_.card, filled(words_.refused, "{code}", std::to_string(outcome.code)));
  return not_uploaded(of, thumb.call, given_up);
}

bool Outgoing::too_late(Timestamp deadline) const {
  return deadline - now_() < kLeastTime;
}

Prepared Outgoing::naming(std::string body, const std::vector<Id>& ids) {
  auto made = message(std::move(body));
  for (const auto& id : ids) {
    if (!id.is_new) made.noted.push_back(id.note);
    made.uploaded = made.uploaded || id.is_new;
  }
  return made;
}

Prepared Outgoing::without_refused(const MediaPart& part, const Of& of, const Prepared& refused,
                                   Timestamp deadline) {
  for (const auto& note : refused.noted) store_.forget_note(note);
  if (!refused.uploaded) return prepare(part, of, deadline);
  return not_known_yet(of, [&] {
    const auto object = kept(fetched_note(part.file.url()));
    return as_link(part, of, object ? &*object : nullptr, unknown_id_words());
  });
}

Prepared Outgoing::without_refused(const CardPart& part, const Of& of, const Prepared& refused,
                                   Timestamp deadline) {
  for (const auto& note : refused.noted) store_.forget_note(note);
  if (!refused.uploaded) return prepare(part, of, deadline);
  return not_known_yet(of, [&] { return not_taken(words_.card, unknown_id_words()); });
}

Prepared Outgoing::not_known_yet(const Of& of, const std::function<Prepared()>& at_last) {
  auto again = retry("WeChat custom/send 40007: it does not know yet what it has just been given");
  again.after = kUntilKnown;
  again.code = 40007;
  return failed_for_now(of, std::move(again), at_last);
}

std::string Outgoing::unknown_id_words() const {
  return filled(words_.refused, "{code}", "40007");
}

Outgoing::Here Outgoing::fetch(const std::string& url, std::uint64_t bytes_max, Timestamp deadline) {
  const auto note = fetched_note(url);
  if (auto object = kept(note)) {
    if (object->bytes > bytes_max) return {{}, false, Why::too_large, {}};
    return {std::move(*object), true, Why::none, {}};
  }
  if (const auto name = own_link_name(url)) {
    auto here = own(*name);
    if (here.ok && here.object.bytes > bytes_max) return {{}, false, Why::too_large, {}};
    return here;
  }
  const auto until = std::min(deadline, now_() + limits::kHttpDeadline);
  auto draft = store_.draft();
  if (!draft) return {{}, false, Why::none, draft.error()};
  auto got = downloader_.fetch(url, **draft, bytes_max, until);
  if (got.kind == media::Downloaded::Kind::impossible) return {{}, false, got.why, std::move(got.reason)};
  if (got.kind == media::Downloaded::Kind::not_now) return {{}, false, Why::none, std::move(got.reason)};
  auto object = (*draft)->keep();
  if (!object) return {{}, false, Why::none, object.error()};
  store_.note(note, written(*object), now_() + kFetchedGood);
  return {std::move(*object), true, Why::none, {}};
}

std::optional<std::string_view> Outgoing::own_link_name(std::string_view url) const {
  const std::string_view below = options_.media_url;
  if (below.empty() || !url.starts_with(below)) return std::nullopt;
  url.remove_prefix(below.size());
  if (below.ends_with('/')) return url;
  if (!url.starts_with('/')) return std::nullopt;
  return url.substr(1);
}

Outgoing::Here Outgoing::own(std::string_view link_name) {
  const auto key = store_.link_key();
  if (!key) return {{}, false, Why::none, key.error()};
  const auto linked = media::read_link_name(*key, link_name, now_());
  const auto path = linked ? store_.path_of(linked->hash) : std::nullopt;
  if (!path) return {{}, false, Why::gone, {}};
  std::ifstream file(*path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file || bytes.empty()) return {{}, false, Why::none, "the file cannot be read"};
  return {{linked->hash, bytes.size(), media::facts_of(bytes)}, true, Why::none, {}};
}

Outgoing::Here Outgoing::as_mp3(const Object& sound, Timestamp deadline) {
  if (sound.facts.duration > kVoiceMax) return {};
  return converted("mp3 of/" + sound.hash, sound, [&](const std::string& path) {
    return converter_->to_mp3(path, sound.facts.format, store_, deadline - kLeastTime);
  });
}

Outgoing::Here Outgoing::first_picture(const Object& video, Timestamp deadline) {
  return converted("first picture of/" + video.hash, video, [&](const std::string& path) {
    return converter_->first_picture(path, video.facts.format, store_, deadline - kLeastTime);
  });
}

Outgoing::Here Outgoing::converted(const std::string& note, const Object& from,
                                   const std::function<Result<Object>(const std::string& path)>& convert) {
  if (auto object = kept(note)) return {std::move(*object), true, Why::none, {}};
  const auto path = store_.path_of(from.hash);
  if (!converter_ || !path) return {};
  auto object = convert(*path);
  if (!object) return {{}, false, Why::none, object.error()};
  store_.note(note, written(*object), now_() + kFetchedGood);
  return {std::move(*object), true, Why::none, {}};
}

// What the note names, while the store has it.
std::optional<Object> Outgoing::kept(const std::string& note) {
  const auto noted = store_.noted(note, now_());
  if (!noted) return std::nullopt;
  auto object = read_object(*noted);
  if (object && store_.path_of(object->hash)) return object;
  store_.forget_note(note);
  return std::nullopt;
}

Outgoing::Id Outgoing::upload(MediaType type, const Object& object, Timestamp deadline) {
  Id id;
  id.note =
      "wechat upload/" + options_.app_id + "/" + std::string(wechat_client::name(type)) + "/" + object.hash;
  id.call = {ErrorClass::ok, work::done()};
  if (auto noted = store_.noted(id.note, now_())) {
    id.media_id = std::move(*noted);
    return id;
  }
  const auto path = store_.path_of(object.hash);
  if (!path) {
    id.call = {ErrorClass::retry, retry("what was fetched is gone from the media folder")};
    return id;
  }
  const auto format = object.facts.format;
  const http::FilePart file{{},
                            object.hash.substr(0, 16) + "." + std::string(media::extension(format)),
                            std::string(media::mime_type(format)),
                            *path};
  id.call = wechat_client::call_with_token(tokens_, deadline, [&](const std::string& token) {
    auto uploaded = api_.upload_media(token, type, file, deadline);
    id.media_id = std::move(uploaded.media_id);
    return std::move(uploaded.call);
  });
  if (id.call.ok()) {
    id.media_id = store_.note(id.note, id.media_id, now_() + kUploadGood).value_or(id.media_id);
    id.is_new = true;
  }
  return id;
}

std::optional<Outgoing::Id> Outgoing::thumb_of(const MediaPart& part, const Object& video,
                                               Timestamp deadline) {
  const auto fits = [](const Here& picture) {
    return picture.ok && picture.object.facts.format == Format::jpeg &&
           picture.object.bytes <= kThumbBytesMax;
  };
  Here picture;
  if (!part.thumb.url().empty()) picture = fetch(part.thumb.url(), kThumbBytesMax, deadline);
  if (!fits(picture)) picture = first_picture(video, deadline);
  if (!fits(picture)) return std::nullopt;
  auto id = upload(MediaType::thumb, picture.object, deadline);
  if (!id.call.ok()) return std::nullopt;
  return id;
}

Prepared Outgoing::instead(const MediaPart& part, const Of& of, const Object* object,
                           const std::string& why_not) {
  if (part.as == As::image) return not_taken(name_of(part, words_), why_not);
  return as_link(part, of, object, why_not);
}

Prepared Outgoing::as_link(const MediaPart& part, const Of& of, const Object* object,
                           const std::string& why_not) {
  const auto name = name_of(part, words_);
  if (!own_link_name(part.file.url()) && !downloader_.may_fetch(part.file.url()))
    return not_taken(name, words_.not_allowed);
  // Of what we do not know IM tells the browser more: its name and type.
  auto url = part.file.url();
  const bool hosted = object != nullptr && object->facts.format != Format::unknown &&
                      !options_.media_url.empty() &&
                      store_.keep_on(object->hash);  // as long as the link holds
  if (const auto key = hosted ? store_.link_key() : Result<std::string>(Error{}); key) {
    url = options_.media_url + (options_.media_url.ends_with('/') ? "" : "/") +
          media::link_name(*key, object->hash, object->facts.format, of.accepted_at + options_.keep);
  }
  const auto size = shown_size(object != nullptr ? object->bytes : part.file.bytes());
  const auto label = split_utf8(part.file.name().empty() ? words_.open : part.file.name(), kLabelBytesMax);
  if (url.size() > kHrefBytesMax) return not_taken(name, why_not);
  auto text = std::string(name) + " " + link(url, label.front());
  if (!size.empty()) text += " (" + size + ")";
  return message(wechat::text_message_body(of.customer, text));
}

Prepared Outgoing::not_uploaded(const Of& of, const wechat_client::WechatCall& call,
                                const std::function<Prepared()>& at_last) {
  const auto& outcome = call.outcome;
  const bool of_account = call.without_token || outcome.failure == v1::FAILURE_CREDENTIALS ||
                          outcome.failure == v1::FAILURE_CONFIGURATION;
  if (of_account) return failed(outcome);
  auto again = retry(outcome.reason);
  again.code = outcome.code;
  return failed_for_now(of, std::move(again), at_last);
}

Prepared Outgoing::failed_for_now(const Of& of, work::Outcome outcome,
                                  const std::function<Prepared()>& at_last) {
  return gives_up(of) ? at_last() : failed(std::move(outcome));
}

// Counted in the store, so that it holds for all notifiers and over a restart. What cannot be counted would
// be tried for ever.
bool Outgoing::gives_up(const Of& of) {
  const auto mine = random_hex(8);
  const auto key = "notifier tried/" + of.customer.value + "/" + std::to_string(of.accepted_at.ms) + "/" +
                   std::to_string(of.part) + "/";
  for (int tried = 1; tried < kTriesMax; ++tried) {
    if (store_.note(key + std::to_string(tried), mine, now_() + kFetchedGood) == mine) return false;
  }
  return true;
}

}  // namespace kefu::notifier
