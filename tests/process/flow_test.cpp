// The how-to's flow through the real binaries, against clouds that are not our sandbox.
#include <doctest/doctest.h>

#include <fstream>
#include <map>

#include "tests/process/stack.h"

using namespace kefu::test;
using nlohmann::json;

namespace {
const std::string kAlice = "oAlice_0123456789-abcdefghij";
const std::string kBob = "oBob_0123456789-abcdefghijkl";
}  // namespace

TEST_CASE("flow: follow, ask, get answered, unfollow") {
  Stack stack;
  stack.start_all();

  const auto welcome = stack.follow(kAlice);
  CHECK(welcome.status == 200);
  CHECK(welcome.body.find("<ToUserName><![CDATA[" + kAlice + "]]></ToUserName>") != std::string::npos);
  CHECK(welcome.body.find("Thank you for following us!") != std::string::npos);
  stack.clouds.wait_for("account_import", 1);
  CHECK(stack.clouds.calls("account_import")[0].body["UserID"] == kAlice);

  const auto wait = stack.say(kAlice, "你好 👍🏽");
  CHECK(wait.body.find("One moment, please.") != std::string::npos);
  stack.clouds.wait_for("sendmsg", 1);
  const auto send = stack.clouds.calls("sendmsg")[0];
  CHECK(send.body["From_Account"] == kAlice);
  CHECK(send.body["To_Account"] == "agent1");
  CHECK(text_of(send) == "你好 👍🏽");
  CHECK(send.query.at("sdkappid") == "1400000001");
  CHECK(send.query.at("identifier") == "administrator");
  CHECK(send.query.at("contenttype") == "json");
  CHECK(stack.say(kAlice, "still there?").body == "success");

  CHECK(stack.reply(kAlice, "您好，请问有什么可以帮您？").status == 200);
  stack.clouds.wait_for("custom_send", 1);
  const auto pushed = stack.clouds.calls("custom_send")[0];
  CHECK(pushed.body["touser"] == kAlice);
  CHECK(pushed.body["text"]["content"] == "您好，请问有什么可以帮您？");
  CHECK(pushed.raw.find("您好") != std::string::npos);
  CHECK(pushed.query.at("access_token").starts_with("token-"));

  CHECK(stack.unfollow(kAlice).body == "success");
  stack.clouds.wait_for("account_delete", 1);
  CHECK(stack.clouds.calls("account_delete")[0].body["DeleteItem"][0]["UserID"] == kAlice);
  CHECK(eventually([&] { return stack.queue("relay")["done"] == 4; }));
  CHECK(stack.queue("notifier")["done"] == 1);
}

TEST_CASE("flow: echoes, typing, failed sends, non-agents and strangers are not pushed") {
  Stack stack;
  stack.start_all();
  stack.say(kAlice, "hello");
  const auto body = [&](json more, const std::string& to = kAlice) {
    auto callback = json::parse(stack.reply_body(to, "not for the customer"));
    callback.update(more);
    return callback.dump();
  };
  CHECK(stack.callback(body(json::object()), stack.callback_query("RESTAPI")).status == 200);
  CHECK(stack.callback(body({{"OnlineOnlyFlag", 1}})).status == 200);
  CHECK(stack.callback(body({{"SendMsgResult", 80001}})).status == 200);
  CHECK(stack.callback(body({{"From_Account", "somebody"}})).status == 200);
  CHECK(stack.callback(body({{"From_Account", kAlice}, {"To_Account", "agent1"}})).status == 200);
  CHECK(stack.callback(body(json::object(), "oStranger")).status == 200);
  CHECK(stack.reply(kAlice, "for the customer").status == 200);
  stack.clouds.wait_for("custom_send", 1);
  CHECK(eventually([&] { return stack.queue("notifier")["done"] == 1; }));
  CHECK(stack.clouds.count("custom_send") == 1);
  CHECK(stack.clouds.calls("custom_send")[0].body["text"]["content"] == "for the customer");
}

TEST_CASE("flow: each customer is a conversation of its own, in order") {
  Stack stack;
  stack.start_all();
  for (int i = 0; i < 20; ++i) {
    stack.say(kAlice, "alice " + std::to_string(i));
    stack.say(kBob, "bob " + std::to_string(i));
  }
  stack.clouds.wait_for("sendmsg", 40);
  std::map<std::string, int> next;
  std::map<std::string, std::string> agent;
  for (const auto& send : stack.clouds.calls("sendmsg")) {
    const std::string from = send.text("From_Account");
    const std::string name = from == kAlice ? "alice " : "bob ";
    CHECK(text_of(send) == name + std::to_string(next[from]++));
    if (agent[from].empty()) agent[from] = send.text("To_Account");
    CHECK(send.body["To_Account"] == agent[from]);
  }
  CHECK(agent[kAlice] != agent[kBob]);
}

TEST_CASE("flow: a long reply comes in parts, in order, cut between characters") {
  Stack stack;
  stack.start_all();
  stack.say(kAlice, "tell me everything");
  std::string text;
  for (int i = 0; i < 1500; ++i) text += "汉";
  stack.reply(kAlice, text);
  stack.clouds.wait_for("custom_send", 3);
  std::string together;
  for (const auto& send : stack.clouds.calls("custom_send")) {
    const std::string part = text_of(send);
    CHECK(part.size() <= 2000);
    together += part;
  }
  CHECK(together == text);
}

TEST_CASE("flow: three relays share the work") {
  Stack stack(Environment{{"KEFU_CONCURRENCY", "2"}});
  stack.start_gateway();
  for (int i = 0; i < 3; ++i) stack.start_relay();
  stack.await_workers("relay", 3);
  stack.clouds.hold("sendmsg");
  for (int i = 0; i < 12; ++i) stack.say("oCustomer" + std::to_string(i), "hello");
  stack.clouds.wait_for("sendmsg", 6);
  const auto workers =
      stack.queue("relay")["workers"];  // a copy: the answer around it does not live through the loop
  for (const auto& worker : workers) {
    CHECK(worker["capacity"] == 2);
    CHECK(worker["in_flight"] == 2);
  }
  stack.clouds.release();
  stack.clouds.wait_for("sendmsg", 12);
}

TEST_CASE("flow: the operator's own replies, and what customers do as notes for the agent") {
  Stack stack;
  const auto config = stack.data_folder() + "/kefu.conf";
  std::ofstream(config) << "KEFU_FORWARD_EVENTS=CLICK,location\n"
                           "[[reply]]\nwhen = \"keyword:price\"\ntype = \"text\"\ncontent = \"10 yuan\"\n"
                           "[[reply]]\nwhen = \"click:song\"\ntype = \"music\"\n"
                           "content = { ThumbMediaId = \"thumb-1\" }\n";
  stack.gateway_settings["KEFU_CONFIG"] = config;
  stack.start_all();
  const auto event = [&](const std::string& name, const std::string& more) {
    return stack.push("<xml><ToUserName>gh_1</ToUserName><FromUserName>" + kAlice +
                      "</FromUserName><CreateTime>1790000000</CreateTime><MsgType>event</MsgType><Event>" +
                      name + "</Event>" + more + "</xml>");
  };
  const auto song = event("CLICK", "<EventKey>song</EventKey>");
  CHECK(song.body.find("<ThumbMediaId><![CDATA[thumb-1]]></ThumbMediaId>") != std::string::npos);
  CHECK(event("CLICK", "<EventKey>song</EventKey>").body == song.body);
  const std::string place = "<Latitude>23.1</Latitude><Longitude>113.3</Longitude><Precision>60</Precision>";
  CHECK(event("LOCATION", place).body == "success");
  CHECK(event("LOCATION", place + "<EventKey>later</EventKey>").body == "success");
  CHECK(event("VIEW", "<EventKey>https://example.com</EventKey>").body == "success");
  CHECK(stack.say(kAlice, "Price ").body.find("<![CDATA[10 yuan]]>") != std::string::npos);
  stack.clouds.wait_for("sendmsg", 3);
  const auto sends = stack.clouds.calls("sendmsg");
  REQUIRE(sends.size() == 3);
  CHECK(text_of(sends[0]) == "[Tapped the menu] song");
  CHECK(sends[0].body["To_Account"] == "agent1");
  CHECK(text_of(sends[1]) == "[Reported a position] (23.1, 113.3)");
  CHECK(text_of(sends[2]) == "Price ");
}
