#include "tests/process/stack.h"

#include <doctest/doctest.h>

#include <ctime>
#include <zmq.hpp>

#include "lib/im/callback.h"
#include "lib/wechat/signature.h"

namespace kefu::test {
namespace {

constexpr const char* kToken = "processtoken";
constexpr const char* kCallbackToken = "callbacktoken";
constexpr const char* kSdkAppId = "1400000001";
constexpr std::chrono::seconds kPatience{10};

std::string loopback(int port) {
  return "127.0.0.1:" + std::to_string(port);
}
std::string endpoint(int port) {
  return "tcp://" + loopback(port);
}

std::string element(const std::string& name, const std::string& text) {
  return "<" + name + "><![CDATA[" + text + "]]></" + name + ">";
}

}  // namespace

Stack::Stack(Environment more) : more_(std::move(more)) {}

void Stack::with_media() {
  more_["KEFU_MEDIA_DIR"] = folder_.path() + "/media";
  more_["KEFU_MEDIA_URL"] = "http://" + loopback(http_port_) + "/media";
  more_["WECHAT_API"] = clouds.url();
  more_["WECHAT_APP_SECRET"] = "wechatsecret";
}

Environment Stack::environment(const std::string& program, int ops_port) const {
  Environment out{{"KEFU_OPS_LISTEN", loopback(ops_port)},
                  {"IM_SDK_APP_ID", kSdkAppId},
                  {"WECHAT_APP_ID", "wx0123456789abcdef"},
                  {"KEFU_MEDIA_DIR", folder_.path() + "/media"}};
  if (program == "gateway") {
    out["KEFU_HTTP_LISTEN"] = loopback(http_port_);
    out["KEFU_QUEUE_LISTEN"] = endpoint(queue_port_);
    out["KEFU_TAP_LISTEN"] = endpoint(tap_port_);
    out["KEFU_ADMIN_LISTEN"] = endpoint(admin_port_);
    out["KEFU_DATA_DIR"] = folder_.path() + "/data";
    out["WECHAT_TOKEN"] = kToken;
    out["IM_AGENTS"] = "agent1,agent2";
    out["IM_CALLBACK_TOKEN"] = kCallbackToken;
    out["KEFU_LOCALE"] = "en";
    for (const auto& [name, value] : gateway_settings) out[name] = value;
  } else {
    out["KEFU_QUEUE_CONNECT"] = endpoint(queue_port_);
  }
  if (program == "relay") {
    out["IM_API"] = clouds.url();
    out["IM_ADMIN"] = "administrator";
    out["IM_SECRET_KEY"] = "5f4dcc3b5aa765d61d8327deb882cf992b95990a9151374abd8ff8c5a7a0fe08";
  }
  if (program == "notifier") {
    out["WECHAT_API"] = clouds.url();
    out["WECHAT_APP_SECRET"] = "wechatsecret";
  }
  for (const auto& [name, value] : more_) out[name] = value;
  return out;
}

void Stack::start_gateway() {
  gateway = std::make_unique<Process>(gateway_program, environment("gateway", ops_port_));
  const bool ready = eventually([this] { return ops("/readyz").status == 200 || !gateway->running(); });
  REQUIRE_MESSAGE((ready && gateway->running()), gateway->output());
}

void Stack::start_relay() {
  relays.push_back(std::make_unique<Process>("kefu-relay", environment("relay", free_port())));
}
void Stack::start_notifier() {
  notifier = std::make_unique<Process>("kefu-notifier", environment("notifier", free_port()));
}

void Stack::start_all() {
  start_gateway();
  start_relay();
  start_notifier();
  await_workers("relay", 1);
  await_workers("notifier", 1);
}

void Stack::await_workers(const std::string& name, std::size_t count) {
  const bool came = eventually([&] { return queue(name)["workers"].size() >= count; });
  REQUIRE_MESSAGE(came, "the workers of " << name << " did not come");
}

Answer Stack::call(int port, const std::string& target, const std::optional<std::string>& body,
                   const std::string& type) {
  auto client = http::Client::make("http://" + loopback(port));
  REQUIRE(client.ok());
  const auto result =
      body ? (*client)->post(target, *body, type, kPatience) : (*client)->get(target, kPatience);
  return result.kind == http::CallResult::Kind::answered ? Answer{result.status, result.body} : Answer{};
}

std::string Stack::signed_query() const {
  const std::string time = std::to_string(std::time(nullptr));
  return "signature=" + wechat::url_signature(kToken, time, "77") + "&timestamp=" + time + "&nonce=77";
}

Answer Stack::push(const std::string& body, const std::string& query) {
  return call(http_port_, "/?" + (query.empty() ? signed_query() : query), body, "text/xml");
}

std::string Stack::text_body(const std::string& customer, const std::string& text) {
  return "<xml>" + element("ToUserName", "gh_1") + element("FromUserName", customer) +
         "<CreateTime>1790000000</CreateTime>" + element("MsgType", "text") + element("Content", text) +
         "<MsgId>" + std::to_string(9'000'000 + ++pushes_) + "</MsgId></xml>";
}

Answer Stack::say(const std::string& customer, const std::string& text) {
  return push(text_body(customer, text));
}

Answer Stack::send(const std::string& customer, const std::string& type, const std::string& fields) {
  return push("<xml>" + element("ToUserName", "gh_1") + element("FromUserName", customer) +
              "<CreateTime>1790000000</CreateTime>" + element("MsgType", type) + fields + "<MsgId>" +
              std::to_string(9'000'000 + ++pushes_) + "</MsgId></xml>");
}

Answer Stack::event(const std::string& customer, const std::string& name) {
  return push("<xml>" + element("ToUserName", "gh_1") + element("FromUserName", customer) + "<CreateTime>" +
              std::to_string(1'790'000'000 + ++pushes_) + "</CreateTime>" + element("MsgType", "event") +
              element("Event", name) + "</xml>");
}

Answer Stack::follow(const std::string& customer) {
  return event(customer, "subscribe");
}

Answer Stack::unfollow(const std::string& customer) {
  return event(customer, "unsubscribe");
}

std::string Stack::callback_query(const std::string& platform) const {
  const std::string time = std::to_string(std::time(nullptr));
  return std::string("SdkAppid=") + kSdkAppId +
         "&CallbackCommand=C2C.CallbackAfterSendMsg&contenttype=json&ClientIP=127.0.0.1&OptPlatform=" +
         platform + "&RequestTime=" + time + "&Sign=" + im::callback_sign(kCallbackToken, time);
}

std::string Stack::reply_body(const std::string& customer, const std::string& text,
                              const std::string& agent) {
  const int number = ++pushes_;
  return nlohmann::json{{"CallbackCommand", "C2C.CallbackAfterSendMsg"},
                        {"From_Account", agent},
                        {"To_Account", customer},
                        {"MsgSeq", number},
                        {"MsgRandom", 1234},
                        {"MsgTime", 1790000000},
                        {"MsgKey", std::to_string(number) + "_1234_1790000000"},
                        {"OnlineOnlyFlag", 0},
                        {"SendMsgResult", 0},
                        {"MsgBody", {{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", text}}}}}}}
      .dump();
}

Answer Stack::callback(const std::string& body, const std::string& query) {
  return call(http_port_, "/imcallback?" + (query.empty() ? callback_query() : query), body,
              "application/json");
}

Answer Stack::reply(const std::string& customer, const std::string& text, const std::string& agent) {
  return callback(reply_body(customer, text, agent));
}

nlohmann::json Stack::ask(const nlohmann::json& question) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::req);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::rcvtimeo, 5000);
  socket.connect(endpoint(admin_port_));
  socket.send(zmq::buffer(question.dump()), zmq::send_flags::none);
  zmq::message_t answer;
  REQUIRE_MESSAGE(socket.recv(answer).has_value(), "the gateway's admin socket does not answer");
  return nlohmann::json::parse(answer.to_string());
}

nlohmann::json Stack::queue(const std::string& name) {
  const auto answer = ask({{"cmd", "queues"}});
  for (const auto& queue : answer["queues"]) {
    if (queue["name"] == name) return queue;
  }
  FAIL("no queue " << name);
  return {};
}

Answer Stack::ops(const std::string& target) {
  return call(ops_port_, target, std::nullopt, "");
}

}  // namespace kefu::test
