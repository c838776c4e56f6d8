#include "gateway/agent_words.h"

#include <algorithm>
#include <array>
#include <utility>

#include "lib/wechat/card.h"

namespace kefu {
namespace {

std::string in_words(const v1::Element& element, const Texts& texts) {
  switch (element.content_case()) {
    case v1::Element::kText:
      return element.text();
    case v1::Element::kImage:
      return joined({texts.image, element.image().url()});
    case v1::Element::kSound:
      return joined({texts.voice, element.sound().url()});
    case v1::Element::kVideo:
      return joined({texts.video, element.video().video().url()});
    case v1::Element::kFile:
      return joined({texts.file, element.file().name(), element.file().url()});
    case v1::Element::kLocation:
      return joined({texts.location, element.location().description()});
    case v1::Element::kFace:
      return joined({texts.sticker, element.face().data()});
    case v1::Element::kMerged: {
      auto words = joined({texts.merged, element.merged().title()});
      for (const auto& line : element.merged().lines()) words.append("\n").append(line);
      return words;
    }
    case v1::Element::kCard:
      return joined({texts.card, element.card().type()});
    case v1::Element::CONTENT_NOT_SET:
      break;
  }
  return std::string(texts.unknown);
}

void leave_out(AgentPush& push, std::string line) {
  std::replace(line.begin(), line.end(), '\n', ' ');
  push.left_out.append(push.left_out.empty() ? "" : "\n").append(line);
}

// Of what others invented, the name they gave it says most.
std::string word_for(std::string_view type, const Texts& texts) {
  constexpr std::string_view kCustom = "TIMCustomElem";
  const std::array<std::pair<std::string_view, std::string_view>, 9> words{
      {{"TIMTextElem", texts.unknown},
       {"TIMImageElem", texts.image},
       {"TIMSoundElem", texts.voice},
       {"TIMVideoFileElem", texts.video},
       {"TIMFileElem", texts.file},
       {"TIMLocationElem", texts.location},
       {"TIMFaceElem", texts.sticker},
       {"TIMRelayElem", texts.merged},
       {kCustom, texts.card}}};
  for (const auto& [name, word] : words) {
    if (name == type) return std::string(word);
  }
  if (type.substr(0, kCustom.size()) == kCustom) return joined({texts.card, type.substr(kCustom.size() + 1)});
  return std::string(type);
}

}  // namespace

AgentPush agent_push(const im::SentMessage& message) {
  AgentPush push{im::message_key(message), message.from, ImUserId(message.to), "", message.msg_key,
                 message.content.left_out};
  im::Content content{message.content.elements, {}};
  std::erase_if(content.elements, [&](const v1::Element& element) {
    if (!element.has_card()) return false;
    const auto card = wechat::parse_card(element.card().type(), element.card().json());
    if (!card) leave_out(push, "TIMCustomElem " + element.card().type() + ": " + card.error());
    return !card;
  });
  std::size_t bytes = 0;
  for (const auto& element : content.elements) bytes += element.ByteSizeLong();
  if (bytes > kTextBytesMax) {
    push.left_out = "a message of " + std::to_string(bytes) + " bytes";
    return push;
  }
  push.text = content.text();
  if (!content.all_text()) push.elements = std::move(content.elements);
  return push;
}

std::string readable(std::span<const v1::Element> elements, const Texts& texts) {
  std::string words;
  for (const auto& element : elements)
    words.append(words.empty() ? "" : "\n").append(in_words(element, texts));
  return words;
}

std::string readable_left_out(std::string_view left_out, const Texts& texts) {
  std::string words;
  while (!left_out.empty()) {
    const auto end = left_out.find('\n');
    words.append(words.empty() ? "" : ", ").append(word_for(left_out.substr(0, end), texts));
    left_out = end == std::string_view::npos ? std::string_view() : left_out.substr(end + 1);
  }
  return words;
}

}  // namespace kefu
