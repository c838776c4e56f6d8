// Media of customers, from WeChat through the relay and the gateway to the agent.
#include <doctest/doctest.h>

#include <string>

#include "lib/base/digest.h"
#include "lib/http/raw_sockets.h"
#include "tests/process/stack.h"

using namespace kefu;
using namespace kefu::test;
using namespace std::string_literals;

namespace {

const std::string kAlice = "oAlice_0123456789-abcdefghij";
const std::string kPng = "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x02\x80\0\0\x01\xE0\x08\x02\0\0\0 and pixels"s;
const std::string kImage =
    "<PicUrl><![CDATA[http://mmbiz.qpic.cn/x]]></PicUrl><MediaId><![CDATA[m1]]></MediaId>";

std::string fetched(const Stack& stack, const std::string& url, const std::string& headers) {
  const auto base = "http://127.0.0.1:" + std::to_string(stack.http_port());
  REQUIRE(url.starts_with(base + "/media/"));
  const auto client = http::testing::RawSocket::to(stack.http_port());
  client.send("GET " + url.substr(base.size()) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers +
              "\r\n");
  return client.receive_all();
}

}  // namespace

TEST_CASE("media: a customer's picture is one in the agent's client, which can fetch it in parts") {
  Stack stack;
  stack.with_media();
  stack.start_gateway();
  stack.start_relay();
  stack.await_workers("relay", 1);
  stack.clouds.answer_next(
      "media_get", {200, kPng, "image/png", {{"Content-disposition", "attachment; filename=\"x.png\""}}});

  CHECK(stack.send(kAlice, "image", kImage).status == 200);
  stack.clouds.wait_for("sendmsg", 1);
  CHECK(stack.clouds.calls("media_get")[0].query.at("media_id") == "m1");
  const auto element = stack.clouds.calls("sendmsg")[0].body["MsgBody"][0];
  CHECK(element["MsgType"] == "TIMImageElem");
  CHECK(element["MsgContent"]["UUID"] == sha256_hex(kPng));
  const auto info = element["MsgContent"]["ImageInfoArray"][0];
  CHECK(info["Width"] == 640);
  CHECK(info["Height"] == 480);
  CHECK(info["Size"] == kPng.size());

  const auto url = info["URL"].get<std::string>();
  const auto whole = fetched(stack, url, "");
  CHECK(whole.find("Content-Type: image/png\r\n") != std::string::npos);
  CHECK(whole.substr(whole.find("\r\n\r\n") + 4) == kPng);
  const auto part = fetched(stack, url, "Range: bytes=1-3\r\n");
  CHECK(part.starts_with("HTTP/1.1 206"));
  CHECK(part.substr(part.find("\r\n\r\n") + 4) == "PNG");
  auto forged = url;
  forged[forged.size() - 5] = forged[forged.size() - 5] == 'a' ? 'b' : 'a';
  CHECK(fetched(stack, forged, "").starts_with("HTTP/1.1 404"));
}

TEST_CASE("media: what WeChat does not have any more is a note that says so, and holds nobody up") {
  Stack stack;
  stack.with_media();
  stack.start_gateway();
  stack.start_relay();
  stack.await_workers("relay", 1);
  CHECK(stack.send(kAlice, "voice", "<MediaId>m2</MediaId><Format>amr</Format>").status == 200);
  CHECK(stack.say(kAlice, "and now?").status == 200);
  stack.clouds.wait_for("sendmsg", 2);
  const auto calls = stack.clouds.calls("sendmsg");
  CHECK(text_of(calls[0]).find("微信已不再提供") != std::string::npos);
  CHECK(text_of(calls[1]) == "and now?");
}
