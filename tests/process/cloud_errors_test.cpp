// What the clouds refuse, delay or leave open.
#include <doctest/doctest.h>

#include "tests/process/stack.h"

using namespace kefu::test;

namespace {
const std::string kAlice = "oAlice_0123456789-abcdefghij";
}  // namespace

TEST_CASE("clouds: a first failure is followed by the same message again, before all later ones") {
  Stack stack(Environment{{"KEFU_RETRY_FIRST", "200ms"}});
  stack.start_all();
  SUBCASE("an internal error of IM") {
    stack.clouds.fail_next("sendmsg", 91000);
  }
  SUBCASE("a gateway's error page") {
    stack.clouds.answer_next("sendmsg", {502, "<html>bad gateway</html>"});
  }
  SUBCASE("no JSON") {
    stack.clouds.answer_next("sendmsg", {200, "busy"});
  }
  stack.say(kAlice, "first");
  stack.say(kAlice, "second");
  stack.clouds.wait_for("sendmsg", 3);
  const auto sends = stack.clouds.calls("sendmsg");
  CHECK(sends[0].raw == sends[1].raw);
  CHECK(text_of(sends[1]) == "first");
  CHECK(text_of(sends[2]) == "second");
}

TEST_CASE("clouds: a locked account is followed by another one, and its replies reach the customer") {
  Stack stack;
  stack.start_all();
  stack.clouds.fail_next("account_import", 70399);
  stack.follow(kAlice);
  stack.clouds.wait_for("account_import", 2);
  CHECK(stack.clouds.calls("account_import")[1].body["UserID"] == kAlice + "-1");
  stack.say(kAlice, "hello");
  stack.clouds.wait_for("sendmsg", 1);
  CHECK(stack.clouds.calls("sendmsg")[0].body["From_Account"] == kAlice + "-1");
  stack.reply(kAlice + "-1", "welcome back");
  stack.clouds.wait_for("custom_send", 1);
  CHECK(stack.clouds.calls("custom_send")[0].body["touser"] == kAlice);
}

TEST_CASE("clouds: what IM refuses for good is a dead letter with a reason, and can be replayed") {
  Stack stack;
  stack.start_all();
  stack.clouds.fail_next("sendmsg", 80001);
  stack.say(kAlice, "refused");
  stack.say(kAlice, "taken");
  stack.clouds.wait_for("sendmsg", 2);
  CHECK(eventually([&] { return stack.queue("relay")["dead"] == 1; }));
  const auto dead =
      stack.ask({{"cmd", "list"}, {"queue", "relay"}, {"state", "dead"}, {"limit", 10}})["events"];
  REQUIRE(dead.size() == 1);
  CHECK(dead[0]["customer"] == kAlice);
  CHECK(dead[0]["error"].get<std::string>().find("80001") != std::string::npos);
  CHECK(stack.ask({{"cmd", "replay"}, {"id", dead[0]["id"]}})["count"] == 1);
  stack.clouds.wait_for("sendmsg", 3);
  CHECK(eventually([&] { return stack.queue("relay")["done"] == 2; }));
}

TEST_CASE("clouds: a dead token is healed once, with the message repeated") {
  Stack stack;
  stack.start_all();
  stack.say(kAlice, "hello");
  stack.clouds.fail_next("custom_send", 40001);
  stack.reply(kAlice, "yes?");
  stack.clouds.wait_for("custom_send", 2);
  CHECK(eventually([&] { return stack.queue("notifier")["done"] == 1; }));
  const auto sends = stack.clouds.calls("custom_send");
  CHECK(sends[0].raw == sends[1].raw);
  CHECK(sends[0].query.at("access_token") != sends[1].query.at("access_token"));
}

TEST_CASE("clouds: many replies share one token") {
  Stack stack;
  stack.start_all();
  for (int i = 0; i < 10; ++i) {
    stack.say("oCustomer" + std::to_string(i), "hello");
    stack.reply("oCustomer" + std::to_string(i), "yes?");
  }
  stack.clouds.wait_for("custom_send", 10);
  CHECK(stack.clouds.count("stable_token") == 1);
  CHECK(stack.clouds.calls("stable_token")[0].body["grant_type"] == "client_credential");
}

TEST_CASE("clouds: a closed reply window parks the replies until the customer writes") {
  Stack stack;
  stack.start_all();
  stack.say(kAlice, "hello");
  stack.clouds.fail_next("custom_send", 45015);
  stack.reply(kAlice, "first");
  stack.reply(kAlice, "second");
  CHECK(eventually([&] { return stack.queue("notifier")["parked"] == 1; }));
  CHECK(stack.clouds.count("custom_send") == 1);
  stack.say(kAlice, "I am back");
  stack.clouds.wait_for("custom_send", 3);
  const auto sends = stack.clouds.calls("custom_send");
  CHECK(sends[1].body["text"]["content"] == "first");
  CHECK(sends[2].body["text"]["content"] == "second");
}

TEST_CASE("clouds: the agent hears once that replies wait, and of each that dies") {
  Stack stack;
  stack.start_all();
  stack.say(kAlice, "hello");
  const auto notices = [&](const std::string& beginning) {
    std::vector<std::string> found;
    for (const auto& send : stack.clouds.calls("sendmsg")) {
      if (text_of(send).starts_with(beginning)) found.push_back(text_of(send));
    }
    return found;
  };
  const auto parked = [&] { return stack.queue("notifier")["parked"] == 1; };
  stack.clouds.fail_next("custom_send", 45015);
  stack.reply(kAlice, "first");
  CHECK(eventually(parked));
  CHECK(eventually([&] { return notices("[Waiting]").size() == 1; }));
  CHECK(notices("[Waiting]")[0].find("48 hours") != std::string::npos);

  // A tap on the menu lets replies through; the cloud decides.
  stack.clouds.fail_next("custom_send", 45015);
  CHECK(stack.event(kAlice, "CLICK").body == "success");
  stack.clouds.wait_for("custom_send", 2);
  CHECK(eventually(parked));
  stack.clouds.fail_next("custom_send", 43004);
  stack.event(kAlice, "SCAN");
  CHECK(eventually([&] { return notices("[Not delivered]").size() == 1; }));
  CHECK(notices("[Not delivered]")[0].find("“first”") != std::string::npos);
  CHECK(notices("[Waiting]").size() == 1);
  CHECK(stack.clouds.count("custom_send") == 3);
}

TEST_CASE("clouds: wrong credentials pause the queue and say what to fix, without killing messages") {
  Stack stack;
  stack.start_all();
  stack.say(kAlice, "hello");
  stack.clouds.fail_next("stable_token", 40164);
  stack.reply(kAlice, "yes?");
  CHECK(eventually([&] { return !stack.queue("notifier")["unavailable"].get<std::string>().empty(); }));
  CHECK(stack.queue("notifier")["unavailable"].get<std::string>().find("40164") != std::string::npos);
  CHECK(stack.queue("notifier")["dead"] == 0);
  CHECK(stack.ask({{"cmd", "resume"}, {"queue", "notifier"}})["ok"] == true);
  stack.clouds.wait_for("custom_send", 1);
}

TEST_CASE("clouds: a destination that is down is probed, and everything arrives when it is back") {
  const int port = free_port();
  Stack stack(Environment{{"IM_API", "http://127.0.0.1:" + std::to_string(port)}});
  stack.start_all();
  for (int i = 0; i < 5; ++i) stack.say("oCustomer" + std::to_string(i), "hello");
  CHECK(eventually([&] { return !stack.queue("relay")["unavailable"].get<std::string>().empty(); }));
  CHECK(stack.queue("relay")["dead"] == 0);
  kefu::http::Server im({.listen = "127.0.0.1:" + std::to_string(port)});
  std::atomic<int> sends = 0;
  im.post("/v4/im_open_login_svc/account_import", [](const kefu::http::Request&) {
    return kefu::http::Response{200, R"({"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0})",
                                "application/json"};
  });
  im.post("/v4/openim/sendmsg", [&](const kefu::http::Request&) {
    ++sends;
    return kefu::http::Response{200, R"({"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"MsgKey":"1_2_3"})",
                                "application/json"};
  });
  REQUIRE(im.start().ok());
  CHECK(eventually([&] { return stack.queue("relay")["done"] == 5; }));
  CHECK(sends == 5);
  im.stop();
}

TEST_CASE(
    "clouds: a reply that may have been delivered is sent again, unless the operator wants no repeats") {
  const auto lose_the_answer = [](Stack& stack) {
    stack.start_all();
    stack.say(kAlice, "hello");
    stack.clouds.answer_next("custom_send", {502, "<html>bad gateway</html>"});
    stack.reply(kAlice, "first");
    stack.reply(kAlice, "second");
    stack.clouds.wait_for("custom_send", 2);
  };
  SUBCASE("resend") {
    Stack stack(Environment{{"KEFU_RETRY_FIRST", "200ms"}});
    lose_the_answer(stack);
    stack.clouds.wait_for("custom_send", 3);
    CHECK(eventually([&] { return stack.queue("notifier")["done"] == 2; }));
    const auto sends = stack.clouds.calls("custom_send");
    CHECK(text_of(sends[0]) == "first");
    CHECK(text_of(sends[1]) == "first");
    CHECK(text_of(sends[2]) == "second");
    CHECK(stack.queue("notifier")["dead"] == 0);
  }
  SUBCASE("dead") {
    Stack stack(Environment{{"KEFU_NOTIFIER_ON_UNKNOWN", "dead"}});
    lose_the_answer(stack);
    CHECK(text_of(stack.clouds.calls("custom_send")[1]) == "second");
    CHECK(eventually([&] { return stack.queue("notifier")["done"] == 1; }));
    const auto dead =
        stack.ask({{"cmd", "list"}, {"queue", "notifier"}, {"state", "dead"}, {"limit", 10}})["events"];
    REQUIRE(dead.size() == 1);
    CHECK(dead[0]["error"].get<std::string>().find("may have been delivered") != std::string::npos);
  }
}
