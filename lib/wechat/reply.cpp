#include "lib/wechat/reply.h"

#include "lib/base/utf8.h"
#include "lib/wechat/xml.h"

namespace kefu::wechat {
namespace {

std::string element(std::string_view name, std::string_view inner) {
  std::string xml = "<";
  xml.append(name).append(">").append(inner).append("</").append(name).append(">");
  return xml;
}

std::string text(std::string_view name, std::string_view value) {
  return element(name, cdata(clean_utf8(value)));
}

std::string text_if_any(std::string_view name, std::string_view value) {
  return value.empty() ? "" : text(name, value);
}

// The elements after MsgType, and before it its name.
struct Body {
  std::string_view type;
  std::string xml;
};

Body body_of(const TextReply& reply) {
  return {"text", text("Content", reply.text)};
}
Body body_of(const ImageReply& reply) {
  return {"image", element("Image", text("MediaId", reply.media_id))};
}
Body body_of(const VoiceReply& reply) {
  return {"voice", element("Voice", text("MediaId", reply.media_id))};
}
Body body_of(const VideoReply& reply) {
  return {"video", element("Video", text("MediaId", reply.media_id) + text_if_any("Title", reply.title) +
                                        text_if_any("Description", reply.description))};
}
Body body_of(const MusicReply& reply) {
  return {"music",
          element("Music", text_if_any("Title", reply.title) + text_if_any("Description", reply.description) +
                               text_if_any("MusicUrl", reply.music_url) +
                               text_if_any("HQMusicUrl", reply.hq_music_url) +
                               text("ThumbMediaId", reply.thumb_media_id))};
}
Body body_of(const NewsReply& reply) {
  std::string items;
  for (const auto& article : reply.articles) {
    items += element("item", text("Title", article.title) + text("Description", article.description) +
                                 text("PicUrl", article.picture_url) + text("Url", article.url));
  }
  return {"news",
          element("ArticleCount", std::to_string(reply.articles.size())) + element("Articles", items)};
}

}  // namespace

std::string reply_xml(const Push& push, const Reply& reply) {
  const auto body = std::visit([](const auto& one) { return body_of(one); }, reply);
  return element("xml", text("ToUserName", push.from_user.value) + text("FromUserName", push.to_user) +
                            element("CreateTime", std::to_string(push.create_time)) +
                            text("MsgType", body.type) + body.xml);
}

std::string text_reply(const Push& push, std::string_view text) {
  return reply_xml(push, TextReply{std::string(text)});
}

}  // namespace kefu::wechat
