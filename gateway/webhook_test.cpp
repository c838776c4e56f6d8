#include <doctest/doctest.h>

#include <deque>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "gateway/web/im_webhook.h"
#include "gateway/web/wechat_webhook.h"
#include "lib/base/digest.h"
#include "lib/im/callback.h"
#include "lib/wechat/signature.h"

using namespace kefu;
using nlohmann::json;

namespace {

constexpr const char* kToken = "token123";
constexpr const char* kAesKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
constexpr Timestamp kNow{1'700'000'000'000};

struct Bench {
  ops::Metrics metrics;
  Tally tally{metrics};
  PushHealth health;
  std::vector<Submission> submitted;
  Receipt receipt{Receipt::Kind::stored, ReplyKind::none};
  WeChatWebhookOptions wechat_options{kToken, "wx1", {}, "welcome!", "please wait", &texts("en")};

  auto submit() {
    return [this](Submission submission) {
      submitted.push_back(std::move(submission));
      return receipt;
    };
  }
  WeChatWebhook::Submit tell_at_once() {
    return [submit = submit()](Submission submission, const std::function<void(Receipt)>& tell) {
      tell(submit(std::move(submission)));
    };
  }
  WeChatWebhook wechat() { return {wechat_options, tell_at_once(), tally, health}; }
  http::Response push(const http::Request& request) {
    std::vector<http::Response> answers;
    wechat().push(request, [&](http::Response answer) { answers.push_back(std::move(answer)); });
    REQUIRE(answers.size() == 1);
    return answers.front();
  }
  http::EarlyVerdict check_callback(const http::Request& head, Timestamp now,
                                    const std::string& token = "cb") {
    return ImWebhook({"1400000001", token, {"agent1"}}, tell_at_once(), tally).check_early(head, now);
  }
  // The answer to a callback. `token`: of the settings.
  http::Response called_back(const http::Request& request, Timestamp now, const std::string& token = "cb") {
    const ImWebhook im({"1400000001", token, {"agent1"}}, tell_at_once(), tally);
    std::vector<http::Response> answers;
    im.callback(request, now, [&](http::Response answer) { answers.push_back(std::move(answer)); });
    REQUIRE(answers.size() == 1);
    return answers.front();
  }

  const CustomerPush& customer_push() const { return std::get<CustomerPush>(submitted.at(0)); }
  const RawPush& raw() const { return std::get<RawPush>(submitted.at(0)); }
};

http::Request signed_request(const std::string& body) {
  http::Request request;
  request.method = "POST";
  request.path = "/";
  request.query = {
      {"signature", wechat::url_signature(kToken, "1", "2")}, {"timestamp", "1"}, {"nonce", "2"}};
  request.body = body;
  return request;
}

std::string text_push(const std::string& content = "hello", const std::string& from = "oAlice") {
  return "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[" + from +
         "]]></FromUserName><CreateTime>1700000000</CreateTime><MsgType><![CDATA[text]]></"
         "MsgType><Content><![CDATA[" +
         content + "]]></Content><MsgId>77</MsgId></xml>";
}

http::Request encrypted_request(const wechat::AesKey& key, const std::string& xml) {
  const auto encrypt = wechat::encrypt(key, "wx1", xml, "0123456789abcdef");
  auto request = signed_request("<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[" + encrypt +
                                "]]></Encrypt></xml>");
  request.query.emplace_back("encrypt_type", "aes");
  request.query.emplace_back("msg_signature", wechat::message_signature(kToken, "1", "2", encrypt));
  return request;
}

std::string event_push(const std::string& event, const std::string& key = "") {
  return "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oAlice]]></"
         "FromUserName><CreateTime>1700000000"
         "</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[" +
         event + "]]></Event><EventKey><![CDATA[" + key + "]]></EventKey></xml>";
}

http::Request callback(const std::string& body) {
  http::Request request;
  request.query = {{"SdkAppid", "1400000001"},
                   {"CallbackCommand", "C2C.CallbackAfterSendMsg"},
                   {"OptPlatform", "Windows"},
                   {"RequestTime", "1700000000"},
                   {"Sign", im::callback_sign("cb", "1700000000")}};
  request.body = body;
  return request;
}

std::string sent(const std::string& from = "agent1", const std::string& more = "") {
  return R"({"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":")" + from +
         R"(","To_Account":"oAlice","MsgSeq":1,"MsgRandom":2,"MsgTime":3,"MsgKey":"1_2_3","SendMsgResult":0,)" +
         more + R"("MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"yes?"}}]})";
}

void replace_parameter(http::Request& request, const std::string& name, const std::string& value) {
  for (auto& [key, old] : request.query) {
    if (key == name) old = value;
  }
}

}  // namespace

TEST_CASE("the console's question is answered with its own words, byte for byte") {
  Bench bench;
  auto request = signed_request("");
  request.query.emplace_back("echostr", " a+b<c>&\xe4\xbd\xa0 ");
  const auto answer = bench.wechat().verify(request);
  CHECK(answer.status == 200);
  CHECK(answer.body == " a+b<c>&\xe4\xbd\xa0 ");
}

TEST_CASE("forged, unsigned and repeated signatures are refused and nothing is stored") {
  Bench bench;
  auto request = signed_request(text_push());
  SUBCASE("wrong") {
    replace_parameter(request, "signature", std::string(40, '0'));
  }
  SUBCASE("empty") {
    replace_parameter(request, "signature", "");
  }
  SUBCASE("missing") {
    request.query.erase(request.query.begin());
  }
  SUBCASE("no query") {
    request.query.clear();
  }
  SUBCASE("a parameter twice") {
    request.query.push_back(request.query[1]);
  }
  CHECK(bench.push(request).status == 403);
  request.query.emplace_back("echostr", "1");
  CHECK(bench.wechat().verify(request).status == 403);
  CHECK(bench.submitted.empty());
}

TEST_CASE("before the body of a push comes, its head is refused, known or neither") {
  using Kind = http::EarlyVerdict::Kind;
  Bench bench;
  auto forged = signed_request("");
  replace_parameter(forged, "signature", std::string(40, '0'));
  auto twice = signed_request("");
  twice.query.push_back(twice.query[0]);
  auto unsigned_one = signed_request("");
  unsigned_one.query.erase(unsigned_one.query.begin());

  CHECK(bench.wechat().check_early(signed_request("")).kind == Kind::authentic);
  for (const auto& bad : {forged, twice, unsigned_one}) {
    const auto verdict = bench.wechat().check_early(bad);
    CHECK(verdict.kind == Kind::refused);
    CHECK(verdict.refusal.status == 403);
  }
  CHECK(bench.metrics.text().find("kefu_rejected_total{reason=\"signature\"} 3") != std::string::npos);

  // With a key the body's own signature decides, whatever the head says.
  bench.wechat_options.aes_keys = {*wechat::parse_aes_key(kAesKey)};
  CHECK(bench.wechat().check_early(signed_request("")).kind == Kind::authentic);
  for (const auto& bad : {forged, twice, unsigned_one})
    CHECK(bench.wechat().check_early(bad).kind == Kind::unknown);
  CHECK(bench.submitted.empty());
}

TEST_CASE("before the body of a callback comes, its Sign is checked") {
  using Kind = http::EarlyVerdict::Kind;
  Bench bench;
  const auto good = callback("");
  CHECK(bench.check_callback(good, kNow).kind == Kind::authentic);
  CHECK(bench.check_callback(good, kNow, "").kind == Kind::unknown);
  auto other_app = good;
  replace_parameter(other_app, "SdkAppid", "1");
  auto forged = good;
  replace_parameter(forged, "Sign", std::string(64, '0'));
  auto twice = good;
  twice.query.emplace_back("Sign", im::callback_sign("cb", "1700000000"));
  for (const auto& bad : {other_app, forged, twice}) {
    const auto verdict = bench.check_callback(bad, kNow);
    CHECK(verdict.kind == Kind::refused);
    CHECK(verdict.refusal.status == 403);
  }
  CHECK(bench.check_callback(good, kNow + Millis(24 * 3'600'000)).kind == Kind::refused);
  CHECK(bench.check_callback(other_app, kNow, "").kind == Kind::refused);
}

TEST_CASE("a text becomes a message of its customer") {
  Bench bench;
  const auto answer = bench.push(signed_request(text_push()));
  CHECK(answer.body == "success");
  CHECK(bench.customer_push().kind == CustomerPush::Kind::message);
  CHECK(bench.customer_push().text == "hello");
  CHECK(bench.customer_push().customer.value == "oAlice");
  CHECK(bench.customer_push().source_id == "77");
}

TEST_CASE("following and leaving, however they are spelled") {
  Bench bench;
  SUBCASE("follow") {
    bench.receipt.reply = ReplyKind::welcome;
    const auto answer = bench.push(signed_request(event_push("SUBSCRIBE", "qrscene_shop7")));
    CHECK(answer.body.find("<![CDATA[welcome!]]>") != std::string::npos);
    CHECK(answer.content_type.starts_with("text/xml"));
    CHECK(bench.customer_push().kind == CustomerPush::Kind::follow);
    CHECK(bench.customer_push().scene == "shop7");
  }
  SUBCASE("leave") {
    bench.push(signed_request(event_push("unsubscribe")));
    CHECK(bench.customer_push().kind == CustomerPush::Kind::unfollow);
  }
}

TEST_CASE("a scan and the taps on the menu that let us reply are told") {
  Bench bench;
  std::string event;
  SUBCASE("scan") {
    event = "SCAN";
  }
  SUBCASE("click") {
    event = "CLICK";
  }
  SUBCASE("scancode_push") {
    event = "scancode_push";
  }
  SUBCASE("scancode_waitmsg") {
    event = "scancode_waitmsg";
  }
  CHECK(bench.push(signed_request(event_push(event, "key"))).body == "success");
  CHECK(bench.customer_push().kind ==
        (event == "SCAN" ? CustomerPush::Kind::scan : CustomerPush::Kind::menu));
  CHECK(bench.customer_push().note.empty());
}

TEST_CASE("an event that changes nothing is told when it is named, else only counted") {
  Bench bench;
  CHECK(bench.push(signed_request(event_push("VIEW", "http://x"))).body == "success");
  CHECK(bench.submitted.empty());
  bench.wechat_options.forward_events = {"view", "subscribe"};
  bench.push(signed_request(event_push("view", "http://x")));
  CHECK(bench.customer_push().kind == CustomerPush::Kind::visit);
  CHECK(bench.customer_push().note == "[Opened a page from the menu] http://x");
  bench.submitted.clear();
  bench.push(signed_request(event_push("subscribe", "qrscene_7")));
  CHECK(bench.customer_push().kind == CustomerPush::Kind::follow);
  CHECK(bench.customer_push().note == "[Followed through a QR code] Scene: 7");
}

TEST_CASE("a message of a type that nobody knows is told to the agent and kept") {
  Bench bench;
  auto body = text_push();
  body.replace(body.find("[text]"), 6, "[hologram]");
  bench.push(signed_request(body));
  CHECK(bench.customer_push().text == "[Unsupported message] hologram");
  CHECK(bench.customer_push().message_type == "hologram");
  CHECK(bench.customer_push().body == body);
}

TEST_CASE("a message that was chosen from a msgmenu is one") {
  Bench bench;
  auto body = text_push();
  body.insert(body.find("<MsgId>"), "<bizmsgmenuid>101</bizmsgmenuid>");
  bench.push(signed_request(body));
  bench.push(signed_request(text_push()));
  CHECK(bench.customer_push().chosen);
  CHECK_FALSE(std::get<CustomerPush>(bench.submitted.at(1)).chosen);
}

TEST_CASE("an empty reply text means no reply") {
  Bench bench;
  bench.wechat_options.please_wait.clear();
  bench.receipt.reply = ReplyKind::please_wait;
  CHECK(bench.push(signed_request(text_push())).body == "success");
}

TEST_CASE("while nobody is at the desk the customer is told so instead of being asked to wait") {
  Bench bench;
  bench.wechat_options.offline = "nobody here";
  for (const auto kind : {ReplyKind::offline, ReplyKind::offline_again}) {
    bench.receipt = {Receipt::Kind::stored, kind};
    const auto first = bench.push(signed_request(text_push()));
    CHECK(first.body.find("<![CDATA[nobody here]]>") != std::string::npos);
    bench.receipt.kind = Receipt::Kind::duplicate;
    CHECK(bench.push(signed_request(text_push())).body == first.body);
  }
  SUBCASE("a configured reply wins") {
    bench.wechat_options.replies = {{ReplyRule::When::session, "", wechat::TextReply{"we open at nine"}}};
    CHECK(bench.push(signed_request(text_push())).body.find("nobody here") != std::string::npos);
    bench.receipt.reply = ReplyKind::offline;
    CHECK(bench.push(signed_request(text_push())).body.find("we open at nine") != std::string::npos);
  }
  SUBCASE("an empty text means no reply") {
    bench.wechat_options.offline.clear();
    CHECK(bench.push(signed_request(text_push())).body == "success");
  }
}

TEST_CASE("a configured reply wins over the built-in one, and the event goes on") {
  Bench bench;
  bench.wechat_options.replies = {{ReplyRule::When::keyword, "hello", wechat::TextReply{"hi yourself"}},
                                  {ReplyRule::When::subscribe, "", wechat::ImageReply{"m1"}},
                                  {ReplyRule::When::event, "view", wechat::TextReply{"seen"}}};
  bench.receipt.reply = ReplyKind::please_wait;
  const auto first = bench.push(signed_request(text_push("Hello")));
  CHECK(first.body.find("<![CDATA[hi yourself]]>") != std::string::npos);
  CHECK(bench.customer_push().text == "Hello");
  bench.receipt = {Receipt::Kind::duplicate, ReplyKind::please_wait};
  CHECK(bench.push(signed_request(text_push("Hello"))).body == first.body);
  CHECK(bench.push(signed_request(text_push("else"))).body.find("please wait") != std::string::npos);
  bench.receipt.reply = ReplyKind::welcome;
  CHECK(bench.push(signed_request(event_push("subscribe"))).body.find("<MediaId><![CDATA[m1]]>") !=
        std::string::npos);
  CHECK(bench.push(signed_request(event_push("VIEW"))).body.find("seen") != std::string::npos);
  bench.receipt.kind = Receipt::Kind::refused;
  CHECK(bench.push(signed_request(text_push("hello"))).status == 503);
}

TEST_CASE("a duplicate gets the bytes of the first answer") {
  Bench bench;
  bench.receipt.reply = ReplyKind::please_wait;
  const auto first = bench.push(signed_request(text_push()));
  bench.receipt.kind = Receipt::Kind::duplicate;
  CHECK(bench.push(signed_request(text_push())).body == first.body);
}

TEST_CASE("what cannot be stored is to be sent again") {
  Bench bench;
  bench.receipt.kind = Receipt::Kind::refused;
  CHECK(bench.push(signed_request(text_push())).status == 503);
  CHECK(bench.push(signed_request("<xml>")).status == 503);
  CHECK(bench.called_back(callback(sent()), kNow).status == 503);
}

TEST_CASE("an authentic push that nobody understands is kept, never an error") {
  Bench bench;
  std::string body;
  SUBCASE("no XML") {
    body = "hello";
  }
  SUBCASE("empty") {
    body = "";
  }
  SUBCASE("a document type") {
    body = "<!DOCTYPE xml [<!ENTITY a \"b\">]><xml><MsgType>text</MsgType></xml>";
  }
  SUBCASE("an unknown event") {
    body = event_push("card_pass_check");
  }
  SUBCASE("a sender that is no openid") {
    body = text_push("hi", "o Alice/../");
  }
  SUBCASE("an empty text") {
    body = text_push("");
  }
  const auto answer = bench.push(signed_request(body));
  CHECK(answer.status == 200);
  CHECK(answer.body == "success");
  CHECK(bench.raw().body == body);
}

TEST_CASE("a body whose sender is not the one of the address is kept, not believed") {
  Bench bench;
  auto request = signed_request(text_push());
  request.query.emplace_back("openid", "oMallory");
  CHECK(bench.push(request).body == "success");
  CHECK(bench.raw().reason == "openid and FromUserName differ");
}

TEST_CASE("a message that is no text reaches the agent as a readable note") {
  Bench bench;
  bench.push(signed_request(
      "<xml><ToUserName>gh_1</ToUserName><FromUserName>oAlice</FromUserName><CreateTime>1</CreateTime>"
      "<MsgType>image</MsgType><PicUrl>http://x/1</PicUrl><MediaId>m</MediaId><MsgId>5</MsgId></xml>"));
  CHECK(bench.customer_push().text == "[Picture] http://x/1");
  CHECK(bench.customer_push().message_type == "image");
  CHECK(bench.customer_push().content.media().media_id() == "m");
}

TEST_CASE("with a key only authentic encrypted pushes are taken, and replies are encrypted") {
  Bench bench;
  bench.wechat_options.aes_keys = {*wechat::parse_aes_key(kAesKey)};
  bench.receipt.reply = ReplyKind::please_wait;
  const auto encrypt =
      wechat::encrypt(bench.wechat_options.aes_keys[0], "wx1", text_push(), "0123456789abcdef");
  auto request = signed_request("<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[" + encrypt +
                                "]]></Encrypt></xml>");
  CHECK(bench.push(signed_request(text_push())).status == 403);
  auto raw = signed_request(text_push());
  raw.query.emplace_back("encrypt_type", "raw");
  CHECK(bench.push(raw).status == 403);
  CHECK(bench.push(request).status == 403);
  request.query.emplace_back("encrypt_type", "aes");
  request.query.emplace_back("msg_signature", wechat::message_signature(kToken, "1", "2", encrypt));
  const auto answer = bench.push(request);
  CHECK(bench.customer_push().text == "hello");
  const auto inside = wechat::encrypted_part(answer.body);
  REQUIRE(inside.ok());
  CHECK(wechat::decrypt(bench.wechat_options.aes_keys[0], "wx1", *inside)->find("please wait") !=
        std::string::npos);
  replace_parameter(request, "msg_signature", std::string(40, '0'));
  CHECK(bench.push(request).status == 403);
}

TEST_CASE("a push encrypted with the previous key is taken and answered with it") {
  Bench bench;
  const auto previous = *wechat::parse_aes_key(kAesKey);
  bench.wechat_options.aes_keys = {*wechat::parse_aes_key(std::string(43, 'n')), previous};
  bench.receipt.reply = ReplyKind::please_wait;
  const auto answer = bench.push(encrypted_request(previous, text_push()));
  CHECK(bench.customer_push().text == "hello");
  const auto inside = wechat::encrypted_part(answer.body);
  REQUIRE(inside.ok());
  CHECK(wechat::decrypt(previous, "wx1", *inside).ok());
  CHECK(answer.body.find("<TimeStamp>1</TimeStamp><Nonce><![CDATA[2]]></Nonce>") != std::string::npos);
  CHECK(answer.body.find(wechat::message_signature(kToken, "1", "2", *inside)) != std::string::npos);
  bench.receipt.reply = ReplyKind::none;
  CHECK(bench.push(encrypted_request(previous, text_push())).body == "success");
}

TEST_CASE("the plain half of a compatible push is never used when there is a key") {
  Bench bench;
  const auto key = *wechat::parse_aes_key(kAesKey);
  bench.wechat_options.aes_keys = {key};
  auto request = encrypted_request(key, text_push("real"));
  const auto plain = text_push("forged", "oMallory");
  request.body = plain.substr(0, plain.size() - 6) + request.body.substr(5);
  SUBCASE("with both") {
    CHECK(bench.push(request).body == "success");
    CHECK(bench.customer_push().text == "real");
    CHECK(bench.customer_push().customer.value == "oAlice");
  }
  SUBCASE("nor when the encrypted half cannot be read") {
    const auto other = wechat::encrypt(key, "wx2", text_push("real"), "0123456789abcdef");
    request = encrypted_request(key, "");
    request.body = plain.substr(0, plain.size() - 6) + "<Encrypt>" + other + "</Encrypt></xml>";
    replace_parameter(request, "msg_signature", wechat::message_signature(kToken, "1", "2", other));
    CHECK(bench.push(request).body == "success");
    CHECK(bench.raw().reason == "encrypted for another app id");
  }
}

TEST_CASE("of every crypto vector: 403 for a wrong signature, else 200, and nothing but what was encrypted") {
  int checked = 0;
  for (const auto* file : {"wechat-crypto.json", "wechat-crypto-derived.json"}) {
    const auto vectors = json::parse(std::ifstream(std::string(KEFU_TEST_VECTORS "/") + file))["vectors"];
    for (const auto& vector : vectors) {
      const auto text = [&](const char* name) { return vector.at(name).get<std::string>(); };
      CAPTURE(text("name"));
      const auto key = wechat::parse_aes_key(text("encoding_aes_key"));
      if (!key) continue;  // refused at start
      Bench bench;
      bench.wechat_options.token = text("token");
      bench.wechat_options.app_id =
          text(vector.contains("receive_id") ? "receive_id" : "receive_id_in_ciphertext");
      bench.wechat_options.aes_keys = {*key};
      http::Request request;
      request.query = {{"msg_signature", text("msg_signature")},
                       {"timestamp", text("timestamp")},
                       {"nonce", text("nonce")},
                       {"encrypt_type", "aes"}};
      request.body = "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[" + text("encrypt") +
                     "]]></Encrypt></xml>";
      const auto answer = bench.push(request);
      const bool holds = wechat::message_signature(text("token"), text("timestamp"), text("nonce"),
                                                   text("encrypt")) == text("msg_signature");
      CHECK(answer.status == (holds ? 200 : 403));
      CHECK(bench.submitted.size() == (holds ? 1 : 0));
      if (vector.value("kind", "positive") == "negative" && holds) {
        CHECK(answer.body == "success");
        CHECK(bench.raw().source == "wechat");
      }
      ++checked;
    }
  }
  CHECK(checked >= 35);
}

TEST_CASE("no sample body is answered with an error, and none is believed about its sender") {
  const auto index = json::parse(std::ifstream(KEFU_TEST_VECTORS "/wechat-xml/index.json"))["samples"];
  for (const auto& [name, entry] : index.items()) {
    CAPTURE(name);
    std::ifstream file(std::string(KEFU_TEST_VECTORS "/wechat-xml/") + entry["file"].get<std::string>(),
                       std::ios::binary);
    const auto body = (std::ostringstream() << file.rdbuf()).str();
    Bench bench;
    const auto answer = bench.push(signed_request(body));
    CHECK(answer.status == 200);
    CHECK(answer.body == "success");
    if (bench.submitted.empty() || std::holds_alternative<RawPush>(bench.submitted[0])) {
      CHECK(entry["kind"] != "message");
    } else if (entry["kind"] != "reply") {
      CHECK(bench.customer_push().customer.value == "oBr1dGe0_TestUser-000000001A");
    }
    // Cut anywhere, it is answered alike.
    for (std::size_t size = 0; size < body.size(); size += 7)
      CHECK(bench.push(signed_request(body.substr(0, size))).status == 200);
  }
}

TEST_CASE(
    "a signed push that no key opens is answered success, quarantined whole, and told until one opens") {
  Bench bench;
  const auto key = *wechat::parse_aes_key(kAesKey);
  auto other = key;
  other.bytes[0] ^= 1;
  const auto request = encrypted_request(other, text_push());
  bench.wechat_options.aes_keys = {key};
  CHECK(bench.health.problems().empty());
  CHECK(bench.push(request).body == "success");
  CHECK(bench.push(request).body == "success");
  CHECK(bench.raw().kind == QuarantineClass::undecryptable);
  CHECK(bench.raw().body == request.body);
  REQUIRE(bench.health.problems().size() == 1);
  const auto problem = bench.health.problems().front();
  CHECK(problem.starts_with("2 pushes were signed with WECHAT_TOKEN but could not be opened"));
  CHECK(problem.find("WECHAT_AES_KEY") != std::string::npos);
  CHECK(problem.find(kAesKey) == std::string::npos);
  CHECK(problem.find(kToken) == std::string::npos);
  bench.push(encrypted_request(key, text_push()));
  CHECK(bench.health.problems().empty());
}

TEST_CASE("an encrypted push is told when no key is set at all") {
  Bench bench;
  const auto key = *wechat::parse_aes_key(kAesKey);
  CHECK(bench.push(encrypted_request(key, text_push())).body == "success");
  CHECK(bench.raw().kind == QuarantineClass::undecryptable);
  CHECK(bench.raw().query.contains("msg_signature"));
  CHECK(bench.health.problems().size() == 1);
}

namespace {

QuarantinedPush quarantined(const RawPush& raw) {
  QuarantinedPush push;
  push.source = raw.source;
  push.kind = raw.kind;
  push.query = raw.query;
  push.body = raw.body;
  push.body_bytes = raw.body.size();
  return push;
}

}  // namespace

TEST_CASE("a quarantined push is read again with the key that opens it") {
  Bench bench;
  const auto key = *wechat::parse_aes_key(kAesKey);
  auto request = encrypted_request(key, text_push());
  SUBCASE("a wrong key was set") {
    auto other = key;
    other.bytes[0] ^= 1;
    bench.wechat_options.aes_keys = {other};
  }
  SUBCASE("no key was set") {}
  bench.push(request);
  const auto row = quarantined(bench.raw());
  CHECK_FALSE(read_again(bench.wechat_options, row));
  bench.wechat_options.aes_keys = {key};
  const auto again = read_again(bench.wechat_options, row);
  REQUIRE(again);
  CHECK(std::get<CustomerPush>(*again).text == "hello");
  bench.submitted.clear();
  bench.push(request);
  CHECK(std::get<CustomerPush>(*again).key == bench.customer_push().key);
}

TEST_CASE("a quarantined push whose body nobody signed is not believed later") {
  Bench bench;
  const auto key = *wechat::parse_aes_key(kAesKey);
  auto request = encrypted_request(key, text_push());
  SUBCASE("a wrong msg_signature") {
    replace_parameter(request, "msg_signature", std::string(40, '0'));
  }
  SUBCASE("none") {
    request.query.pop_back();
  }
  bench.push(request);
  REQUIRE(bench.raw().kind == QuarantineClass::undecryptable);
  bench.wechat_options.aes_keys = {key};
  const auto again = read_again(bench.wechat_options, quarantined(bench.raw()));
  REQUIRE_FALSE(again);
  CHECK(again.error() == "its msg_signature was not made with WECHAT_TOKEN");
}

TEST_CASE("a quarantined callback is read again as the webhook would") {
  const ImWebhookOptions options{"1400000001", "cb", {"agent1"}};
  QuarantinedPush row;
  row.source = "im";
  row.body = sent();
  row.body_bytes = row.body.size();
  const auto again = read_again(options, row);
  REQUIRE(again);
  CHECK(std::get<AgentPush>(*again).text == "yes?");
  row.body = sent("agent9");
  row.body_bytes = row.body.size();
  CHECK(read_again(options, row).error() == "its sender is not in IM_AGENTS");
  row.body = "hello";
  row.body_bytes = row.body.size();
  CHECK_FALSE(read_again(options, row));
  row.body_bytes = 100'000;
  CHECK(read_again(options, row).error() == "its body was cut when it was kept");
}

TEST_CASE("an agent's word becomes a message to the customer") {
  Bench bench;
  const auto answer = bench.called_back(callback(sent()), kNow);
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0})");
  const auto& push = std::get<AgentPush>(bench.submitted.at(0));
  CHECK(push.agent == "agent1");
  CHECK(push.to.value == "oAlice");
  CHECK(push.text == "yes?");
  CHECK(push.source_id == "1_2_3");
}

TEST_CASE("callbacks of others are refused") {
  Bench bench;
  auto request = callback(sent());
  Timestamp now = kNow;
  SUBCASE("another app") {
    replace_parameter(request, "SdkAppid", "1400000002");
  }
  SUBCASE("no app") {
    request.query.erase(request.query.begin());
  }
  SUBCASE("a wrong sign") {
    replace_parameter(request, "Sign", std::string(64, '0'));
  }
  SUBCASE("no sign") {
    request.query.pop_back();
  }
  SUBCASE("an old sign") {
    now = now + Millis(61000);
  }
  CHECK(bench.called_back(request, now).status == 403);
  CHECK(bench.submitted.empty());
}

TEST_CASE("what is no callback is refused, also when unsigned ones are taken") {
  Bench bench;
  CHECK(bench.called_back(callback("hello"), kNow).status == 400);
  http::Request request;
  request.query = {{"SdkAppid", "1400000001"}};
  request.body = sent();
  CHECK(bench.called_back(request, kNow, "").status == 200);
  CHECK(bench.submitted.size() == 1);
}

TEST_CASE("what is no agent's word is answered and ignored") {
  Bench bench;
  std::string body = sent();
  auto request = callback(body);
  SUBCASE("our own sends") {
    request.body = sent("oAlice");
    replace_parameter(request, "OptPlatform", "RestAPI");
  }
  SUBCASE("typing notices") {
    request.body = sent("agent1", R"("OnlineOnlyFlag":1,)");
  }
  SUBCASE("customers") {
    request.body = sent("oAlice");
  }
  SUBCASE("the presence of customers") {
    request.body =
        R"({"CallbackCommand":"State.StateChange","Info":{"Action":"Login","To_Account":"oAlice"}})";
  }
  SUBCASE("read reports, robots, groups and what is yet to be invented") {
    for (const auto* command :
         {"C2C.CallbackAfterMsgReport", "C2C.CallbackAfterMsgReadReceipt", "Bot.OnC2CMessage",
          "Group.CallbackBeforeSendMsg", "Group.CallbackOnMemberStateChange", "New.Thing"}) {
      request.body = std::string(R"({"CallbackCommand":")") + command + R"(","GroupId":"g","MsgBody":5})";
      CHECK(bench.called_back(request, kNow).status == 200);
    }
  }
  CHECK(bench.called_back(request, kNow).status == 200);
  CHECK(bench.called_back(request, kNow).body == im::callback_ok());
  CHECK(bench.submitted.empty());
}

TEST_CASE("a callback waits for its receipt however long that takes, since IM never repeats it") {
  Bench bench;
  std::vector<std::function<void(Receipt)>> waiting;
  const ImWebhook im(
      {"1400000001", "cb", {"agent1"}},
      [&](Submission, std::function<void(Receipt)> tell) { waiting.push_back(std::move(tell)); },
      bench.tally);
  std::vector<int> statuses;
  const auto answer = [&](const http::Response& response) { statuses.push_back(response.status); };
  im.callback(callback(sent()), kNow, answer);
  im.callback(callback(sent()), kNow, answer);
  REQUIRE(waiting.size() == 2);  // both were handed in, and neither holds a thread
  CHECK(statuses.empty());
  waiting[0]({Receipt::Kind::stored});
  CHECK(statuses == std::vector<int>{200});
  waiting[1]({Receipt::Kind::refused});
  CHECK(statuses == std::vector<int>{200, 503});
}

TEST_CASE("a typing notice is answered without waiting for what becomes of it") {
  Bench bench;
  bool handed_in = false;
  const ImWebhook im(
      {"1400000001", "cb", {"agent1"}},
      [&](const Submission& submission, const std::function<void(Receipt)>&) {
        handed_in = std::holds_alternative<TypingNotice>(submission);
      },
      bench.tally);
  auto typing = sent("agent1", R"("OnlineOnlyFlag":1,)");
  typing.replace(typing.find("TIMTextElem"), 11, "TIMCustomElem");
  typing.replace(typing.find(R"("Text":"yes?")"), 13,
                 R"("Data":"{\"businessID\":\"user_typing_status\",\"typingStatus\":1}")");
  int status = 0;
  im.callback(callback(typing), kNow, [&](const http::Response& response) { status = response.status; });
  CHECK(handed_in);
  CHECK(status == 200);
}

TEST_CASE("before and after a send are one message") {
  Bench bench;
  auto before = sent();
  before.replace(before.find("AfterSend"), 9, "BeforeSend");
  CHECK(bench.called_back(callback(before), kNow).body == im::callback_ok());
  CHECK(bench.called_back(callback(sent()), kNow).status == 200);
  REQUIRE(bench.submitted.size() == 2);
  CHECK(std::get<AgentPush>(bench.submitted[0]).key == std::get<AgentPush>(bench.submitted[1]).key);
}

TEST_CASE("a message that IM did not deliver, or that was recalled, is taken back") {
  Bench bench;
  SUBCASE("refused after it was announced") {
    auto refused = sent();
    refused.replace(refused.find("\"SendMsgResult\":0"), 17, "\"SendMsgResult\":\"80001\"");
    CHECK(bench.called_back(callback(refused), kNow).status == 200);
  }
  SUBCASE("recalled") {
    CHECK(bench
              .called_back(
                  callback(R"({"CallbackCommand":"C2C.CallbackAfterMsgWithDraw","From_Account":"agent1",
              "To_Account":"oAlice","MsgKey":"1_2_3","UnreadMsgNum":"1"})"),
                  kNow)
              .status == 200);
  }
  SUBCASE("the command stands in the address only") {
    auto request =
        callback(R"({"From_Account":"agent1","To_Account":"oAlice","MsgSeq":"1","MsgRandom":2,"MsgTime":3})");
    replace_parameter(request, "CallbackCommand", "C2C.CallbackAfterMsgWithDraw");
    CHECK(bench.called_back(request, kNow).status == 200);
  }
  const auto recall = std::get<Recall>(bench.submitted.at(0));
  CHECK(recall.to.value == "oAlice");
  CHECK(recall.source_id == "1_2_3");
  bench.called_back(callback(sent()), kNow);
  CHECK(recall.key == std::get<AgentPush>(bench.submitted.at(1)).key);
}

TEST_CASE("an agent's REST send is nobody's word, and is remembered as such") {
  Bench bench;
  auto request = callback(sent());
  replace_parameter(request, "OptPlatform", "RestAPI");
  CHECK(bench.called_back(request, kNow).status == 200);
  CHECK(std::get<Disregard>(bench.submitted.at(0)).to.value == "oAlice");
}

TEST_CASE("an edit, a presence and a verdict of moderation are handed on") {
  Bench bench;
  auto edit = sent();
  edit.replace(edit.find("CallbackAfterSendMsg"), 20, "CallbackAfterModifyMsg");
  bench.called_back(callback(edit), kNow);
  CHECK(std::get<Edit>(bench.submitted.at(0)).message.text == "yes?");
  bench.called_back(
      callback(
          R"({"CallbackCommand":"State.StateChange","EventTime":"1735689600123","Info":{"Action":"Login",
      "To_Account":"agent1","Reason":"Register"},"KickedDevice":[{"Platform":"Android"},{"Platform":"Web"}]})"),
      kNow);
  const auto& presence = std::get<AgentPresence>(bench.submitted.at(1));
  CHECK(presence.agent == "agent1");
  CHECK(presence.state == "online");
  CHECK(presence.kicked == "Android, Web");
  CHECK(presence.since.ms == 1735689600123);
  const std::string verdict =
      R"({"CallbackCommand":"ContentCallback.ResultNotify","Scene":"C2C","CtxcbSuggestion":"Review"})";
  bench.called_back(callback(verdict), kNow);
  CHECK(std::get<RawPush>(bench.submitted.at(2)).reason == "moderation");
  CHECK(std::get<RawPush>(bench.submitted.at(2)).body == verdict);
}

TEST_CASE("elements are handed on, a text alone stays a text") {
  Bench bench;
  auto body = sent();
  const auto at = body.find("\"MsgBody\":");
  const std::string face = R"({"MsgType":"TIMFaceElem","MsgContent":{"Index":1,"Data":"smile"}})";
  SUBCASE("an element of another kind") {
    body = body.substr(0, at) + R"("MsgBody":[)" + face + "]}";
  }
  SUBCASE("a MsgBody in a string") {
    body = body.substr(0, at) + R"("MsgBody":"[{\"MsgType\":\"TIMFaceElem\",\"MsgContent\":{}}]"})";
  }
  bench.called_back(callback(body), kNow);
  bench.called_back(callback(sent()), kNow);
  CHECK(std::get<AgentPush>(bench.submitted.at(0)).elements.size() == 1);
  CHECK(std::get<AgentPush>(bench.submitted.at(1)).elements.empty());
}

TEST_CASE("what of an agent's message cannot be carried over is named, for the agent to be told") {
  Bench bench;
  const std::string head =
      R"({"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"agent1","To_Account":"oAlice","MsgKey":"1_2_3","SendMsgResult":0,"MsgBody":[)";
  const std::string picture = R"({"MsgType":"TIMImageElem","MsgContent":{}})";
  const std::string text = R"({"MsgType":"TIMTextElem","MsgContent":{"Text":"look"}})";
  SUBCASE("all of it") {
    CHECK(bench.called_back(callback(head + picture + "]}"), kNow).status == 200);
    CHECK(std::get<AgentPush>(bench.submitted.at(0)).text.empty());
  }
  SUBCASE("a part") {
    CHECK(bench.called_back(callback(head + text + "," + picture + "]}"), kNow).status == 200);
    CHECK(std::get<AgentPush>(bench.submitted.at(0)).text == "look");
  }
  CHECK(std::get<AgentPush>(bench.submitted.at(0)).left_out == "TIMImageElem");
  CHECK_FALSE(std::get<AgentPush>(bench.submitted.at(0)).body.empty());
}

TEST_CASE("an agent's message with nothing in it is kept for inspection and delivered to nobody") {
  Bench bench;
  std::string body = R"([])";
  SUBCASE("no element") {}
  SUBCASE("an empty text") {
    body = R"([{"MsgType":"TIMTextElem","MsgContent":{"Text":""}}])";
  }
  const auto answer = bench.called_back(
      callback(
          R"({"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"agent1","To_Account":"oAlice","MsgKey":"1_2_3","SendMsgResult":0,"MsgBody":)" +
          body + "}"),
      kNow);
  CHECK(answer.status == 200);
  CHECK(bench.raw().reason == "the message is empty");
}

TEST_CASE("a sticker that WeChat does not hand on is no word of the customer's") {
  Bench bench;
  bench.push(signed_request(text_push("【收到不支持的消息类型，暂无法显示】")));
  CHECK(bench.customer_push().text == "【收到不支持的消息类型，暂无法显示】");
  CHECK(bench.customer_push().message_type == "unsupported");
}
