// Passive replies: the body of the answer to a push (reference: WeChat §4).
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/wechat/push.h"

namespace kefu::wechat {

// Media ids are of material uploaded before; what may be empty is left out of the XML.
struct TextReply {
  std::string text;
};
struct ImageReply {
  std::string media_id;
};
struct VoiceReply {
  std::string media_id;
};
struct VideoReply {
  std::string media_id;
  std::string title;        // may be empty
  std::string description;  // may be empty
};
struct MusicReply {
  std::string title;  // may be empty, and so the next three
  std::string description;
  std::string music_url;
  std::string hq_music_url;
  std::string thumb_media_id;
};
struct Article {
  std::string title;
  std::string description;
  std::string picture_url;
  std::string url;
};
// One article in answer to a message, up to 8 to an event; more are shown to nobody.
struct NewsReply {
  std::vector<Article> articles;
};
using Reply = std::variant<TextReply, ImageReply, VoiceReply, VideoReply, MusicReply, NewsReply>;

// To the sender of `push`, from the account, with the push's CreateTime: the same push gets the same bytes.
// `]]>` in a text is split, bytes that are no UTF-8 are replaced.
std::string reply_xml(const Push& push, const Reply& reply);
std::string text_reply(const Push& push, std::string_view text);

}  // namespace kefu::wechat
