#include "sandbox/wechat_cloud.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "lib/wechat/push.h"
#include "lib/wechat/send.h"

namespace kefu::sandbox {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr Timestamp kNow{1'735'689'600'000};

std::function<std::uint64_t()> counting() {
  return [next = std::uint64_t{1}]() mutable { return next++; };
}

struct Shop {
  WeChatCloud cloud{account(), counting()};
  OpenId li = *cloud.make_customer("oLi00000000000000000000000Li", "Li");
  Timestamp now = kNow;

  static WeChatAccount account() {
    WeChatAccount made;
    made.app_id = "wxdemo0000000000";
    made.app_secret = "secret";
    made.token = "token";
    return made;
  }
  std::string token(bool force = false) {
    const auto answer =
        cloud.stable_token(wechat::stable_token_body("wxdemo0000000000", "secret", force), now);
    return wechat::parse_token_answer(answer.body)->token;
  }
  std::int64_t send(std::string_view text) {
    return cloud.custom_send(token(), wechat::text_message_body(li, text), now).code;
  }
  std::int64_t send_raw(const std::string& body) { return cloud.custom_send(token(), body, now).code; }
  std::string last_seen() const { return cloud.find(li)->seen.back().text; }
};

}  // namespace

TEST_CASE("a new customer's openid looks like a real one") {
  Shop shop;
  const auto made = shop.cloud.make_customer("", "");
  REQUIRE(made.ok());
  CHECK(made->value.size() == 28);
  CHECK(made->value.front() == 'o');
  CHECK(is_plain_account_id(made->value));
  CHECK_FALSE(shop.cloud.make_customer("no good id", "").ok());
}

TEST_CASE("one can follow once, write while following, and unfollow once") {
  Shop shop;
  CHECK_FALSE(shop.cloud.say(shop.li, "hello", shop.now).ok());
  CHECK_FALSE(shop.cloud.unfollow(shop.li, shop.now).ok());
  REQUIRE(shop.cloud.follow(shop.li, shop.now).ok());
  CHECK_FALSE(shop.cloud.follow(shop.li, shop.now).ok());
  CHECK(shop.cloud.say(shop.li, "hello", shop.now).ok());
  CHECK(shop.cloud.unfollow(shop.li, shop.now).ok());
  CHECK_FALSE(shop.cloud.say(shop.li, "hello", shop.now).ok());
}

TEST_CASE("events of one second have different times, messages different ids") {
  Shop shop;
  const auto follow = wechat::parse_push(shop.cloud.follow(shop.li, shop.now)->xml);
  const auto unfollow = wechat::parse_push(shop.cloud.unfollow(shop.li, shop.now)->xml);
  const auto again = wechat::parse_push(shop.cloud.follow(shop.li, shop.now)->xml);
  CHECK(follow->event == "subscribe");
  CHECK(unfollow->event == "unsubscribe");
  CHECK(follow->create_time < unfollow->create_time);
  CHECK(unfollow->create_time < again->create_time);
  const auto one = shop.cloud.say(shop.li, "same", shop.now), two = shop.cloud.say(shop.li, "same", shop.now);
  CHECK(one->msg_id != two->msg_id);
}

TEST_CASE("the customer sees own words, the reply to them, and a fault when nobody answered") {
  Shop shop;
  const auto follow = *shop.cloud.follow(shop.li, shop.now);
  const auto reply =
      "<xml><ToUserName>" + shop.li.value + "</ToUserName><FromUserName>" + shop.cloud.account().original_id +
      "</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType><Content>welcome</Content></xml>";
  CHECK(shop.cloud.take_answer(follow, 200, reply, shop.now));
  const auto said = *shop.cloud.say(shop.li, "hello", shop.now);
  CHECK_FALSE(shop.cloud.take_answer(said, 500, "", shop.now));
  shop.cloud.give_up(said, shop.now);
  const auto& seen = shop.cloud.find(shop.li)->seen;
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].kind == Seen::Kind::welcome);
  CHECK(seen[0].text == "welcome");
  CHECK(seen[1].kind == Seen::Kind::own);
  CHECK(seen[2].kind == Seen::Kind::fault);
}

TEST_CASE("a message opens five replies for 48 hours, and the next one five more") {
  Shop shop;
  REQUIRE(shop.cloud.follow(shop.li, shop.now).ok());
  REQUIRE(shop.cloud.say(shop.li, "hello", shop.now).ok());
  for (int i = 0; i < 5; ++i) CHECK(shop.send("answer") == 0);
  CHECK(shop.send("one too many") == 45047);
  CHECK(shop.last_seen() == "answer");
  REQUIRE(shop.cloud.say(shop.li, "and?", shop.now).ok());
  CHECK(shop.send("again") == 0);
  shop.now = shop.now + 48h - 1ms;
  CHECK(shop.send("in time") == 0);
  shop.now = shop.now + 1ms;
  CHECK(shop.send("too late") == 45015);
}

TEST_CASE("following opens three replies for a minute, unfollowing closes everything") {
  Shop shop;
  CHECK(shop.send("too early") == 43004);
  REQUIRE(shop.cloud.follow(shop.li, shop.now).ok());
  for (int i = 0; i < 3; ++i) CHECK(shop.send("hi") == 0);
  CHECK(shop.send("hi") == 45047);
  REQUIRE(shop.cloud.unfollow(shop.li, shop.now).ok());
  CHECK(shop.send("gone") == 43004);
  REQUIRE(shop.cloud.follow(shop.li, shop.now).ok());
  shop.now = shop.now + 1min;
  CHECK(shop.send("late") == 45015);
}

TEST_CASE("a message that breaks the rules is refused with WeChat's code, and not shown") {
  Shop shop;
  REQUIRE(shop.cloud.follow(shop.li, shop.now).ok());
  REQUIRE(shop.cloud.say(shop.li, "hello", shop.now).ok());
  const auto message = [&](json more) {
    json body = {{"touser", shop.li.value}, {"msgtype", "text"}, {"text", {{"content", "x"}}}};
    body.update(more);
    return body.dump();
  };
  CHECK(shop.send_raw("{") == 47001);
  CHECK(shop.send_raw(message({{"touser", "oNobody"}})) == 40003);
  CHECK(shop.send_raw(message({{"msgtype", "poem"}})) == 40008);
  CHECK(shop.send_raw(message({{"image", json::object()}})) == 45162);
  CHECK(shop.send_raw(message({{"text", {{"content", ""}}}})) == 44004);
  CHECK(shop.send(std::string(2048, 'x')) == 0);
  CHECK(shop.send_raw(message({{"text", {{"content", std::string(2049, 'x')}}}})) == 45002);
  const json escaped = {{"touser", shop.li.value}, {"msgtype", "text"}, {"text", {{"content", "你好"}}}};
  CHECK(shop.send_raw(escaped.dump(-1, ' ', true)) == 40033);
  CHECK(shop.send_raw(escaped.dump()) == 0);
  CHECK(shop.send_raw(message({{"text", {{"content", "a\\u4f60 is six characters \x01"}}}})) == 0);
  CHECK(shop.cloud.find(shop.li)->window.left == 2);
}

TEST_CASE("a token is the same until its last five minutes, and its predecessor lives five minutes on") {
  Shop shop;
  const auto first = shop.token();
  shop.now = shop.now + 2h - 5min - 1ms;
  CHECK(shop.token() == first);
  shop.now = shop.now + 1ms;
  const auto second = shop.token();
  CHECK(second != first);
  CHECK(shop.cloud.custom_send(first, "{", shop.now).code == 47001);
  shop.now = shop.now + 5min;
  CHECK(shop.cloud.custom_send(first, "{", shop.now).code == 42001);
  CHECK(shop.cloud.custom_send(second, "{", shop.now).code == 47001);
  CHECK(shop.cloud.custom_send("made up", "{", shop.now).code == 40001);
  CHECK(shop.cloud.custom_send("", "{", shop.now).code == 41001);
}

TEST_CASE("a forced refresh gives a new token at most every 30 seconds; two kill a leaked one") {
  Shop shop;
  const auto leaked = shop.token();
  const auto second = shop.token(true);
  CHECK(second != leaked);
  CHECK(shop.token(true) == second);
  CHECK(shop.cloud.custom_send(leaked, "{", shop.now).code == 47001);
  shop.now = shop.now + 30s;
  const auto third = shop.token(true);
  CHECK(third != second);
  CHECK(shop.cloud.custom_send(leaked, "{", shop.now).code == 40001);
  CHECK(shop.cloud.custom_send(second, "{", shop.now).code == 47001);
}

TEST_CASE("revoked tokens are unknown at once") {
  Shop shop;
  const auto token = shop.token();
  shop.cloud.revoke_tokens();
  CHECK(shop.cloud.custom_send(token, "{", shop.now).code == 40001);
  CHECK(shop.token() != token);
}

TEST_CASE("a token is for those who know the secret") {
  Shop shop;
  const auto ask = [&](std::string_view app, std::string_view secret) {
    return shop.cloud.stable_token(wechat::stable_token_body(app, secret, false), shop.now).code;
  };
  CHECK(ask("wxother", "secret") == 40013);
  CHECK(ask("wxdemo0000000000", "wrong") == 40125);
  CHECK(shop.cloud.stable_token("{}", shop.now).code == 40002);
  CHECK(shop.cloud.plain_token("client_credential", "wxdemo0000000000", "", shop.now).code == 41004);
  const auto plain =
      json::parse(shop.cloud.plain_token("client_credential", "wxdemo0000000000", "secret", shop.now).body);
  CHECK(plain["expires_in"] == 7200);
  CHECK(shop.cloud.custom_send(plain["access_token"].get<std::string>(), "{", shop.now).code == 47001);
}

TEST_CASE("an error text carries a rid") {
  Shop shop;
  const auto answer = json::parse(shop.cloud.custom_send("", "{}", shop.now).body);
  CHECK(answer["errcode"] == 41001);
  CHECK(answer["errmsg"].get<std::string>().find(" rid: ") != std::string::npos);
}

TEST_CASE("typing needs a fresh exchange and is not repeated while it lasts") {
  Shop shop;
  const auto type = [&](const char* command) {
    return shop.cloud
        .typing(shop.token(), json({{"touser", shop.li.value}, {"command", command}}).dump(), shop.now)
        .code;
  };
  REQUIRE(shop.cloud.follow(shop.li, shop.now).ok());
  CHECK(type("Typing") == 45080);
  REQUIRE(shop.cloud.say(shop.li, "hello", shop.now).ok());
  CHECK(type("Dancing") == 45072);
  CHECK(type("Typing") == 0);
  CHECK(type("Typing") == 45081);
  CHECK(type("CancelTyping") == 0);
  CHECK(type("Typing") == 0);
  shop.now = shop.now + 31s;
  CHECK(type("Typing") == 45080);
}

TEST_CASE("a tap on the menu opens three for a minute, unless more is open") {
  Shop shop;
  REQUIRE(shop.cloud.follow(shop.li, shop.now).ok());
  shop.now = shop.now + 2min;
  CHECK(shop.send("too late") == 45015);
  const auto tap = [&] { return shop.cloud.event(shop.li, {{"event", "CLICK"}, {"key", "k"}}, shop.now); };
  REQUIRE(tap().ok());
  for (int i = 0; i < 3; ++i) CHECK(shop.send("answer") == 0);
  CHECK(shop.send("one more") == 45047);
  REQUIRE(shop.cloud.say(shop.li, "hello", shop.now).ok());
  REQUIRE(tap().ok());
  for (int i = 0; i < 5; ++i) CHECK(shop.send("answer") == 0);
}

TEST_CASE("a passive reply with media that WeChat does not have is no answer") {
  Shop shop;
  const auto follow = *shop.cloud.follow(shop.li, shop.now);
  const auto reply = [&](const std::string& media_id) {
    return "<xml><ToUserName>" + shop.li.value + "</ToUserName><FromUserName>" +
           shop.cloud.account().original_id +
           "</FromUserName><CreateTime>1</CreateTime><MsgType>image</MsgType><Image><MediaId><![CDATA[" +
           media_id + "]]></MediaId></Image></xml>";
  };
  CHECK_FALSE(shop.cloud.take_answer(follow, 200, reply("nonsense"), shop.now));
  REQUIRE(shop.cloud.send(shop.li, {{"type", "image"}}, shop.now).ok());
  const auto id = json::parse(shop.cloud.find(shop.li)->seen.back().content)["media_id"].get<std::string>();
  CHECK(shop.cloud.take_answer(follow, 200, reply(id), shop.now));
  CHECK(shop.cloud.find(shop.li)->seen.back().type == "image");
}

TEST_CASE("typing is for open windows") {
  Shop shop;
  REQUIRE(shop.cloud.follow(shop.li, shop.now).ok());
  const auto typing = [&] {
    const json body = {{"touser", shop.li.value}, {"command", "Typing"}};
    return shop.cloud.typing(shop.token(), body.dump(), shop.now).code;
  };
  CHECK(typing() == 45080);
  shop.now = shop.now + 2min;
  CHECK(typing() == 45015);
  REQUIRE(shop.cloud.say(shop.li, "hello", shop.now).ok());
  CHECK(typing() == 0);
}

}  // namespace kefu::sandbox
