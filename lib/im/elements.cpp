#include "lib/im/elements.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "lib/base/ascii.h"
#include "lib/base/json.h"
#include "lib/base/utf8.h"
#include "lib/im/json_read.h"

namespace kefu::im {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::size_t kAddressBytesMax = 4096;
constexpr std::size_t kNameBytesMax = 256;
constexpr std::size_t kLeftOutNameBytesMax = 80;
constexpr std::size_t kLeftOutBytesMax = 1000;   // of all names together, about
constexpr std::size_t kCardValuesMax = 1000;     // as in wechat::parse_card
constexpr std::size_t kCardBytesMax = 12 << 10;  // reference: IM §2.5, a whole message
constexpr std::size_t kMergedLinesMax = 100;
constexpr int kNestedMax = 3;     // JSON in JSON (reference: IM §4.6)
constexpr int kDownloadFlag = 2;  // always (reference: IM §3)
constexpr int kUserActionTyping = 14;

// --- reading ---

std::string begin_of(const std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  return split_utf8(text, bytes_max).front();
}

// The first of the spellings that is there (reference: IM §3: Url, URL, Size, FileSize).
std::string first_text(const json& object, std::initializer_list<const char*> keys) {
  for (const auto* key : keys) {
    if (auto text = read_text(object, key); !text.empty()) return text;
  }
  return {};
}

std::uint64_t first_size(const json& object, std::initializer_list<const char*> keys) {
  for (const auto* key : keys) {
    if (const auto number = read_integer(object, key); number && *number > 0)
      return static_cast<std::uint64_t>(*number);
  }
  return 0;
}

std::string address(const json& object, std::initializer_list<const char*> keys) {
  auto url = first_text(object, keys);
  const std::string_view view(url);
  const bool web = view.substr(0, 7) == "http://" || view.substr(0, 8) == "https://";
  return web && url.size() <= kAddressBytesMax ? url : std::string();
}

std::optional<double> read_degrees(const json& object, const char* key, double most) {
  const auto* value = member(object, key);
  if (value == nullptr) return std::nullopt;
  double degrees = NAN;
  if (value->is_number()) {
    degrees = value->get<double>();
  } else if (value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), degrees);
    if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  }
  if (!std::isfinite(degrees) || std::abs(degrees) > most) return std::nullopt;
  return degrees;
}

std::uint32_t read_natural(const json& object, const char* key) {
  return read_u32(object, key).value_or(0);
}

using Read = std::optional<v1::Element>;

Read read_plain(const json& content) {
  v1::Element element;
  element.set_text(read_text(content, "Text"));
  return element;
}

// The original, else the largest that has an address.
Read read_image(const json& content) {
  const auto* infos = member(content, "ImageInfoArray");
  if (infos == nullptr || !infos->is_array()) return std::nullopt;
  const json* best = nullptr;
  const auto rank = [](const json& info) {
    return std::pair(read_integer(info, "Type") == 1, first_size(info, {"Size", "FileSize"}));
  };
  for (const auto& info : *infos) {
    if (address(info, {"URL", "Url", "url"}).empty()) continue;
    if (best == nullptr || rank(info) > rank(*best)) best = &info;
  }
  if (best == nullptr) return std::nullopt;
  v1::Element element;
  auto& image = *element.mutable_image();
  image.set_url(address(*best, {"URL", "Url", "url"}));
  image.set_uuid(begin_of(first_text(content, {"UUID", "Uuid"}), kNameBytesMax));
  image.set_bytes(first_size(*best, {"Size", "FileSize"}));
  image.set_width(read_natural(*best, "Width"));
  image.set_height(read_natural(*best, "Height"));
  return element;
}

// Of a sound or a file; nothing without an address (SDK 2.x gives none).
std::optional<v1::MediaFile> read_media(const json& content) {
  v1::MediaFile media;
  media.set_url(address(content, {"Url", "URL", "url"}));
  if (media.url().empty()) return std::nullopt;
  media.set_uuid(begin_of(first_text(content, {"UUID", "Uuid"}), kNameBytesMax));
  media.set_bytes(first_size(content, {"Size", "FileSize"}));
  return media;
}

Read read_sound(const json& content) {
  auto media = read_media(content);
  if (!media) return std::nullopt;
  media->set_seconds(read_natural(content, "Second"));
  v1::Element element;
  *element.mutable_sound() = *std::move(media);
  return element;
}

Read read_file(const json& content) {
  auto media = read_media(content);
  if (!media) return std::nullopt;
  media->set_name(begin_of(read_text(content, "FileName"), kNameBytesMax));
  v1::Element element;
  *element.mutable_file() = *std::move(media);
  return element;
}

Read read_video(const json& content) {
  v1::Element element;
  auto& video = *element.mutable_video()->mutable_video();
  video.set_url(address(content, {"VideoUrl", "VideoURL"}));
  if (video.url().empty()) return std::nullopt;
  video.set_uuid(begin_of(read_text(content, "VideoUUID"), kNameBytesMax));
  video.set_bytes(first_size(content, {"VideoSize"}));
  video.set_seconds(read_natural(content, "VideoSecond"));
  auto thumb_url = address(content, {"ThumbUrl", "ThumbURL"});
  if (thumb_url.empty()) return element;
  auto& thumb = *element.mutable_video()->mutable_thumb();
  thumb.set_url(std::move(thumb_url));
  thumb.set_uuid(begin_of(read_text(content, "ThumbUUID"), kNameBytesMax));
  thumb.set_bytes(first_size(content, {"ThumbSize"}));
  thumb.set_width(read_natural(content, "ThumbWidth"));
  thumb.set_height(read_natural(content, "ThumbHeight"));
  return element;
}

Read read_location(const json& content) {
  const auto latitude = read_degrees(content, "Latitude", 90);
  const auto longitude = read_degrees(content, "Longitude", 180);
  if (!latitude || !longitude) return std::nullopt;
  v1::Element element;
  auto& location = *element.mutable_location();
  location.set_latitude(*latitude);
  location.set_longitude(*longitude);
  location.set_description(read_text(content, "Desc"));
  return element;
}

Read read_face(const json& content) {
  v1::Element element;
  auto& face = *element.mutable_face();
  face.set_index(read_integer(content, "Index").value_or(0));
  face.set_data(begin_of(read_text(content, "Data"), kNameBytesMax));
  return element;
}

Read read_merged(const json& content) {
  v1::Element element;
  auto& merged = *element.mutable_merged();
  merged.set_title(read_text(content, "Title"));
  if (const auto* lines = member(content, "AbstractList"); lines != nullptr && lines->is_array()) {
    for (const auto& line : *lines) {
      if (line.is_string() && merged.lines_size() < static_cast<int>(kMergedLinesMax))
        merged.add_lines(clean_utf8(line.get_ref<const std::string&>()));
    }
  }
  if (merged.lines_size() == 0) {
    if (auto text = read_text(content, "CompatibleText"); !text.empty()) merged.add_lines(std::move(text));
  }
  if (merged.title().empty() && merged.lines_size() == 0) return std::nullopt;
  return element;
}

// The object that says what a custom element is; others wrap theirs in "data", as an object or as JSON in a
// string.
json signal_of(json data, int nested = 0) {
  if (data.is_string()) data = parse_json(data.get_ref<const std::string&>(), {kDepthMax}).value_or(json());
  const auto* business = member(data, "businessID");
  const bool tells = (business != nullptr && business->is_string()) || member(data, "userAction") != nullptr;
  const auto* inner = member(data, "data");
  if (tells || inner == nullptr || nested == kNestedMax) return data;
  json next = *inner;
  return signal_of(std::move(next), nested + 1);
}

// TUIKit's notice (reference: IM §4.6), the older one too, which has no businessID.
std::optional<bool> read_typing(const json& signal) {
  const auto parameter = read_text(signal, "actionParam");
  const bool known = parameter.rfind("EIMAMSG_InputStatus", 0) == 0;
  if (read_text(signal, "businessID") != "user_typing_status" && !known) return std::nullopt;
  if (known) return parameter == "EIMAMSG_InputStatus_Ing";
  if (const auto status = read_integer(signal, "typingStatus")) return *status != 0;
  return read_integer(signal, "userAction").value_or(kUserActionTyping) == kUserActionTyping;
}

// Our own vocabulary (docs/cards.md): {"kefu":"<type>","<type>":{…}}.
Read read_card(const json& data) {
  const auto* type = member(data, "kefu");
  if (type == nullptr || !type->is_string()) return std::nullopt;
  const auto& name = type->get_ref<const std::string&>();
  const auto* object = member(data, name.c_str());
  if (name.empty() || name.size() > kNameBytesMax || object == nullptr || !object->is_object())
    return std::nullopt;
  auto text = object->dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > kCardBytesMax) return std::nullopt;
  v1::Element element;
  element.mutable_card()->set_type(clean_utf8(name));
  element.mutable_card()->set_json(std::move(text));
  return element;
}

Read read_element(std::string_view type, const json& content) {
  using Reader = Read (*)(const json&);
  static constexpr std::array<std::pair<std::string_view, Reader>, 8> kReaders{{
      {"TIMTextElem", read_plain},
      {"TIMImageElem", read_image},
      {"TIMSoundElem", read_sound},
      {"TIMVideoFileElem", read_video},
      {"TIMFileElem", read_file},
      {"TIMLocationElem", read_location},
      {"TIMFaceElem", read_face},
      {"TIMRelayElem", read_merged},
  }};
  for (const auto& [name, read] : kReaders) {
    if (name == type) return read(content);
  }
  return std::nullopt;
}

void leave_out(Content& result, std::string_view what) {
  std::string line(what);
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::replace(line.begin(), line.end(), '\r', ' ');
  line = begin_of(line, kLeftOutNameBytesMax);
  // Each name is looked for among those before it, so there must not be too many of them.
  if (result.left_out.size() > kLeftOutBytesMax) line = "…";
  if (("\n" + result.left_out + "\n").find("\n" + line + "\n") != std::string::npos) return;
  if (!result.left_out.empty()) result.left_out += '\n';
  result.left_out += line;
}

void read_custom(const json& content, bool alone, Content& result) {
  const auto* data = member(content, "Data");
  const json signal = data == nullptr ? json() : signal_of(*data);
  if (auto card = read_card(signal)) {
    result.elements.push_back(*std::move(card));
    return;
  }
  if (const auto typing = read_typing(signal)) {
    if (alone) result.typing = typing;
    return;
  }
  auto name = read_text(content, "Desc");
  if (name.empty()) name = read_text(signal, "businessID");
  leave_out(result, name.empty() ? "TIMCustomElem" : "TIMCustomElem " + name);
}

// --- writing ---

// Members in the order given here, raw UTF-8: the same value gives the same bytes.
std::string dumped(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string extension_of(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const auto dot = url.rfind('.');
  if (dot == std::string_view::npos || url.find('/', dot) != std::string_view::npos) return {};
  return lower_ascii(url.substr(dot + 1));
}

// reference: IM §3, ImageFormat.
int image_format(std::string_view url) {
  const auto extension = extension_of(url);
  if (extension == "jpg" || extension == "jpeg") return 1;
  if (extension == "gif") return 2;
  if (extension == "png") return 3;
  if (extension == "bmp") return 4;
  return 255;
}

ordered_json text_content(std::string_view text) {
  return {{"Text", text}};
}

ordered_json image_content(const v1::MediaFile& image) {
  const ordered_json original{{"Type", 1},
                              {"Size", image.bytes()},
                              {"Width", image.width()},
                              {"Height", image.height()},
                              {"URL", image.url()}};
  return {{"UUID", image.uuid()},
          {"ImageFormat", image_format(image.url())},
          {"ImageInfoArray", ordered_json::array({original})}};
}

ordered_json sound_content(const v1::MediaFile& sound) {
  return {{"Url", sound.url()},
          {"UUID", sound.uuid()},
          {"Size", sound.bytes()},
          {"Second", sound.seconds()},
          {"Download_Flag", kDownloadFlag}};
}

ordered_json file_content(const v1::MediaFile& file) {
  return {{"Url", file.url()},
          {"UUID", file.uuid()},
          {"FileSize", file.bytes()},
          {"FileName", file.name()},
          {"Download_Flag", kDownloadFlag}};
}

ordered_json video_content(const v1::VideoFile& file) {
  const auto& video = file.video();
  const auto& thumb = file.thumb();
  const auto format = extension_of(video.url());
  return {{"VideoUrl", video.url()},
          {"VideoUUID", video.uuid()},
          {"VideoSize", video.bytes()},
          {"VideoSecond", video.seconds()},
          {"VideoFormat", format.empty() ? "mp4" : format},
          {"VideoDownloadFlag", kDownloadFlag},
          {"ThumbUrl", thumb.url()},
          {"ThumbUUID", thumb.uuid()},
          {"ThumbSize", thumb.bytes()},
          {"ThumbWidth", thumb.width()},
          {"ThumbHeight", thumb.height()},
          {"ThumbFormat", image_format(thumb.url()) == 3 ? "PNG" : "JPG"},
          {"ThumbDownloadFlag", kDownloadFlag}};
}

ordered_json location_content(const v1::Location& location) {
  return {{"Desc", location.description()},
          {"Latitude", location.latitude()},
          {"Longitude", location.longitude()}};
}

ordered_json face_content(const v1::Face& face) {
  return {{"Index", face.index()}, {"Data", face.data()}};
}

std::string merged_text(const v1::Merged& merged) {
  std::string text = merged.title();
  for (const auto& line : merged.lines()) text.append(text.empty() ? "" : "\n").append(line);
  return text;
}

// A message of custom elements without Desc is not pushed to a sleeping client (reference: IM §3).
ordered_json card_content(const v1::Card& card, std::string_view readable) {
  auto object = parse_ordered_json(card.json(), {kDepthMax, kCardValuesMax}).value_or(ordered_json::object());
  ordered_json data;
  data["kefu"] = card.type();
  data[card.type()] = std::move(object);
  return {{"Data", dumped(data)}, {"Desc", readable.empty() ? card.type() : readable}};
}

// `readable`: what the text elements before it said.
std::pair<const char*, ordered_json> written(const v1::Element& element, const std::string& readable) {
  switch (element.content_case()) {
    case v1::Element::kImage:
      return {"TIMImageElem", image_content(element.image())};
    case v1::Element::kSound:
      return {"TIMSoundElem", sound_content(element.sound())};
    case v1::Element::kVideo:
      return {"TIMVideoFileElem", video_content(element.video())};
    case v1::Element::kFile:
      return {"TIMFileElem", file_content(element.file())};
    case v1::Element::kLocation:
      return {"TIMLocationElem", location_content(element.location())};
    case v1::Element::kFace:
      return {"TIMFaceElem", face_content(element.face())};
    case v1::Element::kMerged:
      return {"TIMTextElem", text_content(merged_text(element.merged()))};
    case v1::Element::kCard:
      return {"TIMCustomElem", card_content(element.card(), readable)};
    case v1::Element::kText:
    case v1::Element::CONTENT_NOT_SET:
      break;
  }
  return {"TIMTextElem", text_content(element.text())};
}

ordered_json msg_body(std::span<const v1::Element> elements) {
  auto body = ordered_json::array();
  std::string readable;
  for (const auto& element : elements) {
    auto [type, content] = written(element, readable);
    if (element.has_text()) readable.append(readable.empty() ? "" : "\n").append(element.text());
    body.push_back({{"MsgType", type}, {"MsgContent", std::move(content)}});
  }
  return body;
}

}  // namespace

bool Content::all_text() const {
  return std::all_of(elements.begin(), elements.end(),
                     [](const v1::Element& element) { return element.has_text(); });
}

std::string Content::text() const {
  std::string joined;
  bool first = true;
  for (const auto& element : elements) {
    if (!element.has_text()) continue;
    if (!std::exchange(first, false)) joined += '\n';
    joined += element.text();
  }
  return joined;
}

Content read_content(const json& msg_body) {
  if (msg_body.is_string()) return parse_content(msg_body.get_ref<const std::string&>());
  Content result;
  if (!msg_body.is_array()) return result;
  std::size_t count = 0;
  for (const auto& item : msg_body) {
    const auto type = read_text(item, "MsgType");
    if (type.empty()) continue;
    if (++count > kElementsMax) {
      leave_out(result, type);
      continue;
    }
    static const json kNone = json::object();
    const auto* content = member(item, "MsgContent");
    if (content == nullptr) content = &kNone;
    if (type == "TIMCustomElem") {
      read_custom(*content, msg_body.size() == 1, result);
    } else if (auto element = read_element(type, *content)) {
      if (!element->has_text() || !element->text().empty()) result.elements.push_back(*std::move(element));
    } else {
      leave_out(result, type);
    }
  }
  return result;
}

Content parse_content(std::string_view msg_body) {
  const auto parsed = parse_json(msg_body, {kDepthMax});
  return parsed && parsed->is_array() ? read_content(*parsed) : Content{};
}

std::string body_of(std::span<const v1::Element> elements) {
  return dumped(msg_body(elements));
}

std::string send_body(const Message& message) {
  ordered_json body;
  body["SyncOtherMachine"] = 2;  // the customer has no device of their own in IM
  body["From_Account"] = message.from.value;
  body["To_Account"] = message.to;
  body["MsgSeq"] = message.msg_seq;
  body["MsgRandom"] = message.msg_random;
  body["ForbidCallbackControl"] = {"ForbidBeforeSendMsgCallback", "ForbidAfterSendMsgCallback"};
  body["MsgBody"] = msg_body(message.elements);
  return dumped(body);
}

}  // namespace kefu::im
