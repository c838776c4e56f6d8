// Bad input: the contract's answers, and the process alive.
#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include "lib/http/raw_sockets.h"
#include "tests/process/stack.h"

using namespace kefu::test;
using kefu::http::testing::RawSocket;

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

namespace {

std::string head_of(const std::string& target, const std::string& framing) {
  return "POST " + target + " HTTP/1.1\r\nHost: x\r\n" + framing + "\r\n\r\n";
}

// In KiB, of the process.
long resident(const Process& process) {
  std::ifstream status("/proc/" + std::to_string(process.pid()) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  }
  return 0;
}

}  // namespace

TEST_CASE("hostile: who is not authentic is told so before the body comes, and counted once") {
  Stack stack;
  stack.start_gateway();
  for (const std::string target : {"/?signature=0&timestamp=1&nonce=2", "/", "/imcallback?SdkAppid=1",
                                   "/imcallback?SdkAppid=1400000001&Sign=0&RequestTime=1"}) {
    CAPTURE(target);
    for (const std::string framing : {"Content-Length: 1000000", "Transfer-Encoding: chunked"}) {
      const auto client = RawSocket::to(stack.http_port());
      client.send(head_of(target, framing));
      CHECK(client.receive_until("\r\n\r\n").starts_with("HTTP/1.1 403"));
    }
  }
  const auto metrics = stack.ops("/metrics").body;
  CHECK(metrics.find("kefu_rejected_total{reason=\"signature\"} 6") != std::string::npos);
  CHECK(metrics.find("kefu_rejected_total{reason=\"sdkappid\"} 2") != std::string::npos);
}

TEST_CASE("hostile: a second request hidden behind bad chunks gets no answer") {
  Stack stack;
  stack.start_gateway();
  const auto target = "/?" + stack.signed_query();
  const std::string hidden = head_of("/?signature=0&timestamp=1&nonce=2", "Content-Length: 0");
  for (const std::string body : {"+1\r\nx\r\n0\r\n\r\n", "0x1\r\nx\r\n0\r\n\r\n", "1\nx\r\n0\r\n\r\n",
                                 "1\r\nxXX0\r\n\r\n", "1\r\nx\n0\r\n\r\n", "1;a\nb\r\nx\r\n0\r\n\r\n"}) {
    CAPTURE(body);
    const auto client = RawSocket::to(stack.http_port());
    client.send(head_of(target, "Transfer-Encoding: chunked") + body + hidden);
    const auto answers = client.receive_all();
    CHECK(answers.starts_with("HTTP/1.1 400"));
    CHECK(answers.find("HTTP/1.1", 1) == std::string::npos);
  }
}

TEST_CASE("hostile: bodies of strangers that do not end take little memory and nobody's turn") {
  Stack stack;
  stack.gateway_settings["WECHAT_AES_KEY"] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
  // The address sanitizer would keep up to 256 MiB of what was freed.
  stack.gateway_settings["ASAN_OPTIONS"] = "quarantine_size_mb=1";
  stack.start_gateway();
  const auto before = resident(*stack.gateway);
  const std::string much(1'000'000, 'x');
  std::vector<RawSocket> large, dripping;
  for (int i = 0; i < 150; ++i) {
    large.push_back(RawSocket::to(stack.http_port()));
    large.back().send(head_of("/", "Content-Length: 1000001") + much);
  }
  for (int i = 0; i < 400; ++i) {
    dripping.push_back(RawSocket::to(stack.http_port()));
    dripping.back().send(head_of("/", "Transfer-Encoding: chunked") + "ff\r\nx");
  }
  CHECK(stack.reply(kAlice, "hello").status == 200);
  CHECK(resident(*stack.gateway) - before < 100 << 10);
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
