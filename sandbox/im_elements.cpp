#include "sandbox/im_elements.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "lib/base/digest.h"
#include "sandbox/json_read.h"

namespace kefu::sandbox {
namespace {

using nlohmann::json;

constexpr std::int64_t kBadElement = 90002;
constexpr std::size_t kElementsMax = 500;

bool has_text(const json& content, const char* key) {
  return !read_text(content, key).value_or("").empty();
}

bool has_string(const json& content, const char* key) {
  return read_text(content, key).has_value();
}

bool has_number(const json& content, const char* key) {
  const json* value = member(content, key);
  return value != nullptr && value->is_number();
}

bool is_good_image(const json& content) {
  const json* infos = member(content, "ImageInfoArray");
  if (!has_text(content, "UUID") || !has_number(content, "ImageFormat") || infos == nullptr ||
      !infos->is_array() || infos->empty())
    return false;
  return std::all_of(infos->begin(), infos->end(), [](const json& info) {
    if (!info.is_object() || !has_text(info, "URL")) return false;
    const auto width = read_u32(info, "Width"), height = read_u32(info, "Height");
    // Large and small versions have 0 × 0 in the published sample; an original of no size shows as nothing.
    return width && height && (read_integer(info, "Type") != 1 || (*width > 0 && *height > 0));
  });
}

bool is_good_video(const json& content) {
  for (const char* key : {"VideoUrl", "VideoUUID", "ThumbUrl", "ThumbUUID"}) {
    if (!has_text(content, key)) return false;
  }
  return has_number(content, "ThumbWidth") && has_number(content, "ThumbHeight") &&
         read_integer(content, "VideoDownloadFlag") == 2 && read_integer(content, "ThumbDownloadFlag") == 2;
}

bool is_good(std::string_view type, const json& content) {
  if (type == "TIMTextElem") return has_string(content, "Text");
  if (type == "TIMLocationElem")
    return has_string(content, "Desc") && has_number(content, "Latitude") && has_number(content, "Longitude");
  if (type == "TIMFaceElem") return has_number(content, "Index");
  if (type == "TIMCustomElem") return has_string(content, "Data");
  if (type == "TIMSoundElem" || type == "TIMFileElem")
    return has_text(content, "Url") && has_text(content, "UUID") &&
           read_integer(content, "Download_Flag") == 2;
  if (type == "TIMImageElem") return is_good_image(content);
  if (type == "TIMVideoFileElem") return is_good_video(content);
  return type == "TIMRelayElem" && has_number(content, "MsgNum");
}

json as_element(std::string_view type, json content) {
  return {{"MsgType", type}, {"MsgContent", std::move(content)}};
}

double number_or(const json& object, const char* key, double otherwise) {
  const json* value = member(object, key);
  return value != nullptr && value->is_number() ? value->get<double>() : otherwise;
}

struct Room {
  Shelf& files;
  const std::string& url;
  Timestamp now;
};

struct Put {
  const StoredFile* file;
  std::string url;
  std::string uuid;
};

Result<Put> put(const json& wanted, std::string_view sample, Room room) {
  auto picked = picked_file(wanted, sample);
  if (!picked) return Error{picked.error()};
  auto uuid = sha256_hex(picked->bytes).substr(0, 32);
  const auto& file = room.files.put("", picked->name, std::move(picked->bytes), room.now);
  return Put{&file, room.url + room.files.path_of(file), std::move(uuid)};
}

json image_element(const Put& made) {
  const auto& facts = made.file->facts;
  const int format = facts.extension == "jpg"   ? 1
                     : facts.extension == "gif" ? 2
                     : facts.extension == "png" ? 3
                                                : 255;
  json infos = json::array();
  for (const int type : {1, 3, 2}) {  // as clients list them: original, thumbnail, large
    infos.push_back({{"Type", type},
                     {"Size", made.file->bytes->size()},
                     {"Width", facts.width},
                     {"Height", facts.height},
                     {"URL", made.url}});
  }
  return as_element("TIMImageElem", {{"UUID", made.uuid + "." + facts.extension},
                                     {"ImageFormat", format},
                                     {"ImageInfoArray", std::move(infos)}});
}

json sound_element(const Put& made) {
  return as_element("TIMSoundElem", {{"Url", made.url},
                                     {"UUID", made.uuid},
                                     {"Size", made.file->bytes->size()},
                                     {"Second", static_cast<int>(std::lround(made.file->facts.seconds))},
                                     {"Download_Flag", 2}});
}

json file_element(const Put& made) {
  return as_element("TIMFileElem", {{"Url", made.url},
                                    {"UUID", made.uuid},
                                    {"FileSize", made.file->bytes->size()},
                                    {"FileName", made.file->name},
                                    {"Download_Flag", 2}});
}

json video_element(const Put& made, const Put& thumb) {
  const auto& picture = thumb.file->facts;
  return as_element("TIMVideoFileElem",
                    {{"VideoUrl", made.url},
                     {"VideoUUID", made.uuid},
                     {"VideoSize", made.file->bytes->size()},
                     {"VideoSecond", static_cast<int>(std::lround(made.file->facts.seconds))},
                     {"VideoFormat", made.file->facts.extension},
                     {"VideoDownloadFlag", 2},
                     {"ThumbUrl", thumb.url},
                     {"ThumbUUID", thumb.uuid},
                     {"ThumbSize", thumb.file->bytes->size()},
                     {"ThumbWidth", picture.width},
                     {"ThumbHeight", picture.height},
                     {"ThumbFormat", "JPG"},
                     {"ThumbDownloadFlag", 2}});
}

json merged_element(const json& wanted) {
  const auto title = read_text(wanted, "title").value_or("Chat history");
  json lines = json::array(), messages = json::array();
  const json* given = member(wanted, "lines");
  if (given != nullptr && given->is_array()) lines = *given;
  std::string compatible = title;
  for (const auto& line : lines) {
    const auto text = line.is_string() ? line.get<std::string>() : std::string();
    compatible += "\n" + text;
    messages.push_back({{"From_Account", "agent-2"},
                        {"To_Account", "agent-1"},
                        {"MsgSeq", messages.size() + 1},
                        {"MsgRandom", messages.size() + 1},
                        {"MsgTimeStamp", 1735689600},
                        {"MsgBody", {as_element("TIMTextElem", {{"Text", text}})}},
                        {"CloudCustomData", ""}});
  }
  return as_element("TIMRelayElem", {{"Title", title},
                                     {"MsgNum", lines.size()},
                                     {"CompatibleText", compatible},
                                     {"AbstractList", lines},
                                     {"MsgList", std::move(messages)}});
}

Result<json> media_element(std::string_view type, const json& wanted, Room room) {
  const std::string_view sample = type == "image"   ? "tea.png"
                                  : type == "sound" ? "voice.mp3"
                                  : type == "video" ? "clip.mp4"
                                                    : "prices.txt";
  const auto made = put(wanted, sample, room);
  if (!made) return Error{made.error()};
  if (type == "image") return image_element(*made);
  if (type == "sound") return sound_element(*made);
  if (type == "file") return file_element(*made);
  const auto thumb = put({{"sample", "clip.jpg"}}, "clip.jpg", room);
  if (!thumb) return Error{thumb.error()};
  return video_element(*made, *thumb);
}

Result<json> compose_element(const json& wanted, Room room) {
  if (!wanted.is_object()) return Error{"an element is an object"};
  if (wanted.contains("MsgType")) return wanted;
  const auto type = read_text(wanted, "type").value_or("");
  const auto text = [&wanted](const char* key) { return read_text(wanted, key).value_or(""); };
  if (type == "text") return as_element("TIMTextElem", {{"Text", text("text")}});
  if (type == "image" || type == "sound" || type == "video" || type == "file")
    return media_element(type, wanted, room);
  if (type == "location")
    return as_element("TIMLocationElem",
                      {{"Desc", read_text(wanted, "description").value_or("Camellia & Co.")},
                       {"Latitude", number_or(wanted, "latitude", 31.239702)},
                       {"Longitude", number_or(wanted, "longitude", 121.499763)}});
  if (type == "face")
    return as_element("TIMFaceElem", {{"Index", read_integer(wanted, "index").value_or(1)},
                                      {"Data", read_text(wanted, "data").value_or("[Smile]")}});
  if (type == "custom")
    return as_element(
        "TIMCustomElem",
        {{"Data", text("data")}, {"Desc", text("description")}, {"Ext", text("ext")}, {"Sound", ""}});
  if (type == "card") {  // docs/cards.md: {"kefu": "news", "news": {…}}
    const json* data = member(wanted, "data");
    if (data == nullptr || !data->is_object()) return Error{"a card has its data, docs/cards.md"};
    return as_element("TIMCustomElem",
                      {{"Data", dumped(*data)}, {"Desc", text("description")}, {"Ext", ""}, {"Sound", ""}});
  }
  if (type == "merged") return merged_element(wanted);
  return Error{"type is text, image, sound, video, file, location, face, custom, card or merged"};
}

}  // namespace

std::int64_t elements_problem(const json& elements) {
  if (elements.empty() || elements.size() > kElementsMax) return kBadElement;
  std::size_t customs = 0;
  for (const auto& element : elements) {
    const auto type = element.is_object() ? read_text(element, "MsgType") : std::nullopt;
    const json* content = type ? member(element, "MsgContent") : nullptr;
    if (content == nullptr || !content->is_object() || !is_good(*type, *content)) return kBadElement;
    if (*type == "TIMCustomElem" && ++customs > 1) return kBadElement;
  }
  return 0;
}

std::string shown_text(const json& elements) {
  std::string text;
  for (const auto& element : elements) {
    if (!element.is_object()) continue;
    const auto type = read_text(element, "MsgType").value_or("?");
    const json* content = member(element, "MsgContent");
    if (!text.empty()) text += "\n";
    text += type == "TIMTextElem" && content != nullptr && content->is_object()
                ? read_text(*content, "Text").value_or("")
                : "[" + type + "]";
  }
  return text;
}

Result<json> compose_elements(const json& wanted, Shelf& files, const std::string& url, Timestamp now) {
  if (!wanted.is_array() || wanted.empty()) return Error{"elements is a list with something in it"};
  json elements = json::array();
  for (const auto& one : wanted) {
    auto element = compose_element(one, {files, url, now});
    if (!element) return Error{element.error()};
    elements.push_back(std::move(*element));
  }
  return elements;
}

}  // namespace kefu::sandbox
