// The [[reply]] tables as TOML, over toml++ (its only includer).
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
// toml++ 3.3 asserts what its user wrote: a table named {x, which it otherwise refuses as it should.
#define TOML_ASSERT(condition) static_assert(true)
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>

#include "gateway/reply_rules.h"
#include "gateway/wechat_events.h"
#include "lib/base/limits.h"

namespace kefu {
namespace {

using When = ReplyRule::When;

// More are shown to nobody (reference: WeChat §4).
constexpr std::size_t kArticlesOfEvent = 8;
constexpr std::size_t kArticlesOfMessage = 1;

// Where something is wrong, as people look for it.
class Problems {
 public:
  Problems(std::string file, int lines_before, std::vector<std::string>& lines)
      : file_(std::move(file)), lines_before_(lines_before), lines_(lines) {}

  void in_table(std::size_t number) { table_ = ": [[reply]] number " + std::to_string(number); }
  void add(const toml::source_region& at, const std::string& what) {
    add_at_line(static_cast<int>(at.begin.line), what);
  }
  void add_at_line(int of_tables, const std::string& what) {
    const auto line = of_tables + lines_before_;
    lines_.push_back(file_ + " line " + std::to_string(line) + table_ + ": " + what);
  }
  std::size_t count() const { return lines_.size(); }

 private:
  std::string file_;
  int lines_before_;
  std::vector<std::string>& lines_;
  std::string table_;
};

// The line of the first character beyond ASCII that is neither in quotes nor in a comment, where TOML has
// none. toml++ 3.3 must not see one: some of them (U+00E9, U+3002) it takes for impossible.
std::optional<int> line_of_stray_character(std::string_view toml) {
  std::string_view quotes;  // that will end the text we are in
  int line = 1;
  while (!toml.empty()) {
    const char c = toml.front();
    std::size_t step = 1;
    if (c == '\n') ++line;
    if (!quotes.empty()) {
      const bool ends = toml.starts_with(quotes);
      const bool breaks_off = c == '\n' && quotes.size() == 1;
      // A long text may end with up to two quotes of its own.
      if (ends && quotes.size() == 3) step = std::min<std::size_t>(toml.find_first_not_of(c), 5);
      if (c == '\\' && quotes.front() == '"' && toml.size() > 1 && toml[1] != '\n') step = 2;
      if (ends || breaks_off) quotes = {};
    } else if (c == '#') {
      step = toml.find('\n');
    } else if (c == '"' || c == '\'') {
      const bool is_long = toml.starts_with(std::string(3, c));
      quotes = toml.substr(0, is_long ? 3 : 1);
      step = quotes.size();
    } else if (c < 0) {
      return line;
    }
    toml.remove_prefix(std::min(step, toml.size()));
  }
  return std::nullopt;
}

std::string in_quotes(std::string_view text) {
  return "'" + std::string(text) + "'";
}

std::string listed(const std::vector<std::string_view>& names) {
  std::string text;
  for (const auto name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

// WeChat spells its fields in two ways, MediaId in replies and media_id elsewhere: both are meant.
std::string spelled_plainly(std::string_view name) {
  auto plain = wechat::lower_case(name);
  std::erase(plain, '_');
  return plain;
}

const toml::node* find_field(const toml::table& table, std::string_view name) {
  for (const auto& [key, value] : table) {
    if (spelled_plainly(key.str()) == spelled_plainly(name)) return &value;
  }
  return nullptr;
}

void refuse_unknown(const toml::table& table, const std::vector<std::string_view>& known,
                    Problems& problems) {
  std::set<std::string> given;
  for (const auto& [key, value] : table) {
    const auto plain = spelled_plainly(key.str());
    if (!given.insert(plain).second) problems.add(value.source(), in_quotes(key.str()) + " is given twice");
    const auto is_meant = [&](std::string_view name) { return spelled_plainly(name) == plain; };
    if (std::any_of(known.begin(), known.end(), is_meant)) continue;
    const bool setting = key.str().find('_') != std::string_view::npos;
    problems.add(value.source(),
                 in_quotes(key.str()) + " is unknown here: give " + listed(known) +
                     (setting ? ", and settings (NAME=value) before the first [[reply]]" : ""));
  }
}

enum class Need { required, optional, web_address, optional_web_address };

// A text of `table`; empty when it is missing or wrong.
std::string text_of(const toml::table& table, std::string_view key, Need need, Problems& problems) {
  const auto* node = find_field(table, key);
  const bool required = need == Need::required || need == Need::web_address;
  if (node == nullptr) {
    if (required) problems.add(table.source(), std::string(key) + " is missing: give it as a text in quotes");
    return "";
  }
  const auto* text = node->as_string();
  if (text == nullptr) {
    problems.add(node->source(), std::string(key) + " is no text: put it in quotes");
    return "";
  }
  const auto& value = text->get();
  if (value.empty() && required) problems.add(node->source(), std::string(key) + " is empty: give it");
  const bool address = need == Need::web_address || need == Need::optional_web_address;
  if (address && !value.empty() && !value.starts_with("http://") && !value.starts_with("https://"))
    problems.add(node->source(), std::string(key) + " is no web address: begin it with https://");
  return value;
}

struct Occasion {
  std::string_view name;
  When when;
  enum class Argument { none, may, must } argument;
};
using Argument = Occasion::Argument;
constexpr Occasion kOccasions[] = {
    {"subscribe", When::subscribe, Argument::may}, {"scan", When::scan, Argument::may},
    {"click", When::click, Argument::may},         {"event", When::event, Argument::must},
    {"keyword", When::keyword, Argument::must},    {"contains", When::contains, Argument::must},
    {"message", When::message, Argument::none},    {"session", When::session, Argument::none},
    {"text", When::type, Argument::none},          {"image", When::type, Argument::none},
    {"voice", When::type, Argument::none},         {"video", When::type, Argument::none},
    {"location", When::type, Argument::none},      {"link", When::type, Argument::none},
    {"file", When::type, Argument::none},          {"miniprogrampage", When::type, Argument::none},
};

// "keyword:price": into the rule.
void read_when(const toml::table& table, ReplyRule& rule, Problems& problems) {
  const auto text = text_of(table, "when", Need::required, problems);
  if (text.empty()) return;
  const auto& at = find_field(table, "when")->source();
  const auto colon = std::min(text.find(':'), text.size());
  const auto name = wechat::lower_case(text.substr(0, colon));
  const std::string argument(
      without_blanks(colon < text.size() ? std::string_view(text).substr(colon + 1) : ""));
  const auto* const occasion = std::find_if(std::begin(kOccasions), std::end(kOccasions),
                                            [&](const Occasion& known) { return known.name == name; });
  if (occasion == std::end(kOccasions)) {
    std::vector<std::string_view> names;
    for (const auto& known : kOccasions) names.push_back(known.name);
    return problems.add(at, "when is " + in_quotes(text) + ": give one of " + listed(names));
  }
  if (occasion->argument == Argument::must && argument.empty())
    return problems.add(at, "when is " + in_quotes(text) + ": give " + name + ":WHICH");
  if (occasion->argument == Argument::none && colon < text.size())
    return problems.add(at, "when is " + in_quotes(text) + ": give " + name + " alone");
  // WeChat writes it before the scenes of new followers alone, and we show none with it.
  if (argument.starts_with("qrscene_"))
    return problems.add(at, "when is " + in_quotes(text) + ": give the scene without qrscene_");
  const auto known_event = find_wechat_event(wechat::lower_case(argument));
  if (occasion->when == When::event && known_event == nullptr)
    return problems.add(
        at, "when is " + in_quotes(text) + ", which is no event of WeChat (see KEFU_FORWARD_EVENTS)");
  if (occasion->when == When::event && known_event->kind == CustomerPush::Kind::unfollow)
    return problems.add(at, "when is " + in_quotes(text) + ": who has left gets no reply");
  rule.when = occasion->when;
  rule.argument = occasion->when == When::type ? name : argument;
  const bool any_case = rule.when == When::event || rule.when == When::keyword || rule.when == When::contains;
  if (any_case) rule.argument = wechat::lower_case(rule.argument);
}

bool answers_event(When when) {
  return when == When::subscribe || when == When::scan || when == When::click || when == When::event;
}

// `content` as a text.
std::string read_text(const toml::table& table, std::string_view what, Problems& problems) {
  const auto* content = find_field(table, "content");
  const auto* text = content == nullptr ? nullptr : content->as_string();
  if (text != nullptr && !text->get().empty()) return text->get();
  problems.add(content == nullptr ? table.source() : content->source(),
               "content is to be " + std::string(what) + " in quotes");
  return "";
}

// By itself, or in a table as video and music have theirs.
std::string read_media_id(const toml::table& table, Problems& problems) {
  const auto* content = find_field(table, "content");
  if (content == nullptr || !content->is_table()) return read_text(table, "the MediaId", problems);
  refuse_unknown(*content->as_table(), {"MediaId"}, problems);
  return text_of(*content->as_table(), "MediaId", Need::required, problems);
}

std::optional<wechat::Reply> read_video(const toml::table& content, Problems& problems) {
  refuse_unknown(content, {"MediaId", "Title", "Description"}, problems);
  return wechat::VideoReply{text_of(content, "MediaId", Need::required, problems),
                            text_of(content, "Title", Need::optional, problems),
                            text_of(content, "Description", Need::optional, problems)};
}

std::optional<wechat::Reply> read_music(const toml::table& content, Problems& problems) {
  refuse_unknown(content, {"Title", "Description", "MusicUrl", "HQMusicUrl", "ThumbMediaId"}, problems);
  return wechat::MusicReply{text_of(content, "Title", Need::optional, problems),
                            text_of(content, "Description", Need::optional, problems),
                            text_of(content, "MusicUrl", Need::optional_web_address, problems),
                            text_of(content, "HQMusicUrl", Need::optional_web_address, problems),
                            text_of(content, "ThumbMediaId", Need::required, problems)};
}

wechat::Reply read_news(const toml::array& content, When when, Problems& problems) {
  const auto most = answers_event(when) ? kArticlesOfEvent : kArticlesOfMessage;
  if (content.empty() || content.size() > most) {
    problems.add(content.source(), "content has " + std::to_string(content.size()) + " articles: give 1" +
                                       (most > 1 ? " to " + std::to_string(most) : "") + " for this `when`");
  }
  wechat::NewsReply news;
  for (const auto& node : content) {
    const auto* article = node.as_table();
    if (article == nullptr) {
      problems.add(node.source(), "an article is to be a table: { Title = \"…\", Url = \"https://…\" }");
      continue;
    }
    refuse_unknown(*article, {"Title", "Description", "PicUrl", "Url"}, problems);
    news.articles.push_back({text_of(*article, "Title", Need::required, problems),
                             text_of(*article, "Description", Need::optional, problems),
                             text_of(*article, "PicUrl", Need::optional_web_address, problems),
                             text_of(*article, "Url", Need::web_address, problems)});
  }
  return news;
}

std::optional<wechat::Reply> read_content(const toml::table& table, const std::string& type, When when,
                                          Problems& problems) {
  if (type == "text") {
    auto text = read_text(table, "the text", problems);
    if (text.size() > limits::kWeChatTextBytesMax) {
      problems.add(find_field(table, "content")->source(),
                   "content is " + std::to_string(text.size()) + " bytes long: give at most " +
                       std::to_string(limits::kWeChatTextBytesMax) + " bytes of UTF-8");
    }
    return wechat::TextReply{std::move(text)};
  }
  if (type == "image") return wechat::ImageReply{read_media_id(table, problems)};
  if (type == "voice") return wechat::VoiceReply{read_media_id(table, problems)};
  const auto* content = find_field(table, "content");
  const auto& at = content == nullptr ? table.source() : content->source();
  if (type == "news") {
    if (content != nullptr && content->is_array()) return read_news(*content->as_array(), when, problems);
    problems.add(at, "content is to be a list of articles: [{ Title = \"…\", Url = \"https://…\" }]");
  } else if (type == "video" || type == "music") {
    if (content != nullptr && content->is_table())
      return type == "video" ? read_video(*content->as_table(), problems)
                             : read_music(*content->as_table(), problems);
    problems.add(at, type == "video"
                         ? "content is to be a table: { MediaId = \"…\" }"
                         : "content is to be a table: { ThumbMediaId = \"…\", MusicUrl = \"https://…\" }");
  } else if (!type.empty()) {
    problems.add(find_field(table, "type")->source(),
                 "type is " + in_quotes(type) + ": give one of text, image, voice, video, music, news");
  }
  return std::nullopt;
}

std::optional<ReplyRule> read_rule(const toml::table& table, Problems& problems) {
  const auto before = problems.count();
  ReplyRule rule;
  refuse_unknown(table, {"when", "type", "content"}, problems);
  read_when(table, rule, problems);
  const auto type = text_of(table, "type", Need::required, problems);
  auto reply = read_content(table, type, rule.when, problems);
  if (!reply || problems.count() != before) return std::nullopt;
  rule.reply = std::move(*reply);
  return rule;
}

}  // namespace

ReplyRules read_reply_rules(std::string_view toml, const std::string& file, int lines_before) {
  ReplyRules read;
  Problems problems(file, lines_before, read.problems);
  if (const auto line = line_of_stray_character(toml)) {
    problems.add_at_line(*line, "letters beyond ASCII stand in \"…\" or behind #: are these other quotes?");
    return read;
  }
  const auto document = toml::parse(toml);
  if (!document) {
    problems.add(document.error().source(),
                 std::string(document.error().description()) +
                     " (from the first [[reply]] on the file is TOML; settings stand before it)");
    return read;
  }
  for (const auto& [key, value] : document.table()) {
    const auto* tables = value.as_array();
    if (key.str() != "reply" || tables == nullptr) {
      problems.add(value.source(),
                   in_quotes(key.str()) + " is unknown here: only [[reply]] tables may stand");
      continue;
    }
    for (std::size_t i = 0; i < tables->size(); ++i) {
      const auto* table = tables->get(i)->as_table();
      if (table == nullptr) continue;  // TOML does not mix them
      problems.in_table(i + 1);
      if (auto rule = read_rule(*table, problems)) read.rules.push_back(std::move(*rule));
    }
  }
  return read;
}

}  // namespace kefu
