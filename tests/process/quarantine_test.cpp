// Pushes that made no message, kept and submitted again, against the real gateway.
#include <doctest/doctest.h>

#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "lib/wechat/envelope.h"
#include "lib/wechat/signature.h"
#include "tests/process/stack.h"

using namespace kefu;
using namespace kefu::test;

namespace {

constexpr const char* kToken = "processtoken";  // as in stack.cpp
constexpr const char* kRightKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
constexpr const char* kWrongKey = "zyxwvutsrqponmlkjihgfedcba0123456789ABCDEFG";

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// As WeChat does in safe mode.
Answer push_encrypted(Stack& stack, const std::string& xml) {
  const auto encrypt =
      wechat::encrypt(*wechat::parse_aes_key(kRightKey), "wx0123456789abcdef", xml, "0123456789abcdef");
  const auto time = std::to_string(std::time(nullptr));
  return stack.push("<xml><ToUserName>gh_1</ToUserName><Encrypt>" + encrypt + "</Encrypt></xml>",
                    "signature=0&timestamp=" + time + "&nonce=77&encrypt_type=aes&msg_signature=" +
                        wechat::message_signature(kToken, time, "77", encrypt));
}

std::vector<std::string> texts_sent(const Stack& stack) {
  std::vector<std::string> texts;
  for (const auto& call : stack.clouds.calls("sendmsg")) texts.push_back(text_of(call));
  return texts;
}

struct Run {
  int status = -1;
  std::string output;
};

Run kefuctl(const Stack& stack, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--connect", "tcp://127.0.0.1:" + std::to_string(stack.admin_port())});
  Process run("kefuctl", {}, std::move(arguments));
  const int status = run.wait();
  return {status, run.output()};
}

}  // namespace

TEST_CASE("quarantine: with a wrong AES key nothing is lost, everybody is told, and all is delivered later") {
  Stack stack;
  stack.gateway_settings["WECHAT_AES_KEY"] = kWrongKey;
  stack.start_gateway();
  stack.start_relay();
  stack.await_workers("relay", 1);
  std::vector<std::string> texts;
  for (int i = 1; i <= 20; ++i) {
    texts.push_back("text " + std::to_string(i));
    CHECK(push_encrypted(stack, stack.text_body("oAlice", texts.back())).body == "success");
  }
  const auto ready = stack.ops("/readyz");
  CHECK(ready.status == 503);
  CHECK(contains(ready.body, "20 pushes were signed with WECHAT_TOKEN but could not be opened"));
  CHECK(contains(ready.body, "WECHAT_AES_KEY"));
  CHECK(contains(stack.gateway->output(), "kefuctl quarantine submit"));
  CHECK_FALSE(contains(stack.gateway->output(), kWrongKey));
  CHECK(contains(stack.ops("/metrics").body,
                 R"(kefu_quarantined_total{class="undecryptable",source="wechat"} 20)"));
  const auto listed = kefuctl(stack, {"quarantine"});
  CHECK(listed.status == 0);
  CHECK(contains(listed.output, "20 wait to be submitted"));
  const auto too_early = kefuctl(stack, {"quarantine", "submit"});
  CHECK(too_early.status == 1);
  CHECK(contains(too_early.output, "20 still cannot be delivered"));
  CHECK(texts_sent(stack).empty());

  stack.gateway->stop();
  stack.gateway_settings["WECHAT_AES_KEY"] = kRightKey;
  stack.start_gateway();
  const auto submitted = kefuctl(stack, {"quarantine", "submit"});
  CHECK_MESSAGE(submitted.status == 0, submitted.output);
  CHECK(contains(submitted.output, "20 pushes submitted"));
  stack.clouds.wait_for("sendmsg", 20);
  CHECK(contains(kefuctl(stack, {"quarantine", "submit"}).output, "0 pushes submitted"));
  CHECK(push_encrypted(stack, stack.text_body("oAlice", "the last one")).status == 200);
  stack.clouds.wait_for("sendmsg", 21);
  texts.emplace_back("the last one");
  CHECK(texts_sent(stack) == texts);
}
