#include "sandbox/push_wire.h"

#include <doctest/doctest.h>

#include "lib/wechat/push.h"
#include "lib/wechat/reply.h"
#include "lib/wechat/signature.h"

namespace kefu::sandbox {
namespace {

const OpenId kLi("oLi00000000000000000000000Li");
const std::string kNonce = "1320562132";
const std::string kRandom16 = "0123456789abcdef";
constexpr Timestamp kNow{1'735'689'600'000};

WeChatAccount account() {
  WeChatAccount made;
  made.app_id = "wxdemo0000000000";
  made.token = "token";
  return made;
}

WeChatAccount safe_account() {
  auto made = account();
  made.aes_key = *wechat::parse_aes_key("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG");
  return made;
}

std::string parameter(const WirePush& wire, std::string_view name) {
  for (const auto& [key, value] : wire.query) {
    if (key == name) return value;
  }
  return "";
}

Push text_push(const WeChatAccount& of) {
  return {Push::Kind::message, kLi, "24000000000000001",
          text_push_xml(of, kLi, 1735689600, "hello", "24000000000000001")};
}

std::string reply_to(const Push& push, std::string_view text) {
  return wechat::text_reply(*wechat::parse_push(push.xml), text);
}

}  // namespace

TEST_CASE("a plain push carries a signature that holds, and the message as WeChat writes it") {
  const auto wire = wire_push(account(), text_push(account()).xml, kLi, kNow, kNonce, kRandom16);
  CHECK(wechat::url_signature_holds("token", parameter(wire, "timestamp"), kNonce,
                                    parameter(wire, "signature")));
  CHECK(parameter(wire, "timestamp") == "1735689600");
  CHECK(parameter(wire, "openid") == kLi.value);
  const auto push = wechat::parse_push(wire.body);
  REQUIRE(push.ok());
  CHECK(push->content == "hello");
  CHECK(push->msg_id == "24000000000000001");
  CHECK(push->from_user == kLi);
}

TEST_CASE("in safe mode the message is encrypted and signed with the ciphertext") {
  const auto of = safe_account();
  const auto wire = wire_push(of, "<xml>secret</xml>", kLi, kNow, kNonce, kRandom16);
  CHECK(wire.body.find("secret") == std::string::npos);
  CHECK(parameter(wire, "encrypt_type") == "aes");
  const auto encrypt = wechat::encrypted_part(wire.body);
  REQUIRE(encrypt.ok());
  CHECK(parameter(wire, "msg_signature") ==
        wechat::message_signature("token", parameter(wire, "timestamp"), kNonce, *encrypt));
  CHECK(*wechat::decrypt(*of.aes_key, of.app_id, *encrypt) == "<xml>secret</xml>");
}

TEST_CASE("success, nothing and a reply to this customer are legal answers") {
  const auto push = text_push(account());
  CHECK(shown_answer(account(), push, 200, "success")->text == "");
  CHECK(shown_answer(account(), push, 200, "")->text == "");
  CHECK(shown_answer(account(), push, 200, reply_to(push, "please ]]> wait"))->text == "please ]]> wait");
}

TEST_CASE("whatever else a server answers is not legal, so that WeChat asks again") {
  const auto push = text_push(account());
  auto stranger = push;
  stranger.customer = OpenId("oStranger");
  CHECK_FALSE(shown_answer(account(), push, 201, "success"));
  CHECK_FALSE(shown_answer(account(), push, 500, ""));
  CHECK_FALSE(shown_answer(account(), push, 0, "success"));
  CHECK_FALSE(shown_answer(account(), push, 200, "Success"));
  CHECK_FALSE(shown_answer(account(), push, 200, R"({"ok":true})"));
  CHECK_FALSE(shown_answer(account(), push, 200, "<xml><Content>who is it for</Content></xml>"));
  CHECK_FALSE(shown_answer(account(), stranger, 200, reply_to(push, "hi")));
  CHECK_FALSE(shown_answer(account(), push, 200, reply_to(push, std::string(2049, 'x'))));
}

TEST_CASE("in safe mode only an encrypted reply with its own signature is shown") {
  const auto of = safe_account();
  const auto push = text_push(of);
  const auto encrypt = wechat::encrypt(*of.aes_key, of.app_id, reply_to(push, "please wait"), kRandom16);
  const auto good = wechat::encrypted_reply("token", "1735689600", kNonce, encrypt);
  CHECK(shown_answer(of, push, 200, good)->text == "please wait");
  CHECK(shown_answer(of, push, 200, "success")->text == "");
  CHECK_FALSE(shown_answer(of, push, 200, reply_to(push, "please wait")));
  CHECK_FALSE(shown_answer(of, push, 200, wechat::encrypted_reply("other", "1735689600", kNonce, encrypt)));
}

TEST_CASE("a target keeps the order of parameters and encodes their values") {
  CHECK(target_of({{"signature", "ab"}, {"openid", "o_-x"}, {"nonce", "a b&c"}}) ==
        "/?signature=ab&openid=o_-x&nonce=a%20b%26c");
  CHECK(target_of({}) == "/");
}

}  // namespace kefu::sandbox
