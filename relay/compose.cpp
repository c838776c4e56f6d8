#include "relay/compose.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "lib/base/limits.h"
#include "lib/base/utf8.h"

namespace kefu::relay {
namespace {

using nlohmann::ordered_json;

// IM takes 12 K in a message, and a card says most of what it has twice (reference: IM §2.5, code 93000).
constexpr std::size_t kCardBytesMax = 8000;
constexpr std::size_t kLabelBytesMax = 1000;

v1::Element text_element(std::string text) {
  v1::Element element;
  element.set_text(std::move(text));
  return element;
}

std::vector<Elements> texts(const std::string& text) {
  std::vector<Elements> messages;
  for (auto& part : split_utf8(text, limits::kImTextBytesMax))
    messages.push_back({text_element(std::move(part))});
  return messages;
}

// The same, for people and for programs.
std::vector<Elements> text_and_card(const std::string& text, std::string_view type,
                                    const ordered_json& said) {
  auto json = said.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  if (text.empty() || text.size() + json.size() > kCardBytesMax) return texts(text);
  v1::Element card;
  card.mutable_card()->set_type(std::string(type));
  card.mutable_card()->set_json(std::move(json));
  return {{text_element(text), std::move(card)}};
}

std::vector<Elements> location(const v1::Location& where) {
  v1::Element element;
  *element.mutable_location() = where;
  auto label = split_utf8(where.description(), kLabelBytesMax);
  element.mutable_location()->set_description(label.empty() ? "" : std::move(label.front()));
  return {{std::move(element)}};
}

ordered_json said_by(const v1::Link& link) {
  return {{"title", link.title()}, {"description", link.description()}, {"url", link.url()}};
}
ordered_json said_by(const v1::WechatFile& file) {
  return {{"name", file.name()},
          {"description", file.description()},
          {"bytes", file.bytes()},
          {"md5", file.md5()}};
}
ordered_json said_by(const v1::MiniProgramPage& page) {
  return {{"title", page.title()},
          {"appid", page.app_id()},
          {"pagepath", page.path()},
          {"thumb_url", page.thumb_url()}};
}

v1::MediaFile file_of(const media::Object& object, const UrlOf& url_of) {
  v1::MediaFile file;
  file.set_url(url_of(object));
  file.set_uuid(object.hash);
  file.set_bytes(object.bytes);
  file.set_width(object.facts.width);
  file.set_height(object.facts.height);
  file.set_seconds(static_cast<std::uint32_t>((object.facts.duration.count() + 999) / 1000));
  return file;
}

}  // namespace

std::vector<Elements> composed(const v1::CustomerMessage& message) {
  switch (message.content_case()) {
    case v1::CustomerMessage::kLocation:
      return location(message.location());
    case v1::CustomerMessage::kLink:
      return text_and_card(message.text(), "link", said_by(message.link()));
    case v1::CustomerMessage::kFile:
      return text_and_card(message.text(), "file", said_by(message.file()));
    case v1::CustomerMessage::kMiniProgramPage:
      return text_and_card(message.text(), "miniprogrampage", said_by(message.mini_program_page()));
    case v1::CustomerMessage::kMedia:
    case v1::CustomerMessage::CONTENT_NOT_SET:
      break;
  }
  return texts(message.text());
}

std::vector<Elements> composed(const v1::CustomerMessage& message, const CustomerMediaAnswer& media,
                               const UrlOf& url_of) {
  if (media.kind == CustomerMediaAnswer::Kind::impossible)
    return texts(message.text() + (message.text().empty() ? "" : "\n") + media.why);
  v1::Element element;
  if (media.thumb) {
    *element.mutable_video()->mutable_video() = file_of(media.object, url_of);
    *element.mutable_video()->mutable_thumb() = file_of(*media.thumb, url_of);
  } else if (media::is_sound(media.object.facts.format)) {
    *element.mutable_sound() = file_of(media.object, url_of);
  } else {
    *element.mutable_image() = file_of(media.object, url_of);
  }
  return {{std::move(element)}};
}

}  // namespace kefu::relay
