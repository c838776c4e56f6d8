// Bad input: the contract's answers, and the process alive.
#include <doctest/doctest.h>

#include "tests/process/stack.h"

using namespace kefu::test;

namespace {
const std::string kAlice = "oAlice_0123456789-abcdefghij";
}

TEST_CASE("hostile: bad input gets the contract's answers and harms nothing") {
  Stack stack;
  stack.start_all();
  const auto signed_query = stack.signed_query();
  const std::string text = stack.text_body(kAlice, "hello");

  CHECK(stack.push(text, "signature=0000&timestamp=1&nonce=2").status == 403);
  CHECK(stack.push(text, "timestamp=1&nonce=2").status == 403);
  CHECK(stack.push(text, "x=1").status == 403);
  CHECK(stack.push(text, signed_query + "&nonce=3").status == 403);

  for (const std::string& body :
       {std::string("<xml><FromUserName>"), std::string("not xml"), std::string(), std::string("\0\0\0", 3),
        std::string(
            "<!DOCTYPE xml [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><xml><Content>&x;</Content></xml>"),
        std::string(
            "<xml><FromUserName>oAlice</FromUserName><ToUserName>gh</ToUserName><CreateTime>1</CreateTime>"
            "<MsgType>event</MsgType><Event>never_heard_of</Event></xml>")}) {
    CAPTURE(body);
    const auto answer = stack.push(body);
    CHECK(answer.status == 200);
    CHECK(answer.body == "success");
  }
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "<a>";
  CHECK(stack.push("<xml>" + deep).status == 200);
  CHECK(stack.push(std::string(2 << 20, 'x')).status == 413);

  CHECK(stack.callback("{").status == 400);
  CHECK(stack.callback("[]").status == 400);
  CHECK(stack.callback(std::string(200000, '[')).status == 400);
  CHECK(stack.callback(std::string(2 << 20, ' ')).status == 413);
  CHECK(stack.callback("{}", "SdkAppid=1").status == 403);
  CHECK(stack.callback("{}", "SdkAppid=1400000001").status == 403);
  CHECK(stack.callback(R"({"CallbackCommand":"Group.CallbackAfterSendMsg"})").status == 200);

  CHECK(stack.gateway->running());
  CHECK(stack.queue("relay")["done"] == 0);
  CHECK(stack.queue("relay")["ready"] == 0);
  stack.say(kAlice, "hello");
  stack.clouds.wait_for("sendmsg", 1);
  CHECK(stack.clouds.count("custom_send") == 0);

  const auto metrics = stack.ops("/metrics").body;
  CHECK(metrics.find("kefu_rejected_total{reason=\"signature\"} 5") != std::string::npos);
  CHECK(metrics.find("kefu_rejected_total{reason=\"not_understood\"} 7") != std::string::npos);
}

TEST_CASE("hostile: secrets, texts and customers are in no log") {
  Stack stack(Environment{{"KEFU_RETRY_FIRST", "100ms"}});
  stack.start_all();
  stack.clouds.fail_next("sendmsg", 91000);
  stack.clouds.fail_next("custom_send", 40001);
  stack.say(kAlice, "a very private word");
  stack.reply(kAlice, "a very private answer");
  stack.clouds.wait_for("sendmsg", 2);
  stack.clouds.wait_for("custom_send", 2);
  const std::string usersig = stack.clouds.calls("sendmsg")[0].query.at("usersig");
  const std::string token = stack.clouds.calls("custom_send")[0].query.at("access_token");
  for (auto* process : {stack.gateway.get(), stack.relays[0].get(), stack.notifier.get()}) {
    CHECK(process->stop() == 0);
    const auto output = process->output();
    for (const auto& secret :
         {kAlice, std::string("private"), std::string("processtoken"), std::string("callbacktoken"),
          std::string("wechatsecret"), std::string("5f4dcc3b"), usersig, token + "\""}) {
      CAPTURE(secret);
      CHECK(output.find(secret) == std::string::npos);
    }
  }
}
