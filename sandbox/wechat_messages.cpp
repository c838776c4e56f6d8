#include "sandbox/wechat_messages.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "lib/base/ascii.h"
#include "lib/base/digest.h"
#include "sandbox/json_read.h"
#include "sandbox/xml_write.h"

namespace kefu::sandbox {
namespace {

using nlohmann::json;

constexpr std::size_t kTextBytesMax = 2048;
constexpr std::size_t kMenuItemsMax = 10;  // where 45098 begins is not documented

std::string text_or(const json& object, const char* key, std::string_view otherwise = "") {
  return read_text(object, key).value_or(std::string(otherwise));
}

double number_or(const json& object, const char* key, double otherwise) {
  const json* value = member(object, key);
  return value != nullptr && value->is_number() ? value->get<double>() : otherwise;
}

std::string decimal(double value) {
  auto text = std::to_string(value);  // six places, as WeChat writes degrees
  return text;
}

Shown shown(std::string_view type, const std::string& about, const json& content) {
  return {std::string(type), "[" + std::string(type) + "]" + (about.empty() ? "" : " " + about),
          dumped(content)};
}

// ---- The customer's messages
// --------------------------------------------------------------------------------

bool fits(std::string_view type, const MediaFacts& facts) {
  const auto& e = facts.extension;
  if (type == "image") return e == "jpg" || e == "png" || e == "gif";
  if (type == "voice") return e == "amr" || e == "mp3";
  if (type == "video" || type == "shortvideo") return e == "mp4";
  return type == "thumb" && e == "jpg";
}

Result<const StoredFile*> stored(const json& request, std::string_view type, std::string_view sample,
                                 MediaRoom room) {
  auto picked = picked_file(request, sample);
  if (!picked) return Error{picked.error()};
  if (!fits(type, facts_of(picked->bytes)))
    return Error{"WeChat has no " + std::string(type) + " in this format"};
  const bool video = type == "shortvideo";
  return &room.shelf.put(video ? "video" : std::string(type), picked->name, std::move(picked->bytes),
                         room.now);
}

Result<Composed> image_message(const json& request, MediaRoom room) {
  const auto file = stored(request, "image", "photo.jpg", room);
  if (!file) return Error{file.error()};
  const auto path = room.shelf.path_of(**file);
  return Composed{shown("image", "", {{"media_id", (*file)->id}, {"url", path}}), "image",
                  cdata("PicUrl", room.url + path) + cdata("MediaId", (*file)->id), Grant::message};
}

// A browser cannot play AMR; the sample has a twin that it can.
Result<Composed> voice_message(const json& request, MediaRoom room) {
  const auto file = stored(request, "voice", "voice.amr", room);
  if (!file) return Error{file.error()};
  const auto path = room.shelf.path_of(**file);
  const auto& facts = (*file)->facts;
  const bool sample = *(*file)->bytes == sample_bytes("voice.amr");
  const json content = {{"media_id", (*file)->id},
                        {"url", path},
                        {"format", facts.extension},
                        {"seconds", facts.seconds},
                        {"play", sample                     ? "/samples/voice.mp3"
                                 : facts.extension == "amr" ? ""
                                                            : path}};
  return Composed{shown("voice", "", content), "voice",
                  cdata("MediaId", (*file)->id) + cdata("Format", facts.extension) +
                      cdata("MediaId16K", (*file)->id) + cdata("Recognition", ""),
                  Grant::message};
}

Result<Composed> video_message(const json& request, const std::string& type, MediaRoom room) {
  const auto file = stored(request, type, "clip.mp4", room);
  if (!file) return Error{file.error()};
  const auto id = (*file)->id, path = room.shelf.path_of(**file);
  const auto& thumb = room.shelf.put("thumb", "thumb.jpg", std::string(sample_bytes("clip.jpg")), room.now);
  const json content = {
      {"media_id", id}, {"url", path}, {"thumb", room.shelf.path_of(thumb)}, {"thumb_media_id", thumb.id}};
  return Composed{shown(type, "", content), type, cdata("MediaId", id) + cdata("ThumbMediaId", thumb.id),
                  Grant::message};
}

Composed location_message(const json& request) {
  const double latitude = number_or(request, "latitude", 31.245105);
  const double longitude = number_or(request, "longitude", 121.506377);
  const auto label = text_or(request, "label", "上海市浦东新区世纪大道100号");
  const auto scale = read_integer(request, "scale").value_or(16);
  const json content = {{"latitude", latitude}, {"longitude", longitude}, {"label", label}, {"scale", scale}};
  return {shown("location", label, content), "location",
          element("Location_X", decimal(latitude)) + element("Location_Y", decimal(longitude)) +
              element("Scale", std::to_string(scale)) + cdata("Label", label),
          Grant::message};
}

Composed link_message(const json& request) {
  const auto title = text_or(request, "title", "How to keep camellias");
  const auto description = text_or(request, "description", "Half shade, acid soil, no lime in the water.");
  const auto url = text_or(request, "url", "https://example.com/camellia?from=wechat&id=7");
  return {shown("link", title, {{"title", title}, {"description", description}, {"url", url}}), "link",
          cdata("Title", title) + cdata("Description", description) + cdata("Url", url), Grant::message};
}

Result<Composed> file_message(const json& request) {
  const auto picked = picked_file(request, "prices.txt");
  if (!picked) return Error{picked.error()};
  const auto size = picked->bytes.size();
  const auto description = text_or(request, "description");
  return Composed{
      shown("file", picked->name, {{"name", picked->name}, {"description", description}, {"bytes", size}}),
      "file",
      cdata("Title", picked->name) + cdata("Description", description) +
          cdata("FileKey", sha256_hex(picked->bytes).substr(0, 32)) +
          cdata("FileMd5", sha256_hex(picked->bytes).substr(32)) +
          element("FileTotalLen", std::to_string(size)),
      Grant::message};
}

Composed mini_program_message(const json& request, MediaRoom room) {
  const auto title = text_or(request, "title", "Camellia & Co. shop");
  const auto app_id = text_or(request, "appid", "wxminidemo000000");
  const auto path = text_or(request, "pagepath", "pages/product?id=7");
  const auto& thumb = room.shelf.put("thumb", "thumb.jpg", std::string(sample_bytes("clip.jpg")), room.now);
  const auto picture = room.shelf.path_of(thumb);
  return {shown("miniprogrampage", title,
                {{"title", title}, {"appid", app_id}, {"pagepath", path}, {"thumb", picture}}),
          "miniprogrampage",
          cdata("Title", title) + cdata("AppId", app_id) + cdata("PagePath", path) +
              cdata("ThumbUrl", room.url + picture) + cdata("ThumbMediaId", thumb.id),
          Grant::message};
}

// ---- Messages to the customer
// --------------------------------------------------------------------------------

// What the object of a msgtype has, and what WeChat says when it lacks something.
struct Form {
  std::string_view type;
  std::vector<const char*> needed;  // not empty
  std::vector<const char*> also;
  std::int64_t missing;
};

const std::vector<Form>& forms() {
  static const std::vector<Form> kForms = {
      {"text", {"content"}, {}, 44004},
      {"image", {"media_id"}, {}, 40007},
      {"voice", {"media_id"}, {}, 40007},
      {"video", {"media_id"}, {"thumb_media_id", "title", "description"}, 40007},
      {"music", {"musicurl", "hqmusicurl", "thumb_media_id"}, {"title", "description"}, 40035},
      {"news", {"articles"}, {}, 44003},
      {"mpnews", {"media_id"}, {}, 40007},
      {"mpnewsarticle", {"article_id"}, {}, 40035},
      {"msgmenu", {"list"}, {"head_content", "tail_content"}, 40035},
      {"wxcard", {"card_id"}, {"card_ext"}, 40035},
      {"miniprogrampage", {"title", "appid", "pagepath", "thumb_media_id"}, {}, 40035}};
  return kForms;
}

// Escapes of characters beyond ASCII, which WeChat refuses or shows literally (reference: §6.3).
bool has_escaped_text(std::string_view raw) {
  for (std::size_t i = 0; i + 5 < raw.size(); ++i) {
    if (raw[i] != '\\') continue;
    const bool beyond_ascii = raw[i + 1] == 'u' && (raw.substr(i + 2, 2) != "00" || raw[i + 4] >= '8');
    if (beyond_ascii) return true;
    ++i;  // what is escaped is no escape
  }
  return false;
}

bool is_filled(const json* value) {
  if (value == nullptr) return false;
  if (value->is_string()) return !value->get_ref<const std::string&>().empty();
  return value->is_array() && !value->empty();
}

std::int64_t form_problem(const Form& form, const json& content) {
  for (const auto& [key, value] : content.items()) {
    const auto same = [&key = key](const char* known) { return key == known; };
    if (std::none_of(form.needed.begin(), form.needed.end(), same) &&
        std::none_of(form.also.begin(), form.also.end(), same))
      return 45162;
    if (!value.is_string() && key != "articles" && key != "list") return 47001;
  }
  for (const char* key : form.needed) {
    if (!is_filled(member(content, key))) return form.missing;
  }
  return 0;
}

std::int64_t articles_problem(const json& articles) {
  if (!articles.is_array()) return 47001;
  if (articles.size() > 1) return 45008;
  for (const auto& article : articles) {
    if (!article.is_object()) return 47001;
    for (const auto& [key, value] : article.items()) {
      const bool known = key == "title" || key == "description" || key == "url" || key == "picurl";
      if (!known || !value.is_string()) return 47001;
    }
    if (text_or(article, "title").empty()) return 44003;
  }
  return 0;
}

std::int64_t menu_problem(const json& items) {
  if (!items.is_array()) return 47001;
  if (items.size() > kMenuItemsMax) return 45098;
  const auto good = [](const json& item) {
    return item.is_object() && read_text(item, "id") && !text_or(item, "content").empty();
  };
  return std::all_of(items.begin(), items.end(), good) ? 0 : 40035;
}

// Media ids in `content`: wrong, expired or of another type are 40007. Adds the paths for the phone.
std::int64_t media_problem(std::string_view type, json& content, MediaRoom room) {
  if (type == "mpnews") return 40007;  // permanent material, which nobody can upload here
  const auto attach = [&](const char* key, const char* as, auto fits_type) -> std::int64_t {
    const auto id = read_text(content, key);
    if (!id) return 0;
    const StoredFile* file = room.shelf.find(*id, room.now);
    if (file == nullptr || !fits_type(*file)) return 40007;
    content[as] = room.shelf.path_of(*file);
    if (file->facts.seconds > 0) content["seconds"] = file->facts.seconds;
    return 0;
  };
  const auto is_type = [type](const StoredFile& file) { return file.kind == type; };
  const auto is_picture = [](const StoredFile& file) { return file.kind == "thumb" || file.kind == "image"; };
  if (const auto problem = attach("thumb_media_id", "thumb", is_picture)) return problem;
  return attach("media_id", "url", is_type);
}

std::string about(const json& content) {
  if (const json* articles = member(content, "articles");
      articles != nullptr && articles->is_array() && !articles->empty() && (*articles)[0].is_object())
    return text_or((*articles)[0], "title");
  return text_or(content, "title", text_or(content, "head_content"));
}

}  // namespace

Result<Composed> compose_message(const json& request, MediaRoom room) {
  const auto type = text_or(request, "type");
  if (type == "image") return image_message(request, room);
  if (type == "voice") return voice_message(request, room);
  if (type == "video" || type == "shortvideo") return video_message(request, type, room);
  if (type == "location") return location_message(request);
  if (type == "link") return link_message(request);
  if (type == "file") return file_message(request);
  if (type == "miniprogrampage") return mini_program_message(request, room);
  if (type == "text" || type == "unsupported") {
    const auto text = text_or(request, "text", type == "text" ? "" : "【收到不支持的消息类型，暂无法显示】");
    if (text.empty()) return Error{"the text is empty"};
    const auto item = read_text(request, "bizmsgmenuid");
    return Composed{{"text", text, ""},
                    "text",
                    cdata("Content", text) + (item ? element("bizmsgmenuid", *item) : ""),
                    item ? Grant::tap : Grant::message};
  }
  return Error{
      "type is text, image, voice, video, shortvideo, location, link, file, miniprogrampage or unsupported"};
}

Result<Composed> compose_event(const json& request, std::uint64_t chance) {
  const auto event = text_or(request, "event");
  if (event.empty() || event.size() > 64) return Error{"event is missing"};
  if (event == "subscribe" || event == "unsubscribe") return Error{"that is /api/follow and /api/unfollow"};
  const auto key = text_or(request, "key");
  const auto noted = [&](std::string fields, Grant grant) {
    return Composed{shown("event", event + (key.empty() ? "" : " " + key), {{"event", event}, {"key", key}}),
                    event, std::move(fields), grant};
  };
  if (event == "SCAN")
    return noted(cdata("EventKey", key) + cdata("Ticket", "TICKET" + std::to_string(chance)), Grant::tap);
  if (event == "LOCATION")
    return noted(element("Latitude", decimal(number_or(request, "latitude", 31.245105))) +
                     element("Longitude", decimal(number_or(request, "longitude", 121.506377))) +
                     element("Precision", decimal(number_or(request, "precision", 65))),
                 Grant::none);
  if (event == "scancode_push" || event == "scancode_waitmsg")
    return noted(
        cdata("EventKey", key) + element("ScanCodeInfo", cdata("ScanType", "qrcode") +
                                                             cdata("ScanResult", text_or(request, "result"))),
        Grant::tap);
  if (event == "VIEW" || event == "view_miniprogram")
    return noted(cdata("EventKey", key) + element("MenuId", "420000001"), Grant::none);
  return noted(cdata("EventKey", key), event == "CLICK" ? Grant::tap : Grant::none);
}

Judged judge_message(const json& message, std::string_view raw, MediaRoom room) {
  const auto type = text_or(message, "msgtype");
  const auto form =
      std::find_if(forms().begin(), forms().end(), [&](const Form& one) { return one.type == type; });
  if (form == forms().end()) return {40008, {}};
  for (const auto& other : forms()) {
    if (other.type != type && message.contains(std::string(other.type))) return {45162, {}};
  }
  const json* object = member(message, type.c_str());
  if (object == nullptr || !object->is_object()) return {44004, {}};
  if (const auto problem = form_problem(*form, *object)) return {problem, {}};
  json content = *object;
  if (type == "text") {
    const auto text = text_or(content, "content");
    Judged judged{0, {"text", text, ""}};
    if (has_escaped_text(raw)) judged.code = 40033;
    if (judged.code == 0 && text.size() > kTextBytesMax) judged.code = 45002;
    return judged;
  }
  std::int64_t code = has_escaped_text(raw) ? 40033 : 0;
  if (code == 0 && type == "news") code = articles_problem(content["articles"]);
  if (code == 0 && type == "msgmenu") code = menu_problem(content["list"]);
  if (code == 0) code = media_problem(type, content, room);
  return {code, shown(type, about(content), content)};
}

Result<Shown> read_reply(std::string_view type, std::string_view xml, MediaRoom room) {
  const auto read = [&](const char* name) { return content_of(xml, name); };
  json content = json::object();
  if (type == "news") {
    json articles = json::array();
    auto rest = xml;
    for (auto item = content_of(rest, "item"); !item.empty(); item = content_of(rest, "item")) {
      articles.push_back({{"title", content_of(item, "Title")},
                          {"description", content_of(item, "Description")},
                          {"url", content_of(item, "Url")},
                          {"picurl", content_of(item, "PicUrl")}});
      rest.remove_prefix(rest.find("</item>") + 7);
    }
    if (articles.empty() || articles.size() > 8 || read("ArticleCount") != std::to_string(articles.size()))
      return Error{"the articles are not as many as it says"};
    content["articles"] = std::move(articles);
  } else if (type == "music") {
    content = {{"title", read("Title")},
               {"description", read("Description")},
               {"musicurl", read("MusicUrl")},
               {"hqmusicurl", read("HQMusicUrl")},
               {"thumb_media_id", read("ThumbMediaId")}};
  } else if (type == "image" || type == "voice" || type == "video") {
    content = {{"media_id", read("MediaId")}};
    if (type == "video") {
      content["title"] = read("Title");
      content["description"] = read("Description");
    }
  } else {
    return Error{"no such reply"};
  }
  if (media_problem(type, content, room) != 0) return Error{"no such media"};
  return shown(type, about(content), content);
}

std::int64_t upload_problem(std::string_view type, std::string_view filename, std::string_view bytes) {
  struct Rule {
    std::string_view type;
    std::size_t bytes_max;
    std::int64_t too_large;
  };
  static constexpr std::array<Rule, 4> kRules = {{{"image", 10 << 20, 40009},
                                                  {"voice", 2 << 20, 40010},
                                                  {"video", 10 << 20, 40011},
                                                  {"thumb", 64 << 10, 40012}}};
  const auto* rule =
      std::find_if(kRules.begin(), kRules.end(), [type](const Rule& one) { return one.type == type; });
  if (rule == kRules.end()) return 40004;
  if (filename.empty()) return 41005;
  if (bytes.empty()) return 44001;
  const auto facts = facts_of(bytes);
  const auto dot = filename.rfind('.');
  auto extension = lower_ascii(dot == std::string_view::npos ? "" : filename.substr(dot + 1));
  if (extension == "jpeg") extension = "jpg";
  if (!fits(type, facts)) return 40005;
  if (extension != facts.extension) return 40113;
  if (bytes.size() > rule->bytes_max) return rule->too_large;
  return type == "voice" && facts.seconds > 60.5 ? 45007 : 0;
}

}  // namespace kefu::sandbox
