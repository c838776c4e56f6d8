#include "lib/im/callback.h"

#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

using namespace kefu;
using nlohmann::json;

namespace {

json vectors() {
  return json::parse(std::ifstream(KEFU_TEST_VECTORS "/tim-signatures.json"));
}

json after_send() {
  return json::parse(
      R"({"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"kf2001","To_Account":"oA",
    "MsgSeq":48374,"MsgRandom":2837546,"MsgTime":1735689600,"MsgKey":"48374_2837546_1735689600","OnlineOnlyFlag":0,
    "SendMsgResult":0,"ErrorInfo":"send msg succeed","UnreadMsgNum":7,
    "MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}],"CloudCustomData":"","EventTime":"1735689600123"})");
}

im::SentMessage sent(const json& body) {
  const auto callback = im::parse_callback(body.dump());
  REQUIRE(callback.ok());
  return callback->sent;
}

}  // namespace

TEST_CASE("the callback sign is what the published vectors say") {
  const auto all = vectors();
  for (const auto& vector : all["im_callback_sign"]) {
    const auto token = vector["token"].get<std::string>();
    const auto time = vector["RequestTime"].get<std::string>();
    const auto sign = vector["Sign"].get<std::string>();
    CHECK(im::callback_sign(token, time) == sign);
    const Timestamp at{std::stoll(time) * 1000};
    using namespace std::chrono_literals;
    CHECK(im::callback_sign_holds(token, time, sign, at));
    CHECK(im::callback_sign_holds(token, time, sign, at + 60s));
    CHECK(im::callback_sign_holds(token, time, sign, at - 60s));
    CHECK_FALSE(im::callback_sign_holds(token, time, sign, at + 61s));
    CHECK_FALSE(im::callback_sign_holds(token, time, sign, at - 61s));
    CHECK_FALSE(im::callback_sign_holds(token, time, "", at));
  }
  CHECK(all["im_callback_sign_negative"].size() >= 2);
  for (const auto& vector : all["im_callback_sign_negative"]) {
    const auto time = vector["RequestTime"].get<std::string>();
    const std::int64_t now = vector.contains("now") ? vector["now"].get<std::int64_t>() : std::stoll(time);
    CHECK_FALSE(im::callback_sign_holds(vector["token"].get<std::string>(), time,
                                        vector["Sign"].get<std::string>(), Timestamp{now * 1000}));
  }
}

TEST_CASE("a RequestTime that is no number does not pass, even when rightly signed") {
  for (const std::string time :
       {"", "x", "1735689600x", " 1735689600", "1e9", "99999999999999999999", "-9223372036854775808"}) {
    CAPTURE(time);
    CHECK_FALSE(im::callback_sign_holds("t", time, im::callback_sign("t", time), Timestamp{1735689600000}));
  }
}

TEST_CASE("an agent's message is read") {
  const auto message = sent(after_send());
  CHECK(message.from == "kf2001");
  CHECK(message.to == "oA");
  CHECK(message.msg_key == "48374_2837546_1735689600");
  CHECK(message.msg_time == 1735689600);
  CHECK_FALSE(message.online_only);
  CHECK(message.send_result == 0);
  CHECK(message.content.text() == "hi");
  CHECK(message.content.left_out.empty());
}

TEST_CASE("numbers may be quoted, missing or of a strange kind") {
  auto body = after_send();
  body["MsgTime"] = "1735689600";
  body["OnlineOnlyFlag"] = "1";
  body["SendMsgResult"] = "80001";
  auto message = sent(body);
  CHECK(message.msg_time == 1735689600);
  CHECK(message.online_only);
  CHECK(message.send_result == 80001);

  body["OnlineOnlyFlag"] = true;
  CHECK(sent(body).online_only);
  body.erase("OnlineOnlyFlag");
  body.erase("SendMsgResult");
  body["MsgTime"] = -1;
  message = sent(body);
  CHECK_FALSE(message.online_only);
  CHECK(message.send_result == 0);
  CHECK(message.msg_time == 0);
}

TEST_CASE("a missing MsgKey is made from its parts") {
  auto body = after_send();
  const auto key = im::message_key(sent(body));
  body.erase("MsgKey");
  body["MsgRandom"] = "2837546";
  CHECK(sent(body).msg_key == "48374_2837546_1735689600");
  CHECK(im::message_key(sent(body)) == key);
  body["MsgSeq"] = 48375;
  CHECK(im::message_key(sent(body)) != key);
  body["MsgSeq"] = 4294967295u;
  CHECK(sent(body).msg_key == "4294967295_2837546_1735689600");
}

TEST_CASE("texts are joined, other elements are named, unknown ones do no harm") {
  auto body = after_send();
  body["MsgBody"] = json::parse(R"([{"MsgType":"TIMTextElem","MsgContent":{"Text":"a"}},
    {"MsgType":"TIMImageElem","MsgContent":{}},{"MsgType":"TIMTextElem","MsgContent":{"Text":"b\u0000\u0007c"}},
    {"MsgType":"TIMSomethingNew"},{},7,null,{"MsgType":"TIMTextElem","MsgContent":3}])");
  const auto message = sent(body);
  CHECK(message.content.text() == "a\nbc");
  CHECK(message.content.left_out == "TIMImageElem\nTIMSomethingNew");
  body["MsgBody"] = "text";
  CHECK(sent(body).content.elements.empty());
}

TEST_CASE("an after-send callback needs a sender and a recipient") {
  for (const char* key : {"From_Account", "To_Account"}) {
    auto body = after_send();
    body.erase(key);
    CHECK_FALSE(im::parse_callback(body.dump()));
    body[key] = "";
    CHECK_FALSE(im::parse_callback(body.dump()));
    body[key] = json::array();
    CHECK_FALSE(im::parse_callback(body.dump()));
  }
}

TEST_CASE("other callbacks are only named") {
  const auto callback =
      im::parse_callback(R"({"CallbackCommand":"State.StateChange","Info":{"Action":"Login"}})");
  REQUIRE(callback.ok());
  CHECK(callback->command == "State.StateChange");
  CHECK(callback->sent.from.empty());
  CHECK(im::parse_callback("{}")->command.empty());
}

TEST_CASE("what is no JSON object is refused, a bad byte in it is mended") {
  for (const std::string bad : {"", " ", "null", "[]", "1", "\"x\"", "{", "{\"a\":}", "{}{}", "<xml/>"}) {
    CAPTURE(bad);
    CHECK_FALSE(im::parse_callback(bad));
  }
  auto text = after_send().dump();
  text.replace(text.find("\"hi\""), 4, "\"h\xE4\"");
  const auto callback = im::parse_callback(text);
  REQUIRE(callback.ok());
  CHECK(callback->sent.content.text() == "h\xEF\xBF\xBD");
}

TEST_CASE("half an escaped character does not cost the message, whole ones and escaped backslashes stay") {
  const auto text_of = [](const std::string& escaped) {
    auto text = after_send().dump();
    text.replace(text.find("\"hi\""), 4, "\"" + escaped + "\"");
    const auto callback = im::parse_callback(text);
    REQUIRE_MESSAGE(callback.ok(), escaped);
    return callback->sent.content.text();
  };
  const std::string mended = "\xEF\xBF\xBD";
  CHECK(text_of(R"(e\ud83d f)") == "e" + mended + " f");
  CHECK(text_of(R"(e\ud83d)") == "e" + mended);
  CHECK(text_of(R"(\uDE00 f)") == mended + " f");
  CHECK(text_of(R"(\ud83d\ud83d\ude00)") == mended + "\xF0\x9F\x98\x80");
  CHECK(text_of(R"(\ud83d\ude00\ude00)") == "\xF0\x9F\x98\x80" + mended);
  CHECK(text_of(R"(\ude00\ud83d)") == mended + mended);
  CHECK(text_of(R"(\ud83d\u4f60)") == mended + "你");
  CHECK(text_of(R"(\ud83d\n)") == mended + "\n");
  CHECK(text_of(R"(\uD83D\uDE00)") == "\xF0\x9F\x98\x80");
  CHECK(text_of(R"(\\ud83d f)") == R"(\ud83d f)");
  CHECK(text_of(R"(\\\ud83d\\\\ud83d)") == "\\" + mended + R"(\\ud83d)");
  CHECK(text_of(R"(\ud83d\\ude00)") == mended + R"(\ude00)");
  CHECK(text_of(R"(\u4f60\"\ud7ff\ue000)") == "你\"\xED\x9F\xBF\xEE\x80\x80");
  for (const std::string bad :
       {R"({"a":"\ud83)", R"({"a":"\ud8zz"})", R"({"a":"\)", R"({"a":"\u)", R"({"a":"\ud83d)"}) {
    CAPTURE(bad);
    CHECK_FALSE(im::parse_callback(bad));
  }
}

TEST_CASE("nesting is allowed to 32 and no deeper") {
  const auto nested = [](std::size_t depth) {  // the object itself is one
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  CHECK(im::parse_callback(nested(32)).ok());
  CHECK_FALSE(im::parse_callback(nested(33)));
  CHECK_FALSE(im::parse_callback(nested(200000)));
  CHECK_FALSE(im::parse_callback(std::string(200000, '[')));
}

// Each of these once cost the square of its length: half a minute and more.
TEST_CASE("a callback of a mebibyte is read, whatever it consists of") {
  const auto filled = [](const std::string& first, const std::function<std::string(int)>& next,
                         const std::string& last) {
    std::string text = first + next(0);
    for (int i = 1; text.size() < 1024 * 1024; ++i) text += "," + next(i);
    return text + last;
  };
  const auto head = [](const std::string& more) {
    auto body = after_send();
    body.erase("MsgBody");
    auto text = body.dump();
    text.pop_back();
    return text + more;
  };
  CHECK(im::parse_callback(filled(
                               head(",\"More\":["), [](int) { return "{}"; }, "]}"))
            .ok());
  const auto typed = filled(
      head(",\"MsgBody\":["), [](int i) { return R"({"MsgType":"T)" + std::to_string(i) + "\"}"; }, "]}");
  const auto many_types = im::parse_callback(typed);
  REQUIRE(many_types);
  CHECK(many_types->sent.content.left_out.size() < 2000);
  auto body = after_send();
  const auto data =
      filled(R"({"kefu":"news","news":{)", [](int i) { return "\"" + std::to_string(i) + "\":{}"; }, "}}");
  body["MsgBody"] = {{{"MsgType", "TIMCustomElem"}, {"MsgContent", {{"Data", data}}}}};
  CHECK(im::parse_callback(body.dump()).ok());
}
