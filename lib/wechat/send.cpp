#include "lib/wechat/send.h"

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "lib/base/json.h"

namespace kefu::wechat {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kDepthMax = 32;                  // PITFALLS: nlohmann/json, deep nesting
constexpr std::int64_t kShortestTokenS = 300;  // reference: WeChat §5, expires_in falls to no less

// Raw UTF-8; a stray bad byte must not throw.
std::string dumped(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<json> parse_object(std::string_view body) {
  auto parsed = parse_json(body, {kDepthMax});
  if (!parsed || !parsed->is_object()) return Error{"WeChat's answer is no JSON object"};
  return *std::move(parsed);
}

std::optional<std::int64_t> integer(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  if (found->is_number_unsigned() && found->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())
    return std::nullopt;
  if (found->is_number_integer()) return found->get<std::int64_t>();
  if (!found->is_string()) return std::nullopt;
  const auto& text = found->get_ref<const std::string&>();
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::string stable_token_body(std::string_view app_id, std::string_view secret, bool force_refresh) {
  return dumped({{"grant_type", "client_credential"},
                 {"appid", app_id},
                 {"secret", secret},
                 {"force_refresh", force_refresh}});
}

Result<TokenAnswer> parse_token_answer(std::string_view body) {
  const auto object = parse_object(body);
  if (!object) return Error{object.error()};
  const auto code = integer(*object, "errcode");
  TokenAnswer answer{code.value_or(0), text(*object, "errmsg"), text(*object, "access_token"), 0};
  if (answer.code != 0) return answer;
  if (answer.token.empty()) return Error{"WeChat's answer has neither a token nor an errcode"};
  answer.expires_in_s = integer(*object, "expires_in").value_or(kShortestTokenS);
  return answer;
}

std::string text_message_body(const OpenId& to, std::string_view content) {
  return dumped({{"touser", to.value}, {"msgtype", "text"}, {"text", {{"content", content}}}});
}

std::string image_message_body(const OpenId& to, std::string_view media_id) {
  return dumped({{"touser", to.value}, {"msgtype", "image"}, {"image", {{"media_id", media_id}}}});
}

std::string voice_message_body(const OpenId& to, std::string_view media_id) {
  return dumped({{"touser", to.value}, {"msgtype", "voice"}, {"voice", {{"media_id", media_id}}}});
}

std::string video_message_body(const OpenId& to, std::string_view media_id, std::string_view thumb_media_id) {
  ordered_json video = {{"media_id", media_id}};
  if (!thumb_media_id.empty()) video["thumb_media_id"] = thumb_media_id;
  return dumped({{"touser", to.value}, {"msgtype", "video"}, {"video", std::move(video)}});
}

std::string typing_body(const OpenId& to, bool stopped) {
  return dumped({{"touser", to.value}, {"command", stopped ? "CancelTyping" : "Typing"}});
}

Result<SendAnswer> parse_send_answer(std::string_view body) {
  const auto object = parse_object(body);
  if (!object) return Error{object.error()};
  const auto code = integer(*object, "errcode");
  if (!code) return Error{"WeChat's answer has no errcode"};
  return SendAnswer{*code, text(*object, "errmsg")};
}

Result<UploadAnswer> parse_upload_answer(std::string_view body) {
  const auto object = parse_object(body);
  if (!object) return Error{object.error()};
  UploadAnswer answer{integer(*object, "errcode").value_or(0), text(*object, "errmsg"),
                      text(*object, "media_id")};
  if (answer.media_id.empty()) answer.media_id = text(*object, "thumb_media_id");
  if (answer.code == 0 && answer.media_id.empty())
    return Error{"WeChat's answer has neither a media id nor an errcode"};
  return answer;
}

Result<MediaAnswer> parse_media_answer(std::string_view body) {
  const auto object = parse_object(body);
  if (!object) return Error{object.error()};
  MediaAnswer answer{integer(*object, "errcode").value_or(0), text(*object, "errmsg"),
                     text(*object, "video_url")};
  if (answer.code == 0 && answer.video_url.empty())
    return Error{"WeChat's answer has neither a video's URL nor an errcode"};
  return answer;
}

}  // namespace kefu::wechat
