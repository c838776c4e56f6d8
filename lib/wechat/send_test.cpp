#include "lib/wechat/send.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace kefu;

TEST_CASE("a text goes out as raw UTF-8 with the obligatory escapes alone") {
  CHECK(wechat::text_message_body(OpenId("oA"), "你好 👍 <a href=\"x\">&/=</a>\n\\") ==
        R"({"touser":"oA","msgtype":"text","text":{"content":"你好 👍 <a href=\"x\">&/=</a>\n\\"}})");
}

TEST_CASE("the token is asked for in the body, so that the secret is in no URL") {
  CHECK(wechat::stable_token_body("wx1", "s3", false) ==
        R"({"grant_type":"client_credential","appid":"wx1","secret":"s3","force_refresh":false})");
}

TEST_CASE("a token answer is a token or an errcode, and nothing else") {
  const auto token = wechat::parse_token_answer(R"({"access_token":"T","expires_in":7200})");
  REQUIRE(token.ok());
  CHECK(token->token == "T");
  CHECK(token->expires_in_s == 7200);
  CHECK(token->code == 0);

  const auto refused =
      wechat::parse_token_answer(R"({"errcode":40164,"errmsg":"invalid ip 1.2.3.4 rid: 5"})");
  REQUIRE(refused.ok());
  CHECK(refused->code == 40164);
  CHECK(refused->message == "invalid ip 1.2.3.4 rid: 5");
  CHECK(refused->token.empty());

  CHECK(wechat::parse_token_answer(R"({"access_token":"T"})")->expires_in_s == 300);
  for (const char* bad : {"", "oops", "[]", "{}", "<html>", R"({"errcode":0})", R"({"access_token":""})",
                          R"({"access_token":7})"}) {
    CAPTURE(bad);
    CHECK_FALSE(wechat::parse_token_answer(bad));
  }
}

TEST_CASE("a send answer without an errcode is no answer") {
  CHECK(wechat::parse_send_answer(R"({"errcode":0,"errmsg":"ok"})")->code == 0);
  CHECK(wechat::parse_send_answer(R"({"errcode":-1,"errmsg":"system error"})")->code == -1);
  CHECK(wechat::parse_send_answer(R"({"errcode":"45015","errmsg":"x"})")->code == 45015);
  for (const char* bad :
       {"", "ok", "{}", R"({"errcode":1.5})", R"({"errcode":null})", R"({"errcode":18446744073709551615})"}) {
    CAPTURE(bad);
    CHECK_FALSE(wechat::parse_send_answer(bad));
  }
  CHECK_FALSE(wechat::parse_send_answer(std::string(200000, '[')));
  CHECK_FALSE(wechat::parse_send_answer(R"({"errcode":0,"x":)" + std::string(100, '[') +
                                        std::string(100, ']') + "}"));
}
