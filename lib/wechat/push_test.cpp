#include "lib/wechat/push.h"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
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

// Of the index, where it speaks of something else than a field of that name.
const std::map<std::string, std::string> kDeeper = {
    {"ScanResult", "ScanCodeInfo/ScanResult"},
    {"publish_status", "PublishEventInfo/publish_status"},
    {"ErrorStatus", "SubscribeMsgSentEvent/List/ErrorStatus"},
    {"Poiname", "SendLocationInfo/Poiname"},
};
const std::set<std::string> kNotOurs = {"scene", "security", "List_count", "outcome"};

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
    const auto deeper = kDeeper.find(key);
    const auto path = deeper == kDeeper.end() ? key : deeper->second;
    REQUIRE(push.fields.contains(path));
    CHECK(push.field(path) == as_text(wanted));
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

TEST_CASE("text comes through byte for byte, whatever its script") {
  std::string longest;
  while (longest.size() + 3 <= 2048) longest += "\xE4\xBD\xA0";
  longest += "ab";
  REQUIRE(longest.size() == 2048);
  for (const std::string& text : {
           std::string("😀👍🏽"),                                             // emoji, a skin tone
           std::string("👨\u200D👩\u200D👧\u200D👦 🏳\uFE0F\u200D🌈"),  // joined
           std::string("🇨🇳🇯🇵🇺🇸"),                                                   // flags
           std::string("/::) /:rose [Smirk] [微笑]"),                               // WeChat's own codes
           std::string("<a href=\"https://example.com/?a=1&b=2\">查看 &amp;</a>"),  // a link
           std::string("one\ntwo\r\nthree\rfour\n\n"),
           std::string("\u202Eمرحبا\u202C \u200Fשלום\u200E \u2067x\u2069"),  // right to left
           std::string("e\u0301 a\u0308\u0323 ก็ि 각"),                       // combining marks
           std::string("\tblanks  and\u00A0\u3000more "),
           std::string("\uFEFFmark"),
           longest,
       }) {
    CAPTURE(text);
    CHECK(content_of("<![CDATA[" + text + "]]>") == text);
  }
}

TEST_CASE("a name cut within a character is no sender") {
  auto body = text_push("x");
  body.replace(body.find("oA"), 2, "oA\xE4\xBD");
  CHECK_FALSE(wechat::parse_push(body));
}

TEST_CASE("nested CDATA of a customer is read whole") {
  CHECK(content_of("<![CDATA[a <![CDATA[b]]> c]]>") == "a <![CDATA[b]]> c");
  CHECK(content_of("<![CDATA[<![CDATA[b]]>]]>") == "<![CDATA[b]]>");
  CHECK(content_of("<![CDATA[cut: ]]") == "<![CDATA[cut: ]]");
}

TEST_CASE("numbers and names may stand in CDATA or not, with blanks round them") {
  const auto push = wechat::parse_push(
      "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"GBK\"?>\r\n<xml>\r\n<ToUserName> gh_1 "
      "</ToUserName><FromUserName>\r\n<![CDATA[oA]]> </FromUserName><CreateTime><![CDATA[ 17 ]]></CreateTime>"
      "<MsgType><![CDATA[ Text ]]></MsgType><Content>你好</Content><MsgId><![CDATA[18446744073709551615]]>"
      "</MsgId></xml>\r\n<!-- end -->");
  REQUIRE(push.ok());
  CHECK(push->to_user == "gh_1");
  CHECK(push->from_user.value == "oA");
  CHECK(push->create_time == 17);
  CHECK(push->type == "text");
  CHECK(push->content == "你好");
  CHECK(push->msg_id == "18446744073709551615");
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
  for (int i = 0; i < 1'000'000; ++i) deep += "<a>";
  CHECK_FALSE(wechat::parse_push(deep));
  CHECK_FALSE(wechat::parse_push(deep + "</xml>"));
  std::string closed;
  for (int i = 0; i < 1'000'000; ++i) closed += "</a>";
  CHECK_FALSE(wechat::parse_push(deep + closed + "</xml>"));
  CHECK(wechat::parse_push(text_push("<![CDATA[" + deep + "]]>")).ok());

  auto with_more = text_push("hello");
  with_more.insert(with_more.find("<Content>"), deep.substr(5) + closed);
  const auto push = wechat::parse_push(with_more);
  REQUIRE(push.ok());
  CHECK(push->content == "hello");
  CHECK(push->fields.empty());
}

TEST_CASE("many and long inner fields cost no more memory than the body") {
  const std::string name(100'000, 'n');
  std::string wide = "<" + name + ">";
  for (int i = 0; i < 100'000; ++i) wide += "<a>1</a>";
  wide += "</" + name + "><b>";
  for (int i = 0; i < 100'000; ++i) wide += "<c>1</c>";
  auto body = text_push("hello");
  body.insert(body.find("<Content>"), wide + "</b>");
  const auto push = wechat::parse_push(body);
  REQUIRE(push.ok());
  CHECK(push->fields.size() <= 1000);
  CHECK(push->field("b/c[2]") == "1");
}

TEST_CASE("inner fields are told apart by where they stand") {
  const auto mass = wechat::parse_push(sample("event-masssend-finish.xml"));
  REQUIRE(mass.ok());
  CHECK(mass->field("CopyrightCheckResult/CheckState") == "2");
  CHECK(mass->field("CopyrightCheckResult/ResultList/item/OriginalArticleUrl") ==
        "https://mp.weixin.qq.com/s/orig");
  CHECK(mass->field("ArticleUrlResult/ResultList/item/ArticleUrl") == "https://mp.weixin.qq.com/s/mine");
  CHECK(mass->field("Count").empty());

  const auto popup = wechat::parse_push(
      "<xml><ToUserName>gh_1</ToUserName><FromUserName>oA</FromUserName><CreateTime>1</CreateTime>"
      "<MsgType>event</MsgType><Event>subscribe_msg_popup_event</Event><SubscribeMsgPopupEvent>"
      "<List><TemplateId>t1</TemplateId><SubscribeStatusString>accept</SubscribeStatusString></List>"
      "<List><TemplateId>t2</TemplateId><SubscribeStatusString>reject</SubscribeStatusString></List>"
      "</SubscribeMsgPopupEvent></xml>");
  REQUIRE(popup.ok());
  CHECK(popup->field("SubscribeMsgPopupEvent/List/TemplateId") == "t1");
  CHECK(popup->field("SubscribeMsgPopupEvent/List[2]/TemplateId") == "t2");
  CHECK(popup->field("SubscribeMsgPopupEvent/List[2]/SubscribeStatusString") == "reject");
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
