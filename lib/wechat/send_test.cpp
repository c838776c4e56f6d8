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

TEST_CASE("media messages name the uploaded file, a video also its picture") {
  const OpenId to("oC");
  CHECK(wechat::image_message_body(to, "M1") ==
        R"({"touser":"oC","msgtype":"image","image":{"media_id":"M1"}})");
  CHECK(wechat::voice_message_body(to, "M1") ==
        R"({"touser":"oC","msgtype":"voice","voice":{"media_id":"M1"}})");
  CHECK(wechat::video_message_body(to, "M1", "T1") ==
        R"({"touser":"oC","msgtype":"video","video":{"media_id":"M1","thumb_media_id":"T1"}})");
  CHECK(wechat::video_message_body(to, "M1", "") ==
        R"({"touser":"oC","msgtype":"video","video":{"media_id":"M1"}})");
  CHECK(wechat::typing_body(to, false) == R"({"touser":"oC","command":"Typing"})");
  CHECK(wechat::typing_body(to, true) == R"({"touser":"oC","command":"CancelTyping"})");
}

TEST_CASE("the answer to an upload has an id under either name, or an errcode") {
  CHECK(wechat::parse_upload_answer(R"({"type":"image","media_id":"M","created_at":1})")->media_id == "M");
  CHECK(wechat::parse_upload_answer(R"({"type":"thumb","thumb_media_id":"T"})")->media_id == "T");
  CHECK(wechat::parse_upload_answer(R"({"errcode":41005,"errmsg":"media data missing"})")->code == 41005);
  CHECK_FALSE(wechat::parse_upload_answer(R"({"type":"image"})").ok());
  CHECK_FALSE(wechat::parse_upload_answer("<html>").ok());
}

TEST_CASE("JSON instead of a file is a video's URL, or an errcode") {
  CHECK(wechat::parse_media_answer(R"({"video_url":"http://v.qq.com/a"})")->video_url == "http://v.qq.com/a");
  CHECK(wechat::parse_media_answer(R"({"errcode":40007,"errmsg":"invalid media_id"})")->code == 40007);
  CHECK_FALSE(wechat::parse_media_answer("{}").ok());
}
