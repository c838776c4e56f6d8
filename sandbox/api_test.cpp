#include "sandbox/api.h"

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>

#include "lib/http/raw_sockets.h"
#include "lib/im/callback.h"
#include "lib/im/rest.h"
#include "lib/im/usersig.h"
#include "lib/wechat/push.h"
#include "lib/wechat/reply.h"
#include "lib/wechat/send.h"
#include "lib/wechat/signature.h"
#include "sandbox/media_shelf.h"

namespace kefu::sandbox {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

// Plays the gateway, behind a real socket.
struct Gateway {
  http::Server server{{.listen = "127.0.0.1:0"}};
  std::mutex mutex;  // guards the vectors
  std::vector<std::string> bodies;
  std::vector<http::Request> callbacks;
  std::string before_answer{im::callback_ok()};
  std::atomic<int> bad_answers = 0;
  int port = 0;

  Gateway() {
    server.post("/", [this](const http::Request& request) { return take(request); });
    server.post("/imcallback", [this](const http::Request& request) {
      const std::lock_guard lock(mutex);
      callbacks.push_back(request);
      const bool before = request.parameter("CallbackCommand") == "C2C.CallbackBeforeSendMsg";
      return http::Response{200, before ? before_answer : std::string(im::callback_ok()), "application/json"};
    });
    port = *server.start();
  }
  http::Response take(const http::Request& request) {
    const std::lock_guard lock(mutex);
    bodies.push_back(request.body);
    if (!wechat::url_signature_holds("token", request.parameter("timestamp").value_or(""),
                                     request.parameter("nonce").value_or(""),
                                     request.parameter("signature").value_or(""))) {
      return {403, "no"};
    }
    if (bad_answers-- > 0) return {500, "trouble"};
    return {200, wechat::text_reply(*wechat::parse_push(request.body), "noted"), "text/xml"};
  }
};

struct Stage {
  Gateway gateway;
  std::unique_ptr<Sandbox> sandbox;
  http::Server server{{.listen = "127.0.0.1:0"}};
  std::unique_ptr<http::Client> client;
  int port = 0;

  Stage() {
    SandboxOptions options;
    options.wechat.app_id = "wxdemo0000000000";
    options.wechat.app_secret = "secret";
    options.wechat.token = "token";
    options.im = {1'400'000'000, "key", "administrator", {"agent-1"}, "callback token", false};
    options.gateway_url = "http://127.0.0.1:" + std::to_string(gateway.port);
    sandbox = *Sandbox::make(std::move(options));
    serve(server, *sandbox);
    port = *server.start();
    client = *http::Client::make("http://127.0.0.1:" + std::to_string(port));
  }
  ~Stage() {
    sandbox->stop();
    server.stop();
  }

  http::CallResult raw(const std::string& path, const std::string& body) {
    return client->post(path, body, "application/json", 10s);
  }
  json post(const std::string& path, const json& body, int status = 200) {
    const auto answer = raw(path, body.dump());
    CHECK(answer.status == status);
    return json::parse(answer.body, nullptr, false);
  }
  json get(const std::string& path) { return json::parse(client->get(path, 10s).body, nullptr, false); }
  std::string follower() {
    return post("/api/follow", {{"nick", "Li"}, {"wait", true}})["customer"].get<std::string>();
  }
  std::string token() {
    const auto body = wechat::stable_token_body("wxdemo0000000000", "secret", false);
    return wechat::parse_token_answer(raw("/cgi-bin/stable_token", body).body)->token;
  }
  // A follower with an account in IM.
  std::string known_follower() {
    const auto id = follower();
    const auto sig = im::make_usersig(1'400'000'000, "key", "administrator", wall_now().ms / 1000, 600);
    const auto target = im::request_target(im::kAccountImport, 1'400'000'000, "administrator", sig, 1);
    REQUIRE(im::parse_answer(raw(target, im::import_body(ImUserId(id), "")).body)->code == 0);
    return id;
  }
  std::vector<std::string> commands() {
    const std::lock_guard lock(gateway.mutex);
    std::vector<std::string> list;
    for (const auto& callback : gateway.callbacks)
      list.push_back(callback.parameter("CallbackCommand").value_or(""));
    return list;
  }
  json agent_send(const std::string& to, const json& elements, int status = 200) {
    return post("/api/agent/send", {{"customer", to}, {"elements", elements}, {"wait", true}}, status);
  }
  json conversation(const std::string& with) { return get("/api/agent?id=agent-1")["conversations"][with]; }
  http::CallResult send(const std::string& to, const std::string& text) {
    return raw("/cgi-bin/message/custom/send?access_token=" + token(),
               wechat::text_message_body(OpenId(to), text));
  }
};

}  // namespace

TEST_CASE("following and writing bring the gateway's replies to the customer") {
  Stage stage;
  const auto li = stage.follower();
  const auto said = stage.post("/api/say", {{"customer", li}, {"text", "hello"}, {"wait", true}});
  CHECK(said["status"] == 200);
  CHECK(said["attempts"] == 1);
  const auto seen = stage.get("/api/customer?id=" + li)["seen"];
  REQUIRE(seen.size() == 3);
  CHECK(seen[0]["kind"] == "welcome");
  CHECK(seen[1]["text"] == "hello");
  CHECK(seen[2]["kind"] == "reply");
}

TEST_CASE("a push with a bad answer is sent again, the same body, four times at most") {
  Stage stage;
  const auto li = stage.follower();
  stage.gateway.bad_answers = 2;
  const auto third_time = stage.post("/api/say", {{"customer", li}, {"text", "hello"}, {"wait", true}});
  CHECK(third_time["attempts"] == 3);
  CHECK(third_time["status"] == 200);
  stage.gateway.bad_answers = 100;
  const auto never = stage.post("/api/say", {{"customer", li}, {"text", "hello?"}, {"wait", true}});
  CHECK(never["attempts"] == 4);
  CHECK(stage.get("/api/customer?id=" + li)["seen"].back()["kind"] == "fault");
  const std::lock_guard lock(stage.gateway.mutex);
  REQUIRE(stage.gateway.bodies.size() == 8);
  CHECK(stage.gateway.bodies[4] == stage.gateway.bodies[7]);
}

TEST_CASE("messages of one customer arrive in the order of writing") {
  Stage stage;
  const auto li = stage.follower();
  for (int i = 0; i < 19; ++i) stage.post("/api/say", {{"customer", li}, {"text", std::to_string(i)}});
  stage.post("/api/say", {{"customer", li}, {"text", "19"}, {"wait", true}});
  const std::lock_guard lock(stage.gateway.mutex);
  REQUIRE(stage.gateway.bodies.size() == 21);
  for (std::size_t i = 0; i < 20; ++i) {
    CHECK(wechat::parse_push(stage.gateway.bodies[i + 1])->content == std::to_string(i));
  }
}

TEST_CASE("an agent's answer goes to the gateway as a signed callback, in the sandbox's record, too") {
  Stage stage;
  const auto li = stage.follower();
  stage.post("/api/reply", {{"customer", li}, {"text", "no account yet"}}, 409);
  const auto sig = im::make_usersig(1'400'000'000, "key", "administrator", wall_now().ms / 1000, 600);
  const auto target = im::request_target(im::kAccountImport, 1'400'000'000, "administrator", sig, 1);
  REQUIRE(im::parse_answer(stage.raw(target, im::import_body(ImUserId(li), "")).body)->code == 0);
  CHECK(stage.get("/api/calls").back()["api"] == "account_import");

  CHECK(stage.post("/api/reply", {{"customer", li}, {"text", "hi"}, {"wait", true}})["status"] == 200);
  CHECK(stage.post("/api/typing", {{"customer", li}, {"wait", true}})["status"] == 200);
  const auto conversations = stage.get("/api/agent?id=agent-1")["conversations"];
  REQUIRE(conversations[li].size() == 1);
  CHECK(conversations[li][0]["text"] == "hi");
  const std::lock_guard lock(stage.gateway.mutex);
  REQUIRE(stage.gateway.callbacks.size() == 2);
  const auto& callback = stage.gateway.callbacks[0];
  CHECK(callback.parameter("SdkAppid") == "1400000000");
  CHECK(callback.parameter("OptPlatform") == "Windows");
  CHECK(im::callback_sign_holds("callback token", *callback.parameter("RequestTime"),
                                *callback.parameter("Sign"), wall_now()));
  CHECK(im::parse_callback(callback.body)->sent.content.text() == "hi");
  CHECK(im::parse_callback(stage.gateway.callbacks[1].body)->sent.online_only);
}

TEST_CASE("calls over the limit of a second are refused, and counted") {
  Stage stage;
  const auto li = stage.follower();
  stage.post("/api/limit", {{"cloud", "wechat"}, {"api", "custom_send"}, {"per_second", 0}});
  CHECK(wechat::parse_send_answer(stage.send(li, "1").body)->code == 45011);
  const auto limit_of = [&](const std::string& api) {
    for (const auto& row : stage.get("/api/limits")) {
      if (row["api"] == api) return row;
    }
    return json();
  };
  const auto counted = limit_of("custom_send");
  CHECK(counted["per_second"] == 0);
  CHECK(counted["used"] == 0);
  CHECK(counted["refused"] == 1);
  CHECK(counted["seconds"][0]["refused"] == 1);
  CHECK(stage.get("/api/calls").back()["code"] == 45011);
  stage.post("/api/limit", {{"cloud", "wechat"}, {"api", "custom_send"}});
  CHECK(wechat::parse_send_answer(stage.send(li, "2").body)->code != 45011);
  CHECK(limit_of("custom_send")["per_second"].is_null());

  CHECK(limit_of("sendmsg")["per_second"] == 200);
  stage.post("/api/limit", {{"cloud", "im"}, {"api", "account_import"}, {"per_second", 0}});
  const auto target = im::request_target(im::kAccountImport, 1'400'000'000, "administrator", "any", 1);
  CHECK(im::parse_answer(stage.raw(target, im::import_body(ImUserId(li), "")).body)->code == 60018);
  stage.post("/api/limit", {{"cloud", "moon"}, {"api", "sendmsg"}}, 400);
  stage.post("/api/limit", {{"cloud", "im"}, {"api", "sendmsg"}, {"per_second", "many"}}, 400);
}

TEST_CASE("ordered faults strike cloud calls in every mode, and are written down") {
  Stage stage;
  const auto li = stage.follower();
  stage.post("/api/say", {{"customer", li}, {"text", "hello"}, {"wait", true}});
  const auto order = [&](json fault) {
    fault["cloud"] = "wechat";
    fault["api"] = "custom_send";
    stage.post("/api/fault", fault);
  };
  order({{"mode", "error"}, {"code", 45009}});
  CHECK(wechat::parse_send_answer(stage.send(li, "1").body)->code == 45009);
  order({{"mode", "http"}, {"status", 502}});
  CHECK(stage.send(li, "2").status == 502);
  order({{"mode", "reset"}});
  CHECK(stage.send(li, "3").kind == http::CallResult::Kind::unsure);
  order({{"mode", "act_then_reset"}});
  CHECK(stage.send(li, "4").kind == http::CallResult::Kind::unsure);
  order({{"mode", "act_then_hang"}, {"ms", 20}});
  CHECK(stage.send(li, "5").kind == http::CallResult::Kind::unsure);
  order({{"mode", "hang"}, {"ms", 20}});
  CHECK(stage.send(li, "6").kind == http::CallResult::Kind::unsure);
  order({{"mode", "slow"}, {"ms", 20}});
  CHECK(wechat::parse_send_answer(stage.send(li, "7").body)->code == 0);

  std::string shown;
  const auto customer = stage.get("/api/customer?id=" + li);
  for (const auto& item : customer["seen"]) {
    if (item["kind"] == "message") shown += item["text"].get<std::string>();
  }
  CHECK(shown == "457");
  std::string acted;
  for (const auto& call : stage.get("/api/calls")) {
    if (call["api"] == "custom_send") acted += call["acted"] == true ? "y" : "n";
  }
  CHECK(acted == "nnnyyny");
  CHECK(
      stage.post("/api/fault", {{"cloud", "moon"}, {"api", "x"}, {"mode", "error"}}, 400).contains("error"));
}

TEST_CASE("secrets of token calls are not in the record") {
  Stage stage;
  stage.token();
  CHECK(stage.get("/api/calls").dump().find("secret") == std::string::npos);
}

TEST_CASE("the clock can be moved, and the window closes") {
  Stage stage;
  const auto li = stage.follower();
  stage.post("/api/say", {{"customer", li}, {"text", "hello"}, {"wait", true}});
  CHECK(stage.get("/api/customer?id=" + li)["window"]["open"] == true);
  stage.post("/api/clock", {{"advance_ms", 48 * 3600 * 1000}});
  CHECK(stage.get("/api/customer?id=" + li)["window"]["open"] == false);
  CHECK(wechat::parse_send_answer(stage.send(li, "late").body)->code == 45015);
}

TEST_CASE("hostile pushes go out as ordered") {
  Stage stage;
  CHECK(stage.post("/api/push", {{"text", "as it should be"}})["status"] == 200);
  CHECK(stage.post("/api/push", {{"query", {{"signature", "00"}}}})["status"] == 403);
  CHECK(stage.post("/api/push", {{"query", {{"signature", nullptr}}}})["status"] == 403);
  CHECK(stage.post("/api/push", {{"target", "/nowhere"}})["status"] == 404);
  stage.post("/api/push", {{"body", "<xml><broken"}, {"query", {{"nonce", "1"}}}});
  const std::lock_guard lock(stage.gateway.mutex);
  CHECK(stage.gateway.bodies.back() == "<xml><broken");
}

TEST_CASE("requests that are no good are refused and change nothing") {
  Stage stage;
  CHECK(stage.raw("/api/say", "{").status == 400);
  CHECK(stage.raw("/api/say", "[]").status == 400);
  CHECK(stage.raw("/api/say", std::string(70'000, ' ') + "{}").status == 413);
  stage.post("/api/say", {{"text", "nobody"}}, 400);
  stage.post("/api/say", {{"customer", "oNobody"}, {"text", "hello"}}, 409);
  stage.post("/api/follow", {{"customer", "no openid"}}, 400);
  CHECK(stage.client->get("/api/customer?id=oNobody", 5s).status == 404);
  CHECK(stage.client->get("/api/agent?id=customer", 5s).status == 404);
  CHECK(stage.client->get("/nowhere", 5s).status == 404);
  CHECK(stage.get("/api/customers").empty());
}

TEST_CASE("the page and its parts are served from within the program") {
  Stage stage;
  const auto page = stage.client->get("/", 5s);
  CHECK(page.status == 200);
  CHECK(page.body.find("<!doctype html>") == 0);
  for (const auto* part : {"/app.js", "/locales.js", "/style.css", "/icon.svg"}) {
    CHECK(stage.client->get(part, 5s).status == 200);
  }
}

TEST_CASE("reset forgets everybody, and the state says so") {
  Stage stage;
  stage.follower();
  CHECK(stage.get("/api/state")["customers"].size() == 1);
  stage.post("/api/reset", json::object());
  CHECK(stage.get("/api/state")["customers"].empty());
  CHECK(stage.get("/api/calls").empty());
}

TEST_CASE("a picture goes from the phone to whoever fetches it, by media id or by address") {
  Stage stage;
  const auto li = stage.follower();
  CHECK(stage.post("/api/send", {{"customer", li}, {"type", "image"}, {"wait", true}})["status"] == 200);
  const auto seen = stage.get("/api/customer?id=" + li)["seen"][1];
  CHECK(seen["type"] == "image");
  const auto id = seen["content"]["media_id"].get<std::string>();
  CHECK(stage.client->get(seen["content"]["url"].get<std::string>(), 10s).body == sample_bytes("photo.jpg"));
  const auto got =
      stage.client->get("/cgi-bin/media/get?access_token=" + stage.token() + "&media_id=" + id, 10s);
  CHECK(got.body == sample_bytes("photo.jpg"));
  const auto wrong =
      stage.client->get("/cgi-bin/media/get?access_token=" + stage.token() + "&media_id=x", 10s);
  CHECK(wrong.status == 200);
  CHECK(json::parse(wrong.body)["errcode"] == 40007);
  stage.post("/api/send", {{"customer", li}, {"type", "sticker"}}, 409);
}

TEST_CASE("a video's media id leads to an address") {
  Stage stage;
  const auto li = stage.follower();
  stage.post("/api/send", {{"customer", li}, {"type", "video"}, {"wait", true}});
  const auto id = stage.get("/api/customer?id=" + li)["seen"][1]["content"]["media_id"].get<std::string>();
  const auto got =
      stage.client->get("/cgi-bin/media/get?access_token=" + stage.token() + "&media_id=" + id, 10s);
  const auto url = json::parse(got.body)["video_url"].get<std::string>();
  CHECK(url.starts_with("http://127.0.0.1:8000/wechat-media/"));
  CHECK(stage.client->get(url.substr(url.find("/wechat-media/")), 10s).body == sample_bytes("clip.mp4"));
}

TEST_CASE("what is uploaded can be sent, for three days") {
  Stage stage;
  const auto li = stage.follower();
  stage.post("/api/say", {{"customer", li}, {"text", "hello"}, {"wait", true}});
  const auto upload = [&](const std::string& name, std::string_view bytes) {
    const auto body = "--b\r\nContent-Disposition: form-data; name=\"media\"; " + name +
                      "\r\nContent-Type: image/jpeg\r\n\r\n" + std::string(bytes) + "\r\n--b--\r\n";
    return json::parse(stage.client
                           ->post("/cgi-bin/media/upload?type=image&access_token=" + stage.token(), body,
                                  "multipart/form-data; boundary=b", 10s)
                           .body);
  };
  CHECK(upload("filename*=UTF-8''a.jpg", sample_bytes("photo.jpg"))["errcode"] == 41005);
  const auto id = upload("filename=\"a.jpg\"", sample_bytes("photo.jpg"))["media_id"].get<std::string>();
  const auto send = [&] {
    const json body = {{"touser", li}, {"msgtype", "image"}, {"image", {{"media_id", id}}}};
    return json::parse(
        stage.raw("/cgi-bin/message/custom/send?access_token=" + stage.token(), body.dump()).body)["errcode"];
  };
  CHECK(send() == 0);
  const auto last = stage.get("/api/customer?id=" + li)["seen"].back();
  CHECK(last["type"] == "image");
  CHECK(last["kind"] == "message");
  stage.post("/api/clock", {{"advance_ms", 72 * 3600 * 1000}});
  CHECK(send() == 40007);
  CHECK(stage.get("/api/calls").back()["body"].get<std::string>().find("touser") != std::string::npos);
}

TEST_CASE("an upload of untold length is 412") {
  Stage stage;
  const auto socket = http::testing::RawSocket::to(stage.port);
  socket.send(
      "POST /cgi-bin/media/upload?type=image HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
      "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
  CHECK(socket.receive_all().substr(9, 3) == "412");
}

TEST_CASE("the menu and codes that were scanned reach the gateway") {
  Stage stage;
  const auto li = stage.follower();
  stage.post("/api/event", {{"customer", li}, {"event", "CLICK"}, {"key", "hours"}, {"wait", true}});
  stage.post("/api/event", {{"customer", li}, {"event", "SCAN"}, {"key", "7"}, {"wait", true}});
  stage.post("/api/follow", {{"nick", "Wu"}, {"scene", "door"}, {"wait", true}});
  const std::lock_guard lock(stage.gateway.mutex);
  CHECK(stage.gateway.bodies[1].find("<Event><![CDATA[CLICK]]></Event><EventKey><![CDATA[hours]]>") !=
        std::string::npos);
  CHECK(stage.gateway.bodies[2].find("<EventKey><![CDATA[7]]></EventKey><Ticket>") != std::string::npos);
  CHECK(stage.gateway.bodies[3].find("<![CDATA[qrscene_door]]>") != std::string::npos);
}

TEST_CASE("an agent sends elements whose files can be fetched") {
  Stage stage;
  const auto li = stage.known_follower();
  const auto sent = stage.agent_send(li, {{{"type", "text"}, {"text", "look"}}, {{"type", "image"}}});
  CHECK(sent["status"] == 200);
  const auto message = stage.conversation(li)[0];
  CHECK(message["msg_key"] == sent["msg_key"]);
  CHECK(message["text"] == "look\n[TIMImageElem]");
  const auto url = message["elements"][1]["MsgContent"]["ImageInfoArray"][0]["URL"].get<std::string>();
  CHECK(stage.client->get(url.substr(url.find("/im-media/")), 10s).body == sample_bytes("tea.png"));
  stage.agent_send(li, json::array(), 409);
}

TEST_CASE("recall, edit, reading and presence are told, unless switched off") {
  Stage stage;
  const auto li = stage.known_follower();
  const auto key = stage.agent_send(li, {{{"type", "text"}, {"text", "one"}}})["msg_key"];
  const json about = {{"customer", li}, {"msg_key", key}, {"wait", true}};
  json edit = about;
  edit["elements"] = {{{"type", "text"}, {"text", "two"}}};
  stage.post("/api/agent/edit", edit);
  CHECK(stage.conversation(li)[0]["text"] == "two");
  stage.post("/api/agent/read", about);
  stage.post("/api/agent/recall", about);
  stage.post("/api/agent/recall", about, 409);
  CHECK(stage.conversation(li)[0]["recalled"] == true);
  stage.post("/api/agent/presence", {{"agent", "agent-1"}, {"online", true}, {"wait", true}});
  const std::vector<std::string> all = {"C2C.CallbackAfterSendMsg", "C2C.CallbackAfterModifyMsg",
                                        "C2C.CallbackAfterMsgReport", "C2C.CallbackAfterMsgWithDraw",
                                        "State.StateChange"};
  CHECK(stage.commands() == all);
  CHECK(stage.post("/api/callbacks", {{"state", false}})["state"] == false);
  stage.post("/api/agent/presence", {{"agent", "agent-1"}, {"online", false}, {"wait", true}});
  CHECK(stage.commands() == all);
}

TEST_CASE("callbacks get lost on order") {
  Stage stage;
  const auto li = stage.known_follower();
  stage.post("/api/callbacks", {{"lose", 1}});
  CHECK(stage.agent_send(li, {{{"type", "text"}, {"text", "lost"}}})["status"] == 0);
  CHECK(stage.agent_send(li, {{{"type", "text"}, {"text", "told"}}})["status"] == 200);
  CHECK(stage.commands().size() == 1);
  CHECK(stage.conversation(li).size() == 2);
}

TEST_CASE("the callback before sending decides") {
  Stage stage;
  const auto li = stage.known_follower();
  stage.post("/api/callbacks", {{"before", true}});
  const json text = {{{"type", "text"}, {"text", "hi"}}};
  stage.agent_send(li, text);
  CHECK(stage.commands() ==
        std::vector<std::string>{"C2C.CallbackBeforeSendMsg", "C2C.CallbackAfterSendMsg"});
  {
    const std::lock_guard lock(stage.gateway.mutex);
    stage.gateway.before_answer = R"({"ActionStatus":"OK","ErrorInfo":"no","ErrorCode":1})";
  }
  stage.agent_send(li, text);
  CHECK(stage.commands().size() == 3);
  CHECK(stage.conversation(li).size() == 1);
  {
    const std::lock_guard lock(stage.gateway.mutex);
    stage.gateway.before_answer =
        R"({"ErrorCode":0,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"better"}}]})";
  }
  stage.agent_send(li, text);
  CHECK(stage.conversation(li)[1]["text"] == "better");
}

}  // namespace kefu::sandbox
