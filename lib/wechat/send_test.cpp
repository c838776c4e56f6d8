#include "lib/wechat/send.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/wechat/errors.h"

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

TEST_CASE("every errcode of the reference has its class") {
  using enum wechat::ErrorClass;
  const auto all_are = [](wechat::ErrorClass wanted, std::initializer_list<std::int64_t> codes) {
    for (const auto code : codes) {
      CAPTURE(code);
      CHECK(wechat::explain(code).error_class == wanted);
      CHECK_FALSE(wechat::explain(code).meaning.empty());
    }
  };
  all_are(ok, {0});
  all_are(retry, {-1, 61450, 9001002});
  all_are(refresh_token, {40001, 40014, 42001});
  all_are(throttle, {45009, 45011});
  all_are(wait_for_customer, {45015, 45047});
  all_are(configuration, {40013, 40125, 40164, 40243, 45035, 48001, 48004, 50001, 50002, 61004, 61007, 89501,
                          89503, 89506, 89507});
  all_are(dead,
          {40003, 43004, 43019, 48002, 50005, 46004, 40007, 40033, 45002, 45008, 47001, 48008, 65401, 61451});
  all_are(dead, {1, 99999, -2});
}

TEST_CASE("no errcode has two rows") {
  std::set<std::int64_t> codes;
  for (const auto& row : wechat::error_table()) CHECK(codes.insert(row.code).second);
  CHECK(codes.size() > 70);
}
