#include "lib/wechat/card.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "lib/base/json.h"

namespace kefu::wechat {
namespace {

using nlohmann::ordered_json;

constexpr int kDepthMax = 8;
constexpr std::size_t kValuesMax = 1000;  // a menu of 100 items has 304
constexpr std::size_t kTextBytesMax = 2048;
constexpr std::size_t kMenuItemsMax = 100;  // beyond what a screen shows; WeChat says 45098 much earlier

enum class Need { yes, no };
enum class Kind { text, url, list };

struct Field {
  std::string_view name;
  Need need = Need::yes;
  Kind kind = Kind::text;
};

// A card, or an item of a card's list. One of `thumb` and "thumb_url" must be there when there is a thumb.
struct Shape {
  std::string_view type;
  std::span<const Field> fields;
  bool thumb = false;
  std::span<const Field> item{};  // of its list
  std::size_t items_max = 0;
};

constexpr std::array kNews = {Field{"articles", Need::yes, Kind::list}};
constexpr std::array kArticle = {Field{"title"}, Field{"description", Need::no},
                                 Field{"url", Need::yes, Kind::url}, Field{"picurl", Need::no, Kind::url}};
constexpr std::array kMusic = {Field{"title", Need::no}, Field{"description", Need::no},
                               Field{"musicurl", Need::yes, Kind::url},
                               Field{"hqmusicurl", Need::yes, Kind::url}};
constexpr std::array kMiniProgramPage = {Field{"title", Need::no}, Field{"appid"}, Field{"pagepath"}};
constexpr std::array kMenu = {Field{"head_content", Need::no}, Field{"list", Need::yes, Kind::list},
                              Field{"tail_content", Need::no}};
constexpr std::array kMenuItem = {Field{"id"}, Field{"content"}};
constexpr std::array kWxCard = {Field{"card_id"}};
constexpr std::array kMpNewsArticle = {Field{"article_id"}};

// reference: WeChat §6.2; more than one article is 45008.
constexpr std::array kShapes = {
    Shape{"news", kNews, false, kArticle, 1},
    Shape{"music", kMusic, true},
    Shape{"miniprogrampage", kMiniProgramPage, true},
    Shape{"msgmenu", kMenu, false, kMenuItem, kMenuItemsMax},
    Shape{"wxcard", kWxCard},
    Shape{"mpnewsarticle", kMpNewsArticle},
};

// Nothing when it is not JSON, or larger than any card.
std::optional<ordered_json> parsed(std::string_view text) {
  return parse_ordered_json(text, {kDepthMax, kValuesMax});
}

std::string dumped(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

bool is_web_url(std::string_view text) {
  return (text.starts_with("https://") || text.starts_with("http://")) &&
         std::none_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c <= ' ') || c == '\x7F'; });
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return c >= 0 && c < ' ' && c != '\t' && c != '\n' && c != '\r'; });
}

// A stranger's word, fit to be repeated in an error.
std::string in_quotes(std::string_view name) {
  std::string shown(name.substr(0, 40));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return "\"" + shown + "\"";
}

std::string problem_with_text(const std::string& where, const ordered_json& value, const Field& field) {
  if (!value.is_string()) return where + " is not a text";
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty() && field.need == Need::yes) return where + " is empty";
  if (text.size() > kTextBytesMax)
    return where + " is longer than " + std::to_string(kTextBytesMax) + " bytes";
  if (has_control_characters(text)) return where + " has control characters";
  if (field.kind == Kind::url && !text.empty() && !is_web_url(text))
    return where + " does not begin with https:// or http://";
  return {};
}

std::string problem_with_object(const std::string& where, const ordered_json& object, const Shape& shape,
                                std::span<const Field> fields);

std::string problem_with_list(const std::string& where, const ordered_json& value, const Shape& shape) {
  if (!value.is_array() || value.empty()) return where + " is not a list with something in it";
  if (value.size() > shape.items_max)
    return where + " has more than " + std::to_string(shape.items_max) +
           (shape.items_max == 1 ? " item" : " items");
  for (const auto& item : value) {
    if (auto problem = problem_with_object(where, item, shape, shape.item); !problem.empty()) return problem;
  }
  return {};
}

std::string problem_with_object(const std::string& where, const ordered_json& object, const Shape& shape,
                                std::span<const Field> fields) {
  if (!object.is_object()) return where + " is not an object";
  for (const auto& entry : object.items()) {
    const auto& name = entry.key();
    const auto known =
        std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
    if (known == fields.end()) return where + " has the unknown field " + in_quotes(name);
    const auto inner = std::string(where).append(".").append(name);
    auto problem = known->kind == Kind::list ? problem_with_list(inner, entry.value(), shape)
                                             : problem_with_text(inner, entry.value(), *known);
    if (!problem.empty()) return problem;
  }
  for (const auto& field : fields) {
    if (field.need == Need::yes && !object.contains(field.name))
      return where + " lacks the field \"" + std::string(field.name) + "\"";
  }
  return {};
}

// The fields in the shape's order; one that may be missing and is empty is left out.
ordered_json in_order(const ordered_json& object, const Shape& shape, std::span<const Field> fields) {
  ordered_json made = ordered_json::object();
  for (const auto& field : fields) {
    const std::string name(field.name);
    const auto found = object.find(name);
    if (found == object.end()) continue;
    if (field.kind == Kind::list) {
      made[name] = ordered_json::array();
      for (const auto& item : *found) made[name].push_back(in_order(item, shape, shape.item));
    } else if (field.need == Need::yes || !found->get_ref<const std::string&>().empty()) {
      made[name] = *found;
    }
  }
  return made;
}

// Takes thumb_media_id or thumb_url out of the object, so that the rest is checked by itself.
std::string take_thumb(const std::string& type, ordered_json& object, Card& card, ordered_json& media_id) {
  for (const std::string name : {"thumb_media_id", "thumb_url"}) {
    const auto found = object.find(name);
    if (found == object.end()) continue;
    const Field field{name, Need::yes, name == "thumb_url" ? Kind::url : Kind::text};
    if (auto problem = problem_with_text(std::string(type).append(".").append(name), *found, field);
        !problem.empty())
      return problem;
    if (name == "thumb_url") {
      card.thumb_url = found->get<std::string>();
    } else {
      media_id = *found;
    }
    object.erase(found);
  }
  if (card.thumb_url.empty() == media_id.is_null())
    return type + " needs one of \"thumb_url\" and \"thumb_media_id\"";
  return {};
}

}  // namespace

Result<Card> parse_card(std::string_view type, std::string_view json) {
  const auto* const shape =
      std::find_if(kShapes.begin(), kShapes.end(), [&](const Shape& s) { return s.type == type; });
  if (shape == kShapes.end()) return Error{"no card is called " + in_quotes(type)};
  auto object = parsed(json);
  if (!object || !object->is_object()) return Error{std::string(type) + " is not a JSON object"};
  Card card{std::string(type), {}, {}};
  ordered_json media_id;
  if (shape->thumb) {
    if (auto problem = take_thumb(card.type, *object, card, media_id); !problem.empty())
      return Error{problem};
  }
  if (auto problem = problem_with_object(card.type, *object, *shape, shape->fields); !problem.empty())
    return Error{problem};
  auto made = in_order(*object, *shape, shape->fields);
  if (!media_id.is_null()) made["thumb_media_id"] = media_id;
  card.json = dumped(made);
  return card;
}

std::string card_message_body(const OpenId& to, const Card& card, std::string_view thumb_media_id) {
  auto object = parsed(card.json).value_or(ordered_json::object());
  if (!thumb_media_id.empty()) object["thumb_media_id"] = thumb_media_id;
  return dumped({{"touser", to.value}, {"msgtype", card.type}, {card.type, std::move(object)}});
}

}  // namespace kefu::wechat
