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

TEST_CASE("a reply with ]]> in it has the published bytes") {
  std::ifstream file(KEFU_TEST_VECTORS "/wechat-xml/reply-text-cdata-split.xml");
  CHECK(wechat::text_reply(push(), "a]]>b") == (std::ostringstream() << file.rdbuf()).str());
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
