#include "lib/wechat/push.h"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

using namespace kefu;
using nlohmann::json;

namespace {

std::string sample(const std::string& name) {
  std::ifstream file(KEFU_TEST_VECTORS "/wechat-xml/" + name, std::ios::binary);
  return (std::ostringstream() << file.rdbuf()).str();
}

std::string as_text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string lower(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// Fields of the index that lie deeper than the children of <xml>, or speak of something else than one field.
const std::set<std::string> kNotOurs = {"scene",       "security",   "ScanResult", "publish_status",
                                        "ErrorStatus", "List_count", "outcome"};

void check_field(const wechat::Push& push, const std::string& key, const json& wanted) {
  CAPTURE(key);
  if (key == "FromUserName") {
    CHECK(push.from_user.value == as_text(wanted));
  } else if (key == "ToUserName_trimmed") {
    CHECK(push.to_user == as_text(wanted));
  } else if (key == "CreateTime") {
    CHECK(push.create_time == wanted.get<std::int64_t>());
  } else if (key == "MsgType") {
    CHECK(push.type == lower(as_text(wanted)));
  } else if (key == "Event") {
    CHECK(push.event == lower(as_text(wanted)));
  } else if (key == "EventKey") {
    CHECK(push.event_key == as_text(wanted));
  } else if (key == "MsgId") {
    CHECK(push.msg_id == as_text(wanted));
  } else if (key == "Content" || key == "Content_after_sanitising") {
    CHECK(push.content == as_text(wanted));
  } else if (key == "Content_bytes") {
    CHECK(push.content.size() == wanted.get<std::size_t>());
  } else {
    REQUIRE(push.fields.contains(key));
    CHECK(push.fields.at(key) == as_text(wanted));
  }
}

std::string text_push(const std::string& content, const std::string& id = "7") {
  return "<xml><ToUserName>gh_1</ToUserName><FromUserName>oA</FromUserName><CreateTime>1</"
         "CreateTime><MsgType>text</MsgType>"
         "<Content>" +
         content + "</Content><MsgId>" + id + "</MsgId></xml>";
}

std::string content_of(const std::string& content) {
  const auto push = wechat::parse_push(text_push(content));
  REQUIRE(push.ok());
  CHECK(push->from_user.value == "oA");
  CHECK(push->msg_id == "7");
  return push->content;
}

}  // namespace

TEST_CASE("every sample of WeChat's messages and events is read as the index says") {
  const auto index = json::parse(std::ifstream(KEFU_TEST_VECTORS "/wechat-xml/index.json"))["samples"];
  int checked = 0;
  for (const auto& [name, entry] : index.items()) {
    if (entry["kind"] != "message" && entry["kind"] != "event") continue;
    CAPTURE(name);
    const auto push = wechat::parse_push(sample(entry["file"].get<std::string>()));
    REQUIRE(push.ok());
    for (const auto& [key, wanted] : entry["expect"].items()) {
      if (!kNotOurs.contains(key)) check_field(*push, key, wanted);
    }
    ++checked;
  }
  CHECK(checked >= 34);
}

TEST_CASE("attacks and bodies without a sender are refused") {
  const auto index = json::parse(std::ifstream(KEFU_TEST_VECTORS "/wechat-xml/index.json"))["samples"];
  int checked = 0;
  for (const auto& [name, entry] : index.items()) {
    if (entry["kind"] != "attack" && entry["kind"] != "invalid") continue;
    CAPTURE(name);
    CHECK_FALSE(wechat::parse_push(sample(entry["file"].get<std::string>())));
    ++checked;
  }
  CHECK(checked >= 3);
}

TEST_CASE("a DTD is refused in the prolog and taken as text in a message") {
  CHECK_FALSE(wechat::parse_push("<!DOCTYPE xml>" + text_push("x")));
  CHECK_FALSE(wechat::parse_push("<?xml version='1.0'?><!-- c --> <!doctype xml []>" + text_push("x")));
  CHECK(content_of("<![CDATA[<!DOCTYPE html>]]>") == "<!DOCTYPE html>");
}

TEST_CASE("a text comes through as it was typed") {
  CHECK(content_of("<![CDATA[a\r\nb\rc\n]]>") == "a\r\nb\rc\n");
  CHECK(content_of("<![CDATA[  two blanks  ]]>") == "  two blanks  ");
  CHECK(content_of("   ") == "   ");
  CHECK(content_of("<![CDATA[ ]]>") == " ");
  CHECK(content_of("") == "");
  CHECK(content_of("<![CDATA[]]>") == "");
  CHECK(content_of("ab<![CDATA[cd]]>ef") == "abcdef");
  CHECK(content_of("<![CDATA[a]]]]><![CDATA[>b]]>") == "a]]>b");
  CHECK(content_of("&lt;b&gt; &amp;amp; &quot;&apos; &#20320;&#x1F44D;") == "<b> &amp; \"' 你👍");
  CHECK(content_of("<![CDATA[&amp; stays]]>") == "&amp; stays");
  CHECK(content_of(std::string("<![CDATA[a\0b\x1d", 13) + "c]]>") == "abc");
  CHECK(content_of("<![CDATA[\xff]]>") == "\xEF\xBF\xBD");
}

TEST_CASE("unescaped text of a customer is read whole and forges nothing") {
  CHECK(content_of("<![CDATA[see ]]> ok & done]]>") == "see ]]> ok & done");
  CHECK(content_of("<![CDATA[x]]></Content><FromUserName>oEvil</FromUserName><MsgId>1</"
                   "MsgId><Content><![CDATA[y]]>") ==
        "x]]></Content><FromUserName>oEvil</FromUserName><MsgId>1</MsgId><Content><![CDATA[y");
  CHECK(content_of("<![CDATA[a]]><b>c</b><![CDATA[d]]>") == "a]]><b>c</b><![CDATA[d");
  CHECK(content_of("<![CDATA[</xml> ]]></xml> bye]]>") == "</xml> ]]></xml> bye");
  CHECK(content_of("a & b &unknown; c") == "a & b &unknown; c");
}

TEST_CASE("a message id before the last one is the customer's forgery") {
  const auto push = wechat::parse_push(
      "<xml><FromUserName>oA</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType><MsgId>1</"
      "MsgId><MsgId>2</MsgId></xml>");
  REQUIRE(push.ok());
  CHECK(push->msg_id == "2");
}

TEST_CASE("what is no push is refused with a reason") {
  for (const std::string bad :
       {"", " ", "success", "{}", "<xml>", "<xml></xml>", "<XML></XML>", "<html></html>", "<?xml", "<!-- ",
        "<xml/>", "<xmlx></xmlx>", "<xml><xml></xml></xml>", "</xml>", "<xml><FromUserName>oA</FromUserName>",
        "<xml ></xml>"}) {
    CAPTURE(bad);
    const auto push = wechat::parse_push(bad);
    REQUIRE_FALSE(push.ok());
    CHECK_FALSE(push.error().empty());
  }
  const std::string good = text_push("x");
  CHECK_FALSE(wechat::parse_push(good + good));
  CHECK_FALSE(wechat::parse_push(good.substr(0, good.size() - 20)));
  const auto without = [&](const std::string& part) {
    std::string body = good;
    return body.erase(body.find(part), part.size());
  };
  CHECK_FALSE(wechat::parse_push(without("<FromUserName>oA</FromUserName>")));
  CHECK_FALSE(wechat::parse_push(without("<MsgType>text</MsgType>")));
  CHECK_FALSE(wechat::parse_push(without("<CreateTime>1</CreateTime>")));
  CHECK(wechat::parse_push(without("<ToUserName>gh_1</ToUserName>")).ok());
  CHECK(wechat::parse_push(without("<MsgId>7</MsgId>")).ok());
}

TEST_CASE("a body of nothing but tags neither hangs nor crashes") {
  std::string deep = "<xml>";
  for (int i = 0; i < 150000; ++i) deep += "<a>";
  CHECK_FALSE(wechat::parse_push(deep));
  CHECK_FALSE(wechat::parse_push(deep + "</xml>"));
  std::string closed = deep;
  for (int i = 0; i < 150000; ++i) closed += "</a>";
  CHECK_FALSE(wechat::parse_push(closed + "</xml>"));
  CHECK(wechat::parse_push(text_push("<![CDATA[" + deep + "]]>")).ok());
}

TEST_CASE("the same push has the same key, another push another one") {
  const auto key = [](const std::string& body) { return wechat::push_key(*wechat::parse_push(body)); };
  CHECK(key(text_push("a")) == key(text_push("a")));
  CHECK(key(text_push("a", "7")) != key(text_push("a", "8")));
  CHECK(key(text_push("a", "")) != key(text_push("b", "")));

  const auto event = [](const std::string& name, const std::string& from, const std::string& more = "") {
    return "<xml><ToUserName>gh_1</ToUserName><FromUserName>" + from +
           "</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType><Event>" + name + "</Event>" +
           more + "</xml>";
  };
  CHECK(key(event("subscribe", "oA")) == key(event("SUBSCRIBE", "oA")));
  CHECK(key(event("subscribe", "oA")) != key(event("unsubscribe", "oA")));
  CHECK(key(event("subscribe", "oA")) != key(event("subscribe", "oB")));
  CHECK(key(event("CLICK", "oA", "<EventKey>1</EventKey>")) !=
        key(event("CLICK", "oA", "<EventKey>2</EventKey>")));
  CHECK(key(event("TEMPLATESENDJOBFINISH", "oA", "<MsgID>1</MsgID>")) !=
        key(event("TEMPLATESENDJOBFINISH", "oA", "<MsgID>2</MsgID>")));
}
