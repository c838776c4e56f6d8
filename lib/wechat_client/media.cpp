#include "lib/wechat_client/media.h"

#include <utility>

namespace kefu::wechat_client {
namespace {

using Kind = Fetched::Kind;
using Why = media::Downloaded::Why;
using wechat::ErrorClass;

constexpr std::uint64_t kBytesMax = Media::kBytesMax;

// A file on its way into a draft, and why it stopped.
struct Filling {
  media::Draft& into;
  std::uint64_t bytes = 0;
  bool too_large = false;
  bool not_stored = false;

  http::Sink sink() {
    return {[this](const http::AnswerHead& head) {
              too_large = head.content_length && *head.content_length > kBytesMax;
              return !too_large;
            },
            [this](std::string_view piece) {
              bytes += piece.size();
              too_large = bytes > kBytesMax;
              not_stored = !too_large && !into.write(piece);
              return !too_large && !not_stored;
            }};
  }
};

Fetched not_now(std::string reason) {
  auto outcome = work::failed(v1::OUTCOME_RETRY, v1::FAILURE_RETRY, reason);
  return {Kind::not_now, std::move(reason), std::move(outcome)};
}

Fetched impossible(Why why, std::string reason) {
  return {Kind::impossible, std::move(reason), {}, why};
}

}  // namespace

Media::Media(WechatApi& api, TokenCache& tokens, const media::Downloader& downloader)
    : api_(api), tokens_(tokens), downloader_(downloader) {}

Fetched Media::get(const std::string& media_id, media::Draft& into, Timestamp deadline) {
  Filling filling{into};
  std::string video_url;
  const auto call = call_with_token(tokens_, deadline, [&](const std::string& token) {
    auto got = api_.get_media(token, media_id, filling.sink(), deadline);
    video_url = std::move(got.video_url);
    return std::move(got.call);
  });
  if (filling.too_large)
    return impossible(Why::too_large, "it is larger than " + std::to_string(kBytesMax) + " bytes");
  if (filling.not_stored) return not_now("it cannot be stored");
  if (call.error_class == ErrorClass::dead) return impossible(Why::gone, call.outcome.reason);
  if (!call.ok()) return {Kind::not_now, call.outcome.reason, call.outcome};
  if (video_url.empty()) return {Kind::fetched};
  auto video = downloader_.fetch(video_url, into, kBytesMax, deadline);
  if (video.kind == media::Downloaded::Kind::fetched) return {Kind::fetched};
  if (video.kind == media::Downloaded::Kind::not_now) return not_now("the video: " + video.reason);
  return impossible(video.why, "the video: " + video.reason);
}

}  // namespace kefu::wechat_client
