#include "gateway/reply_rules.h"

#include <doctest/doctest.h>

using namespace kefu;

namespace {

ReplyRules read(const std::string& toml) {
  return read_reply_rules(toml, "kefu.conf", 10);
}

std::vector<ReplyRule> rules(const std::string& toml) {
  auto got = read(toml);
  CHECK(got.problems == std::vector<std::string>{});
  return std::move(got.rules);
}

std::string text_rule(const std::string& when, const std::string& answer) {
  return "[[reply]]\nwhen = \"" + when + "\"\ntype = \"text\"\ncontent = \"" + answer + "\"\n";
}

wechat::Push message(const std::string& type, const std::string& content = "") {
  wechat::Push push;
  push.type = type;
  push.content = content;
  return push;
}

wechat::Push event(const std::string& name, const std::string& key = "") {
  wechat::Push push;
  push.type = "event";
  push.event = name;
  push.event_key = key;
  return push;
}

std::string answer(const std::vector<ReplyRule>& rules, const wechat::Push& push, bool first = false) {
  const auto* reply = reply_for(rules, push, first);
  return reply ? std::get<wechat::TextReply>(*reply).text : "";
}

void check_problem(const std::string& toml, const std::string& expected) {
  CAPTURE(toml);
  const auto got = read(toml);
  REQUIRE(got.problems.size() == 1);
  CHECK(got.problems[0] == expected);
  CHECK(got.rules.empty());
}

}  // namespace

TEST_CASE("the first rule that fits answers") {
  const auto all =
      rules(text_rule("keyword:Price", "10 yuan") + text_rule("contains:退款", "refund") +
            text_rule("text", "a text") + text_rule("image", "an image") +
            text_rule("session", "welcome back") + text_rule("subscribe:shop7", "from the shop") +
            text_rule("subscribe", "hello") + text_rule("click:orders", "your orders") +
            text_rule("scan:7", "seven") + text_rule("event:VIEW", "viewed"));
  REQUIRE(all.size() == 10);
  CHECK(answer(all, message("text", " \u3000pRICE\n")) == "10 yuan");
  CHECK(answer(all, message("text", "price?")) == "a text");
  CHECK(answer(all, message("text", "我要退款！")) == "refund");
  CHECK(answer(all, message("image")) == "an image");
  CHECK(answer(all, message("voice"), true) == "welcome back");
  CHECK(answer(all, message("voice"), false).empty());
  CHECK(answer(all, event("subscribe", "qrscene_shop7")) == "from the shop");
  CHECK(answer(all, event("subscribe", "qrscene_shop8")) == "hello");
  CHECK(answer(all, event("subscribe")) == "hello");
  CHECK(answer(all, event("click", "orders")) == "your orders");
  CHECK(answer(all, event("click", "Orders")).empty());
  CHECK(answer(all, event("scan", "7")) == "seven");
  CHECK(answer(all, event("view", "http://x")) == "viewed");
  CHECK(answer(all, event("unsubscribe")).empty());
}

TEST_CASE("any message, short videos, and placeholders that are no words of the customer's") {
  const auto all =
      rules(text_rule("text", "text") + text_rule("video", "video") + text_rule("message", "any"));
  CHECK(answer(all, message("shortvideo")) == "video");
  CHECK(answer(all, message("text", "[Unsupported Message]")) == "any");
  CHECK(answer(all, message("hologram")) == "any");
  CHECK(answer(all, event("click")).empty());
}

TEST_CASE("replies of every type are read") {
  const auto all = rules(R"([[reply]]
when = "click:i"
type = "image"
content = "media-1"   # a comment

[[reply]]
when = "click:o"
type = "voice"
content = "media-2"
[[reply]]
when = "click:v"
type = "video"
content = { MediaId = "media-3", Title = "T", Description = "D" }
[[reply]]
when = "click:m"
type = "music"
[reply.content]
ThumbMediaId = "media-4"
MusicUrl = "https://example.com/a.mp3"
[[reply]]
when = "subscribe"
type = "news"
content = [{ Title = "one", Url = "https://example.com/1" }, { Title = "two", Url = "https://example.com/2", PicUrl = "http://example.com/p" }]
[[reply]]
when = "keyword:hi"
type = "text"
content = """
two
lines"""
)");
  REQUIRE(all.size() == 6);
  CHECK(std::get<wechat::ImageReply>(all[0].reply).media_id == "media-1");
  CHECK(std::get<wechat::VoiceReply>(all[1].reply).media_id == "media-2");
  CHECK(std::get<wechat::VideoReply>(all[2].reply).title == "T");
  CHECK(std::get<wechat::MusicReply>(all[3].reply).thumb_media_id == "media-4");
  CHECK(std::get<wechat::MusicReply>(all[3].reply).music_url == "https://example.com/a.mp3");
  REQUIRE(std::get<wechat::NewsReply>(all[4].reply).articles.size() == 2);
  CHECK(std::get<wechat::NewsReply>(all[4].reply).articles[1].picture_url == "http://example.com/p");
  CHECK(std::get<wechat::TextReply>(all[5].reply).text == "two\nlines");
}

TEST_CASE("WeChat's two ways of spelling are both understood") {
  const auto all = rules(R"([[reply]]
when = "CLICK:Key"
type = "image"
content = { media_id = "media-1" }
[[reply]]
when = "subscribe"
type = "news"
content = [{ title = "one", url = "https://example.com/1", picurl = "http://example.com/p" }]
[[reply]]
when = "click:m"
type = "music"
content = { thumb_media_id = "media-2", hq_music_url = "https://example.com/a.mp3" }
)");
  REQUIRE(all.size() == 3);
  CHECK(all[0].argument == "Key");
  CHECK(std::get<wechat::ImageReply>(all[0].reply).media_id == "media-1");
  CHECK(std::get<wechat::NewsReply>(all[1].reply).articles.at(0).picture_url == "http://example.com/p");
  CHECK(std::get<wechat::MusicReply>(all[2].reply).thumb_media_id == "media-2");
  CHECK(std::get<wechat::MusicReply>(all[2].reply).hq_music_url == "https://example.com/a.mp3");
  check_problem(
      "[[reply]]\nwhen = \"click:v\"\ntype = \"video\"\ncontent = { MediaId = \"a\", media_id = \"b\" }\n",
      "kefu.conf line 14: [[reply]] number 1: 'media_id' is given twice");
}

TEST_CASE("letters beyond ASCII stand in quotes and comments alone") {
  const auto all = rules(
      "[[reply]] # 说明。\nwhen = \"keyword: é。 \"\ntype = 'text'\n"
      "content = \"\"\"一\\\"\"二\"\n三\"\"\"\" # 四\n");
  REQUIRE(all.size() == 1);
  CHECK(all[0].argument == "é。");
  CHECK(std::get<wechat::TextReply>(all[0].reply).text == "一\"\"二\"\n三\"");
  const auto continued =
      rules("[[reply]]\nwhen = 'subscribe'\ntype = 'text'\ncontent = \"\"\"\\\n  「é\"\"\"\n");
  REQUIRE(continued.size() == 1);
  CHECK(std::get<wechat::TextReply>(continued[0].reply).text == "「é");
  const std::string why = "letters beyond ASCII stand in \"…\" or behind #: are these other quotes?";
  check_problem("[[reply]]\nwhen = “subscribe”\n", "kefu.conf line 12: " + why);
  check_problem("[[reply]]\nwhen = \"subscribe\"\n。\n", "kefu.conf line 13: " + why);
  check_problem("[[reply]]\ncontent = \"\"\"\né\n\"\"\" é\n", "kefu.conf line 14: " + why);
  check_problem("[[reply]]\ncontent = \"\"\"\\é\"\"\"\n", "kefu.conf line 12: " + why);
  check_problem(
      "[[reply]]\nwhen = \"scan:qrscene_7\"\ntype = \"text\"\ncontent = \"x\"\n",
      "kefu.conf line 12: [[reply]] number 1: when is 'scan:qrscene_7': give the scene without qrscene_");
}

TEST_CASE("a mistake is named with file, line, table and what to do") {
  const std::string head = "kefu.conf line ";
  check_problem("[[reply]]\ntype = \"text\"\ncontent = \"x\"\n",
                head + "11: [[reply]] number 1: when is missing: give it as a text in quotes");
  check_problem("[[reply]]\nwhen = 5\ntype = \"text\"\ncontent = \"x\"\n",
                head + "12: [[reply]] number 1: when is no text: put it in quotes");
  check_problem("[[reply]]\nwhen = \"keyword\"\ntype = \"text\"\ncontent = \"x\"\n",
                head + "12: [[reply]] number 1: when is 'keyword': give keyword:WHICH");
  check_problem("[[reply]]\nwhen = \"text:hi\"\ntype = \"text\"\ncontent = \"x\"\n",
                head + "12: [[reply]] number 1: when is 'text:hi': give text alone");
  check_problem("[[reply]]\nwhen = \"tomorrow\"\ntype = \"text\"\ncontent = \"x\"\n",
                head +
                    "12: [[reply]] number 1: when is 'tomorrow': give one of subscribe, scan, click, event, "
                    "keyword, contains, message, session, text, image, voice, video, location, link, file, "
                    "miniprogrampage");
  check_problem(
      "[[reply]]\nwhen = \"text\"\ntype = \"poem\"\ncontent = \"x\"\n",
      head + "13: [[reply]] number 1: type is 'poem': give one of text, image, voice, video, music, news");
  check_problem("[[reply]]\nwhen = \"text\"\ntype = \"text\"\n",
                head + "11: [[reply]] number 1: content is to be the text in quotes");
  check_problem(
      "[[reply]]\nwhen = \"text\"\ntype = \"text\"\ncontent = \"" + std::string(2001, 'x') + "\"\n",
      head + "14: [[reply]] number 1: content is 2001 bytes long: give at most 2000 bytes of UTF-8");
  check_problem("[[reply]]\nwhen = \"text\"\ntype = \"music\"\ncontent = { Title = \"T\" }\n",
                head + "14: [[reply]] number 1: ThumbMediaId is missing: give it as a text in quotes");
  check_problem("[[reply]]\nwhen = \"text\"\ntype = \"video\"\ncontent = \"m\"\n",
                head + "14: [[reply]] number 1: content is to be a table: { MediaId = \"…\" }");
  check_problem(
      "[[reply]]\nwhen = \"text\"\ntype = \"news\"\ncontent = [{ Title = \"a\", Url = \"https://a\" }, "
      "{ Title = \"b\", Url = \"https://b\" }]\n",
      head + "14: [[reply]] number 1: content has 2 articles: give 1 for this `when`");
  check_problem(
      "[[reply]]\nwhen = \"text\"\ntype = \"news\"\ncontent = [{ Title = \"a\", Url = \"example.com\" }]\n",
      head + "14: [[reply]] number 1: Url is no web address: begin it with https://");
  check_problem("[[replies]]\nwhen = \"text\"\n",
                head + "11: 'replies' is unknown here: only [[reply]] tables may stand");
  CHECK(read("[[reply]]\nwhen = \"text\"\ntype = \"text\"\ncontent = \"x\"\nKEFU_LOCALE = \"ja\"\n")
            .problems.at(0)
            .starts_with(head + "15: [[reply]] number 1: 'KEFU_LOCALE' is unknown here: give when, type, "
                                "content, and settings "));
  CHECK(read("[[reply]]\nwhen = text\n").problems.at(0).starts_with(head + "12: "));
}

TEST_CASE("every problem of a file is told, and the rules that are right are kept apart") {
  const auto got =
      read("[[reply]]\n" + text_rule("text", "fine") + "[[reply]]\nwhen = \"x\"\ntype = \"y\"\n");
  CHECK(got.rules.size() == 1);
  CHECK(got.problems.size() == 4);
  CHECK(read("").problems.empty());
}

TEST_CASE("a table with a name that is none is a problem and no crash") {
  CHECK(read("[[{reply]]\nwhen = \"message\"\n").problems.size() == 1);
}
