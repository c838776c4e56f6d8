#include "notifier/parts.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "lib/base/limits.h"
#include "lib/base/utf8.h"
#include "lib/http/client.h"

namespace kefu::notifier {
namespace {

constexpr std::size_t kFaceBytesMax = 64;

// What people would read: WeChat's own codes (/::), [微笑]) and emoji; not the names of pictures that only
// the agent's client has.
bool reads_as_text(std::string_view face) {
  if (face.empty() || face.size() > kFaceBytesMax) return false;
  if (face.starts_with("/:")) return true;
  const bool beyond_ascii = std::any_of(face.begin(), face.end(), [](char c) { return c < 0; });
  return beyond_ascii && std::none_of(face.begin(), face.end(), [](char c) { return c >= 0 && c < ' '; });
}

std::string coordinate(double degrees) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f", degrees);
  return text;
}

// A marker on Tencent's map, which opens in WeChat.
std::string text_of(const v1::Location& location, const Words& words) {
  const auto place = coordinate(location.latitude()) + "," + coordinate(location.longitude());
  const auto& label = location.description().empty() ? place : location.description();
  const auto url = "https://apis.map.qq.com/uri/v1/marker?marker=coord:" + place +
                   ";title:" + http::percent_encode(label) + "&referer=kefu-bridge";
  return std::string(words.location) + " " + link(url, label);
}

std::string text_of(const v1::Merged& merged, const Words& words) {
  std::string text(words.merged);
  if (!merged.title().empty()) text += " " + merged.title();
  for (const auto& line : merged.lines()) text += "\n" + line;
  return text;
}

class Collector {
 public:
  explicit Collector(const Words& words) : words_(words) {}

  void take(const v1::Element& element) {
    switch (element.content_case()) {
      case v1::Element::kText:
        text_ += element.text();
        break;
      case v1::Element::kFace:
        text_ += reads_as_text(element.face().data()) ? element.face().data() : std::string(words_.face);
        break;
      case v1::Element::kImage:
        add(MediaPart{MediaPart::As::image, element.image(), {}});
        break;
      case v1::Element::kSound:
        add(MediaPart{MediaPart::As::sound, element.sound(), {}});
        break;
      case v1::Element::kVideo:
        add(MediaPart{MediaPart::As::video, element.video().video(), element.video().thumb()});
        break;
      case v1::Element::kFile:
        add(MediaPart{MediaPart::As::file, element.file(), {}});
        break;
      case v1::Element::kLocation:
        add_text(text_of(element.location(), words_));
        break;
      case v1::Element::kMerged:
        add_text(text_of(element.merged(), words_));
        break;
      case v1::Element::kCard:
        add(CardPart{element.card().type(), element.card().json()});
        break;
      case v1::Element::CONTENT_NOT_SET:
        break;  // of a newer gateway
    }
  }

  std::vector<Part> parts() && {
    end_text();
    return std::move(parts_);
  }

 private:
  void add(Part part) {
    end_text();
    parts_.push_back(std::move(part));
  }
  void add_text(std::string text) {
    end_text();
    text_ = std::move(text);
    end_text();
  }
  void end_text() {
    for (auto& piece : split_utf8(text_, limits::kWeChatTextBytesMax))
      parts_.emplace_back(TextPart{std::move(piece)});
    text_.clear();
  }

  const Words& words_;
  std::vector<Part> parts_;
  std::string text_;  // not a part yet
};

}  // namespace

std::vector<Part> parts_of(const v1::AgentMessage& message, const Words& words) {
  Collector collector(words);
  if (message.elements().empty()) {
    v1::Element text;
    text.set_text(message.text());
    collector.take(text);
  }
  for (const auto& element : message.elements()) collector.take(element);
  return std::move(collector).parts();
}

std::string_view name_of(const Part& part, const Words& words) {
  const auto* media = std::get_if<MediaPart>(&part);
  if (media == nullptr) return words.card;
  switch (media->as) {
    case MediaPart::As::image:
      return words.image;
    case MediaPart::As::sound:
      return words.sound;
    case MediaPart::As::video:
      return words.video;
    case MediaPart::As::file:
      return words.file;
  }
  return words.file;
}

std::string link(std::string_view url, std::string_view label) {
  std::string made = "<a href=\"";
  for (const char c : url)
    made += c == '"' || c == '<' || c == '>' ? http::percent_encode({&c, 1}) : std::string(1, c);
  made += "\">";
  for (const char c : label) made += c == '<' || c == '>' ? ' ' : c;
  return made + "</a>";
}

}  // namespace kefu::notifier
