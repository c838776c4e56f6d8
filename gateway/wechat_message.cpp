#include "gateway/wechat_message.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

namespace kefu {
namespace {

std::string field(const wechat::Push& push, std::string_view name) {
  return std::string(push.field(name));
}

std::optional<double> degrees(std::string_view text, double most) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = problem == std::errc{} && end == text.data() + text.size() && !text.empty();
  if (!whole || !(std::abs(value) <= most)) return std::nullopt;
  return value;
}

std::uint64_t whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc{} && end == text.data() + text.size() ? value : 0;
}

// "512 B", "51.5 KB"; empty for none.
std::string readable_size(std::uint64_t bytes) {
  if (bytes == 0) return "";
  constexpr std::array<std::string_view, 4> kUnits{"B", "KB", "MB", "GB"};
  auto tenths = bytes * 10;
  std::size_t unit = 0;
  for (; tenths >= 10240 && unit + 1 < kUnits.size(); ++unit) tenths = (tenths + 512) / 1024;
  std::string text = std::to_string(tenths / 10);
  if (tenths % 10 != 0) text += "." + std::to_string(tenths % 10);
  return "(" + text + " " + std::string(kUnits[unit]) + ")";
}

bool is_video(const std::string& type) {
  return type == "video" || type == "shortvideo";
}

void set_media(const wechat::Push& push, v1::CustomerMessage& message) {
  const auto media_id = field(push, "MediaId");
  const auto picture = push.type == "image" ? field(push, "PicUrl") : "";
  if (media_id.empty() && picture.empty()) return;
  auto& media = *message.mutable_media();
  media.set_media_id(media_id);
  media.set_picture_url(picture);
  if (is_video(push.type)) media.set_thumb_media_id(field(push, "ThumbMediaId"));
  if (push.type == "voice") media.set_format(field(push, "Format"));
}

// Location_X is the latitude (reference: WeChat §3.2).
void set_location(const wechat::Push& push, v1::CustomerMessage& message) {
  const auto latitude = degrees(push.field("Location_X"), 90);
  const auto longitude = degrees(push.field("Location_Y"), 180);
  if (!latitude || !longitude) return;
  auto& location = *message.mutable_location();
  location.set_latitude(*latitude);
  location.set_longitude(*longitude);
  location.set_description(field(push, "Label"));
}

void set_link(const wechat::Push& push, v1::CustomerMessage& message) {
  auto& link = *message.mutable_link();
  link.set_title(field(push, "Title"));
  link.set_description(field(push, "Description"));
  link.set_url(field(push, "Url"));
}

void set_file(const wechat::Push& push, v1::CustomerMessage& message) {
  auto& file = *message.mutable_file();
  file.set_name(field(push, "Title"));
  file.set_description(field(push, "Description"));
  file.set_bytes(whole_number(push.field("FileTotalLen")));
  file.set_md5(field(push, "FileMd5"));
}

void set_mini_program_page(const wechat::Push& push, v1::CustomerMessage& message) {
  auto& page = *message.mutable_mini_program_page();
  page.set_title(field(push, "Title"));
  page.set_app_id(field(push, "AppId"));
  page.set_path(field(push, "PagePath"));
  page.set_thumb_url(field(push, "ThumbUrl"));
  page.set_thumb_media_id(field(push, "ThumbMediaId"));
}

}  // namespace

std::string message_type_of(const wechat::Push& push) {
  const bool placeholder = push.type == "text" && (push.content == "【收到不支持的消息类型，暂无法显示】" ||
                                                   push.content == "[Unsupported Message]");
  return placeholder ? "unsupported" : push.type;
}

bool is_known_message_type(const std::string& type) {
  constexpr std::array<std::string_view, 8> kTypes{"image",    "voice", "video", "shortvideo",
                                                   "location", "link",  "file",  "miniprogrampage"};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

v1::CustomerMessage content_of(const wechat::Push& push) {
  v1::CustomerMessage message;
  if (push.type == "image" || push.type == "voice" || is_video(push.type)) set_media(push, message);
  if (push.type == "location") set_location(push, message);
  if (push.type == "link") set_link(push, message);
  if (push.type == "file") set_file(push, message);
  if (push.type == "miniprogrampage") set_mini_program_page(push, message);
  return message;
}

std::string readable_note(const wechat::Push& push, const Texts& texts) {
  if (push.type == "image") return joined({texts.image, push.field("PicUrl")});
  if (push.type == "voice") return joined({texts.voice, push.field("Recognition")});
  if (is_video(push.type)) return std::string(texts.video);
  if (push.type == "location") {
    return joined(
        {texts.location, push.field("Label"), point(push.field("Location_X"), push.field("Location_Y"))});
  }
  if (push.type == "link")
    return joined({texts.link, push.field("Title"), push.field("Description"), push.field("Url")});
  if (push.type == "file") {
    return joined({texts.file, push.field("Title"), readable_size(whole_number(push.field("FileTotalLen"))),
                   push.field("Description")});
  }
  if (push.type == "miniprogrampage")
    return joined({texts.mini_program, push.field("Title"), push.field("AppId"), push.field("PagePath")});
  return joined({texts.unknown, push.type});
}

}  // namespace kefu
