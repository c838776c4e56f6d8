#include "lib/wechat/card.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace kefu;
using wechat::card_message_body;
using wechat::parse_card;

namespace {

// Every kind, in the order of WeChat's fields.
const std::vector<std::pair<std::string, std::string>> kCards = {
    {"news",
     R"({"articles":[{"title":"新品","description":"d","url":"https://e.cn/a","picurl":"https://e.cn/p.png"}]})"},
    {"music",
     R"({"title":"t","description":"d","musicurl":"https://e.cn/m","hqmusicurl":"https://e.cn/h","thumb_media_id":"T"})"},
    {"miniprogrampage", R"({"title":"t","appid":"wx1","pagepath":"pages/a?b=1","thumb_media_id":"T"})"},
    {"msgmenu",
     R"({"head_content":"满意吗?","list":[{"id":"1","content":"满意"},{"id":"2","content":"不满意"}],"tail_content":"谢谢"})"},
    {"wxcard", R"({"card_id":"123"})"},
    {"mpnewsarticle", R"({"article_id":"A"})"}};

std::string error_of(std::string_view type, std::string_view json) {
  const auto card = parse_card(type, json);
  return card ? "" : card.error();
}

}  // namespace

TEST_CASE("every kind of card becomes the message of that type") {
  for (const auto& [type, json] : kCards) {
    CAPTURE(type);
    const auto card = parse_card(type, json);
    REQUIRE_MESSAGE(card.ok(), (card ? "" : card.error()));
    CHECK(card->thumb_url.empty());
    CHECK(card_message_body(OpenId("oC"), *card, "") ==
          R"({"touser":"oC","msgtype":")" + type + R"(",")" + type + "\":" + json + "}");
  }
}

TEST_CASE("a thumb may be named by its address, and is uploaded") {
  const auto card = parse_card(
      "miniprogrampage", R"({"thumb_url":"https://e.cn/t.jpg","pagepath":"p","appid":"wx1","title":"t"})");
  REQUIRE(card.ok());
  CHECK(card->thumb_url == "https://e.cn/t.jpg");
  CHECK(card_message_body(OpenId("oC"), *card, "T9") ==
        R"({"touser":"oC","msgtype":"miniprogrampage","miniprogrampage":{"title":"t","appid":"wx1",)"
        R"("pagepath":"p","thumb_media_id":"T9"}})");
  CHECK(error_of("music", R"({"musicurl":"https://e.cn","hqmusicurl":"https://e.cn"})").find("thumb_url") !=
        std::string::npos);
  CHECK_FALSE(error_of("music",
                       R"({"musicurl":"https://e.cn","hqmusicurl":"https://e.cn","thumb_url":"https://e.cn",)"
                       R"("thumb_media_id":"T"})")
                  .empty());
}

TEST_CASE("what is not the vocabulary is refused by name") {
  CHECK(error_of("template", "{}") == "no card is called \"template\"");
  CHECK(error_of("wxcard", "[]") == "wxcard is not a JSON object");
  CHECK(error_of("wxcard", "{") == "wxcard is not a JSON object");
  CHECK(error_of("wxcard", "{}") == "wxcard lacks the field \"card_id\"");
  CHECK(error_of("wxcard", R"({"card_id":"1","touser":"oOther"})") ==
        "wxcard has the unknown field \"touser\"");
  CHECK(error_of("wxcard", R"({"card_id":1})") == "wxcard.card_id is not a text");
  CHECK(error_of("wxcard", R"({"card_id":""})") == "wxcard.card_id is empty");
  CHECK(error_of("wxcard", "{\"card_id\":\"a\\u0000b\"}") == "wxcard.card_id has control characters");
  CHECK(error_of("wxcard", R"({"card_id":")" + std::string(2049, 'a') + "\"}") ==
        "wxcard.card_id is longer than 2048 bytes");
  CHECK(error_of("wxcard", std::string(200'000, '[')) == "wxcard is not a JSON object");
  CHECK(error_of("news", R"({"articles":[]})") == "news.articles is not a list with something in it");
  CHECK(error_of("news", R"({"articles":[{},{}]})") == "news.articles has more than 1 item");
  CHECK(error_of("news", R"j({"articles":[{"title":"t","url":"javascript:alert(1)"}]})j") ==
        "news.articles.url does not begin with https:// or http://");
  CHECK(error_of("msgmenu", R"({"list":[{"id":"1","content":"a","x":"y"}]})") ==
        "msgmenu.list has the unknown field \"x\"");
  CHECK(error_of("news", "{\"articles\":[{\"title\":\"t\",\"url\":\"https://e.cn\",\"你\\n\":\"y\"}]}") ==
        "news.articles has the unknown field \"????\"");
}

TEST_CASE("a card of more values than a screen can show is refused before it is read") {
  std::string object = R"({"card_id":"1")";
  for (int i = 0; object.size() < 1024 * 1024; ++i)
    object.append(",\"").append(std::to_string(i)).append("\":{}");
  CHECK(error_of("wxcard", object + "}") == "wxcard is not a JSON object");
}
