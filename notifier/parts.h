// An agent's message as the messages that WeChat will get, before anything of it is fetched. Pure: the same
// elements make the same parts, so that a later attempt goes on where an earlier one ended.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kefu/v1/event.pb.h"
#include "notifier/words.h"

namespace kefu::notifier {

// Of at most limits::kWeChatTextBytesMax.
struct TextPart {
  std::string text;
};

struct MediaPart {
  enum class As { image, sound, video, file };
  As as = As::file;
  v1::MediaFile file{};
  v1::MediaFile thumb{};  // of a video
};

struct CardPart {
  std::string type;
  std::string json;
};

using Part = std::variant<TextPart, MediaPart, CardPart>;

// Texts and faces that follow one another are one text, as the agent saw them. None: there is nothing to
// send.
std::vector<Part> parts_of(const v1::AgentMessage& message, const Words& words);

// "[图片]", of a part that is no text.
std::string_view name_of(const Part& part, const Words& words);

// A link in a text of WeChat (reference: WeChat §6.2); `label` may be anybody's.
std::string link(std::string_view url, std::string_view label);

}  // namespace kefu::notifier
