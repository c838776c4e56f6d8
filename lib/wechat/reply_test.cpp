#include "lib/wechat/reply.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

using namespace kefu;

namespace {
wechat::Push push() {
  wechat::Push made;
  made.to_user = "gh_7c1f0a9b3d52";
  made.from_user = OpenId("oBr1dGe0_TestUser-000000001A");
  made.create_time = 1790000000;
  made.type = "text";
  return made;
}
}  // namespace

TEST_CASE("replies have the published bytes") {
  const auto published = [](const std::string& name) {
    std::ifstream file(KEFU_TEST_VECTORS "/wechat-xml/" + name);
    return (std::ostringstream() << file.rdbuf()).str();
  };
  const std::string media = "mEd1a_Zq7Zq7Zq7Zq7Zq7Zq7Zq7Zq7Zq7Zq7Zq7Zq7Zq7Zq7Zq7Zq7Zq7Zq7x";
  CHECK(wechat::text_reply(push(), "a]]>b") == published("reply-text-cdata-split.xml"));
  CHECK(wechat::reply_xml(push(), wechat::VoiceReply{media}) == published("reply-voice.xml"));
  CHECK(wechat::reply_xml(push(), wechat::MusicReply{"曲", "说明", "https://example.com/a.mp3",
                                                     "https://example.com/b.mp3", media}) ==
        published("reply-music.xml"));
}

TEST_CASE("replies without published bytes are built alike") {
  const auto after_type = [](const wechat::Reply& reply) {
    const auto xml = wechat::reply_xml(push(), reply);
    return xml.substr(xml.find("<MsgType>"));
  };
  CHECK(after_type(wechat::ImageReply{"m1"}) ==
        "<MsgType><![CDATA[image]]></MsgType><Image><MediaId><![CDATA[m1]]></MediaId></Image></xml>");
  CHECK(after_type(wechat::VideoReply{"m1", "t", "d"}) ==
        "<MsgType><![CDATA[video]]></MsgType><Video><MediaId><![CDATA[m1]]></MediaId><Title><![CDATA[t]]>"
        "</Title><Description><![CDATA[d]]></Description></Video></xml>");
  CHECK(after_type(wechat::VideoReply{"m1", "", ""}) ==
        "<MsgType><![CDATA[video]]></MsgType><Video><MediaId><![CDATA[m1]]></MediaId></Video></xml>");
  CHECK(after_type(wechat::MusicReply{"", "", "", "", "thumb"}) ==
        "<MsgType><![CDATA[music]]></MsgType><Music><ThumbMediaId><![CDATA[thumb]]></ThumbMediaId></Music>"
        "</xml>");
  CHECK(after_type(wechat::NewsReply{{{"t1", "d1", "p1", "u1"}, {"a]]>b", "", "", "u2"}}}) ==
        "<MsgType><![CDATA[news]]></MsgType><ArticleCount>2</ArticleCount><Articles><item><Title>"
        "<![CDATA[t1]]></Title><Description><![CDATA[d1]]></Description><PicUrl><![CDATA[p1]]></PicUrl><Url>"
        "<![CDATA[u1]]></Url></item><item><Title><![CDATA[a]]]]><![CDATA[>b]]></Title><Description>"
        "<![CDATA[]]></Description><PicUrl><![CDATA[]]></PicUrl><Url><![CDATA[u2]]></Url></item></Articles>"
        "</xml>");
}

TEST_CASE("a reply read back is the text, to the sender, from the account") {
  for (const std::string text :
       {"你好\n第二行", "]]>]]>", "]]", ">", "<a href=\"https://example.com/?a=1&b=2\">链接</a>", "]]]]>>"}) {
    CAPTURE(text);
    const auto read = wechat::parse_push(wechat::text_reply(push(), text));
    REQUIRE(read.ok());
    CHECK(read->content == text);
    CHECK(read->from_user.value == "gh_7c1f0a9b3d52");
    CHECK(read->to_user == "oBr1dGe0_TestUser-000000001A");
    CHECK(read->create_time == 1790000000);
  }
}
