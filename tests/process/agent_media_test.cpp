// What agents show to customers, from IM's callback through gateway and notifier to WeChat.
#include <doctest/doctest.h>

#include <string>

#include "tests/process/stack.h"

using namespace kefu;
using namespace kefu::test;
using namespace std::string_literals;
using nlohmann::json;

namespace {

const std::string kAlice = "oAlice_0123456789-abcdefghij";
const std::string kPng = "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x02\x80\0\0\x01\xE0\x08\x02\0\0\0 and pixels"s;

json text(const std::string& words) {
  return {{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", words}}}};
}
json image(const std::string& url) {
  return {{"MsgType", "TIMImageElem"},
          {"MsgContent",
           {{"UUID", "u"},
            {"ImageFormat", 3},
            {"ImageInfoArray",
             {{{"Type", 1}, {"Size", kPng.size()}, {"Width", 640}, {"Height", 480}, {"URL", url}}}}}}};
}

void send(Stack& stack, const json& elements) {
  auto body = json::parse(stack.reply_body(kAlice, ""));
  body["MsgBody"] = elements;
  CHECK(stack.callback(body.dump()).status == 200);
}

void start(Stack& stack) {
  stack.start_gateway();
  stack.start_relay();
  stack.start_notifier();
  stack.await_workers("notifier", 1);
  stack.say(kAlice, "show me");
  stack.clouds.wait_for("sendmsg", 1);
}

}  // namespace

TEST_CASE("media: an agent's text, picture and text reach the customer in that order") {
  Stack stack;
  start(stack);
  stack.clouds.answer_next("im_media", {200, kPng, "image/png"});
  send(stack, {text("before"), image(stack.clouds.url() + "/im-media/a.png?key=secret"), text("after")});
  stack.clouds.wait_for("custom_send", 3);
  const auto sent = stack.clouds.calls("custom_send");
  CHECK(text_of(sent[0]) == "before");
  CHECK(sent[1].body["msgtype"] == "image");
  CHECK(text_of(sent[2]) == "after");
  const auto uploads = stack.clouds.calls("media_upload");
  REQUIRE(uploads.size() == 1);
  CHECK(uploads[0].query.at("type") == "image");
  CHECK(uploads[0].raw.find(kPng) != std::string::npos);
  CHECK(sent[1].body["image"]["media_id"].get<std::string>().starts_with("media-"));
}

TEST_CASE("media: what WeChat does not take is told to the agent, and the rest arrives") {
  Stack stack(Environment{{"KEFU_LOCALE", "en"}});
  start(stack);
  send(stack, {image(stack.clouds.url() + "/im-media/gone.png"), text("rest")});
  stack.clouds.wait_for("custom_send", 1);
  CHECK(text_of(stack.clouds.calls("custom_send")[0]) == "rest");
  stack.clouds.wait_for("sendmsg", 2);
  CHECK(text_of(stack.clouds.calls("sendmsg")[1]).find("can no longer be downloaded") != std::string::npos);
}
