#include "sandbox/sandbox.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "lib/base/digest.h"
#include "lib/im/callback.h"
#include "lib/ops/log.h"
#include "sandbox/im_elements.h"
#include "sandbox/json_read.h"
#include "sandbox/views.h"

namespace kefu::sandbox {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr Millis kPushDeadline = 5s;     // reference: WeChat §1.4
constexpr int kPushDeliveries = 4;       // one and three repeats
constexpr Millis kRefusedPause = 250ms;  // a server that is not there is asked again, but not in a tight loop
constexpr Millis kCallbackDeadline = 2s;  // reference: IM §4.2
constexpr Millis kKnockDeadline = 15s;
constexpr std::size_t kLaneThreads = 128;
constexpr std::size_t kCallsKept = 20'000;
constexpr std::size_t kBodyKept = 4096;

Delivered delivered(const http::CallResult& result, int attempts) {
  const bool answered = result.kind == http::CallResult::Kind::answered;
  return {answered ? result.status : 0, answered ? result.body : result.error, attempts};
}

Millis since(std::chrono::steady_clock::time_point begun) {
  return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begun);
}

json view_of(const Call& call) {
  return {{"number", call.number},   {"at", call.at.ms},   {"cloud", call.cloud}, {"api", call.api},
          {"summary", call.summary}, {"body", call.body},  {"code", call.code},   {"status", call.status},
          {"acted", call.acted},     {"fault", call.fault}};
}

}  // namespace

Result<std::unique_ptr<Sandbox>> Sandbox::make(SandboxOptions options) {
  auto gateway = http::Client::make(options.gateway_url, {.user_agent = "Mozilla/4.0"});
  if (!gateway) return Error{"KEFU_GATEWAY_URL: " + gateway.error()};
  return std::unique_ptr<Sandbox>(new Sandbox(std::move(options), std::move(*gateway)));
}

Sandbox::Sandbox(SandboxOptions options, std::unique_ptr<http::Client> gateway)
    : options_(std::move(options)),
      gateway_(std::move(gateway)),
      boot_(random_hex(8)),
      wechat_(options_.wechat, random_u64),
      im_(options_.im, random_u64),
      lanes_(kLaneThreads) {}

Sandbox::~Sandbox() {
  stop();
}

Timestamp Sandbox::now() const {
  return wall_now() + Millis(ahead_ms_.load());
}

void Sandbox::advance(Millis by) {
  ahead_ms_ += by.count();
  const std::lock_guard lock(mutex_);
  publish({{"type", "clock"}, {"now", now().ms}});
  for (const auto& [id, customer] : wechat_.customers()) publish_customer(id);
}

void Sandbox::stop() {
  stopping_ = true;
  faults_.stop();
  feed_.stop();
  lanes_.stop();
}

// ---- What is published
// --------------------------------------------------------------------------------------

void Sandbox::publish(const json& event) {
  feed_.publish(dumped(event));
}

void Sandbox::publish_customer(const OpenId& id) {
  const Customer* customer = wechat_.find(id);
  if (customer != nullptr) publish({{"type", "customer"}, {"customer", sandbox::view_of(*customer, now())}});
}

void Sandbox::publish_seen(const Customer& customer) {
  publish(
      {{"type", "seen"}, {"customer", customer.id.value}, {"item", sandbox::view_of(customer.seen.back())}});
}

void Sandbox::publish_hop(std::string_view leg, const std::string& customer, bool good, std::string_view what,
                          Millis took) {
  publish({{"type", "hop"},
           {"leg", leg},
           {"customer", customer},
           {"good", good},
           {"what", what},
           {"ms", took.count()},
           {"at", now().ms}});
}

// ---- The customer
// -------------------------------------------------------------------------------------------

Result<OpenId> Sandbox::make_customer(std::string_view id, std::string_view nick) {
  const std::lock_guard lock(mutex_);
  auto made = wechat_.make_customer(id, nick);
  if (made) publish_customer(*made);
  return made;
}

Result<Delivery> Sandbox::follow(const OpenId& id, std::string_view scene) {
  const std::lock_guard lock(mutex_);
  auto push = wechat_.follow(id, now(), scene);
  if (!push) return Error{push.error()};
  publish_customer(id);
  return deliver(std::move(*push));
}

Result<Delivery> Sandbox::unfollow(const OpenId& id) {
  const std::lock_guard lock(mutex_);
  auto push = wechat_.unfollow(id, now());
  if (!push) return Error{push.error()};
  publish_customer(id);
  return deliver(std::move(*push));
}

Result<Delivery> Sandbox::say(const OpenId& id, std::string_view text) {
  return send(id, {{"type", "text"}, {"text", text}});
}

Result<Delivery> Sandbox::send(const OpenId& id, const json& request) {
  const std::lock_guard lock(mutex_);
  auto push = wechat_.send(id, request, now());
  if (!push) return Error{push.error()};
  publish_seen(*wechat_.find(id));
  publish_customer(id);
  return deliver(std::move(*push));
}

Result<Delivery> Sandbox::event(const OpenId& id, const json& request) {
  const std::lock_guard lock(mutex_);
  auto push = wechat_.event(id, request, now());
  if (!push) return Error{push.error()};
  publish_seen(*wechat_.find(id));
  publish_customer(id);
  return deliver(std::move(*push));
}

// REQUIRES: mutex_ is held, so that the order of events is the order in the lane.
Delivery Sandbox::deliver(Push push) {
  const auto promise = std::make_shared<std::promise<Delivered>>();
  Delivery delivery = promise->get_future().share();
  const auto lane = "wechat " + push.customer.value;
  lanes_.run(lane,
             [this, promise, push = std::move(push)] { promise->set_value(push_until_answered(push)); });
  return delivery;
}

Delivered Sandbox::push_until_answered(const Push& push) {
  const auto begun = std::chrono::steady_clock::now();
  const WirePush wire = sign(push.customer, push.xml);
  const auto target = target_of(wire.query);
  Delivered last;
  while (last.attempts < kPushDeliveries && !stopping_) {
    const auto result = gateway_->post(target, wire.body, "text/xml", kPushDeadline);
    last = delivered(result, last.attempts + 1);
    const std::lock_guard lock(mutex_);
    const Customer* customer = wechat_.find(push.customer);
    if (customer == nullptr) return last;  // a reset came between
    const auto before = customer->seen.size();
    const bool good = wechat_.take_answer(push, last.status, last.answer, now());
    const auto what = last.status == 0 ? std::string("no answer") : "HTTP " + std::to_string(last.status);
    publish_hop("push", push.customer.value, good, what, since(begun));
    if (customer->seen.size() > before) publish_seen(*customer);
    if (good) return last;
    if (result.kind == http::CallResult::Kind::not_sent) faults_.hang(kRefusedPause);
  }
  const std::lock_guard lock(mutex_);
  const Customer* customer = wechat_.find(push.customer);
  if (stopping_ || customer == nullptr) return last;
  const auto before = customer->seen.size();
  wechat_.give_up(push, now());
  if (customer->seen.size() > before) publish_seen(*customer);
  return last;
}

WirePush Sandbox::sign(const OpenId& customer, std::string_view xml) const {
  const auto nonce = std::to_string(random_u64() % 10'000'000'000);
  return wire_push(options_.wechat, xml, customer, wall_now(), nonce, random_hex(8));
}

std::string Sandbox::push_xml(const OpenId& customer, std::string_view text, std::string_view msg_id) const {
  return text_push_xml(options_.wechat, customer, now().ms / 1000, text, msg_id);
}

http::CallResult Sandbox::knock(const std::string& target, const std::string& body,
                                const std::string& content_type, bool get) {
  return get ? gateway_->get(target, kKnockDeadline)
             : gateway_->post(target, body, content_type, kKnockDeadline);
}

// ---- The agent
// ----------------------------------------------------------------------------------------------

// The account a customer goes by in IM: the openid, or after a lock-out openid-1, openid-2, … (DESIGN §6).
std::string Sandbox::im_account_of(const std::string& customer) const {
  if (im_.exists(customer)) return customer;
  std::string newest = customer;
  for (const auto& [id, account] : im_.accounts()) {
    if (!account.deleted && id.substr(0, customer.size() + 1) == customer + "-") newest = id;
  }
  return newest;
}

std::string Sandbox::agent_of(const std::string& customer) const {
  std::string agent = im_.app().agents.empty() ? "" : im_.app().agents.front();
  Timestamp latest{};
  for (const auto& [pair, messages] : im_.conversations()) {
    if (pair.first != customer && pair.second != customer) continue;
    const auto& other = pair.first == customer ? pair.second : pair.first;
    if (!im_.is_agent(other) || messages.empty() || messages.back().at < latest) continue;
    agent = other;
    latest = messages.back().at;
  }
  return agent;
}

Result<Delivery> Sandbox::reply(std::string agent, const std::string& customer, std::string_view text) {
  if (text.empty()) return Error{"the text is empty"};
  std::string msg_key;
  return agent_send(std::move(agent), customer, json::array({{{"type", "text"}, {"text", text}}}), msg_key);
}

// REQUIRES: mutex_ is held.
void Sandbox::show_message(const ImMessage& message, std::string_view what) {
  const bool from_agent = im_.is_agent(message.from);
  publish({{"type", what},
           {"agent", from_agent ? message.from : message.to},
           {"customer", from_agent ? message.to : message.from},
           {"message", sandbox::view_of(message)}});
}

Result<Delivery> Sandbox::agent_send(std::string agent, const std::string& customer, const json& elements,
                                     std::string& msg_key) {
  const std::lock_guard lock(mutex_);
  const auto account = im_account_of(customer);
  if (agent.empty()) agent = agent_of(account);
  auto message = im_.draft(agent, account, elements, now());
  if (!message) return Error{message.error()};
  msg_key = message->msg_key;
  if (callbacks_.before) return deliver_checked(std::move(*message));
  im_.keep(*message);
  show_message(*message, "message");
  return deliver(ImCloud::after_send(*message));
}

Result<Delivery> Sandbox::typing(std::string agent, const std::string& customer, bool stopped) {
  const std::lock_guard lock(mutex_);
  const auto account = im_account_of(customer);
  if (agent.empty()) agent = agent_of(account);
  auto callback = im_.typing(agent, account, stopped, now());
  if (!callback) return Error{callback.error()};
  return deliver(std::move(*callback));
}

Result<Delivery> Sandbox::recall(std::string agent, const std::string& customer, const std::string& msg_key) {
  const std::lock_guard lock(mutex_);
  const auto account = im_account_of(customer);
  if (agent.empty()) agent = agent_of(account);
  auto recalled = im_.recall(agent, account, msg_key);
  if (!recalled) return Error{recalled.error()};
  show_message(recalled->message, "recalled");
  return deliver(std::move(recalled->callback));
}

Result<Delivery> Sandbox::edit(std::string agent, const std::string& customer, const std::string& msg_key,
                               const json& elements) {
  const std::lock_guard lock(mutex_);
  const auto account = im_account_of(customer);
  if (agent.empty()) agent = agent_of(account);
  auto edited = im_.edit(agent, account, msg_key, elements, now());
  if (!edited) return Error{edited.error()};
  show_message(edited->message, "edited");
  return deliver(std::move(edited->callback));
}

Result<Delivery> Sandbox::read_all(std::string agent, const std::string& customer) {
  const std::lock_guard lock(mutex_);
  const auto account = im_account_of(customer);
  if (agent.empty()) agent = agent_of(account);
  auto callback = im_.read_all(agent, account, now());
  if (!callback) return Error{callback.error()};
  return deliver(std::move(*callback));
}

Result<Delivery> Sandbox::presence(const std::string& agent, bool online, bool lost) {
  const std::lock_guard lock(mutex_);
  auto callback = im_.presence(agent, online, lost, now());
  if (!callback) return Error{callback.error()};
  publish({{"type", "account"}, {"account", sandbox::view_of(im_.accounts().at(agent))}});
  return deliver(std::move(*callback));
}

CallbackSwitches Sandbox::callbacks() const {
  const std::lock_guard lock(mutex_);
  return callbacks_;
}

void Sandbox::set_callbacks(const CallbackSwitches& switches) {
  const std::lock_guard lock(mutex_);
  callbacks_ = switches;
}

// REQUIRES: mutex_ is held.
Delivery Sandbox::deliver_checked(ImMessage message) {
  const auto promise = std::make_shared<std::promise<Delivered>>();
  Delivery delivery = promise->get_future().share();
  const auto lane = "im " + message.to;
  lanes_.run(lane,
             [this, promise, message = std::move(message)] { promise->set_value(send_as_allowed(message)); });
  return delivery;
}

// With the callback before sending switched on: the app says whether, and what.
Delivered Sandbox::send_as_allowed(ImMessage message) {
  auto asked = call_back(ImCloud::before_send(message));
  auto verdict = read_before_answer(asked.status, asked.answer);
  if (verdict.code != 0) return asked;
  {
    const std::lock_guard lock(mutex_);
    if (!verdict.body.empty()) {
      message.text = shown_text(json::parse(verdict.body));
      message.body = std::move(verdict.body);
    }
    im_.keep(message);
    show_message(message, "message");
  }
  auto told = call_back(ImCloud::after_send(message));
  return told.attempts > 0 ? told : asked;
}

// REQUIRES: mutex_ is held.
Delivery Sandbox::deliver(ImCallback callback) {
  const auto promise = std::make_shared<std::promise<Delivered>>();
  Delivery delivery = promise->get_future().share();
  const auto lane = "im " + callback.customer;
  lanes_.run(lane,
             [this, promise, callback = std::move(callback)] { promise->set_value(call_back(callback)); });
  return delivery;
}

// Whether the console would have it sent.
static bool is_on(const CallbackSwitches& switches, std::string_view command) {
  if (command == "C2C.CallbackBeforeSendMsg") return switches.before;
  if (command == "C2C.CallbackAfterSendMsg") return switches.after;
  if (command == "C2C.CallbackAfterMsgWithDraw") return switches.withdraw;
  if (command == "C2C.CallbackAfterModifyMsg") return switches.modify;
  if (command == "C2C.CallbackAfterMsgReport") return switches.read;
  return switches.state;
}

Delivered Sandbox::call_back(const ImCallback& callback) {
  const auto begun = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    if (!is_on(callbacks_, callback.command)) return {0, "switched off", 0};
    if (callbacks_.lose > 0) {
      --callbacks_.lose;
      publish_hop("callback", callback.customer, false, "lost", Millis(0));
      return {0, "lost", 0};
    }
  }
  const auto request_time = std::to_string(wall_now().ms / 1000);
  const auto target = "/imcallback?SdkAppid=" + std::to_string(options_.im.sdk_app_id) +
                      "&CallbackCommand=" + callback.command +
                      "&contenttype=json&ClientIP=127.0.0.1&OptPlatform=" + callback.platform +
                      "&RequestTime=" + request_time +
                      "&Sign=" + im::callback_sign(options_.im.callback_token, request_time);
  auto result = delivered(gateway_->post(target, callback.body, "application/json", kCallbackDeadline), 1);
  const std::lock_guard lock(mutex_);
  publish_hop("callback", callback.customer, result.status == 200,
              result.status == 0 ? "no answer" : "HTTP " + std::to_string(result.status), since(begun));
  return result;
}

// ---- The services
// -------------------------------------------------------------------------------------------

CloudAnswer Sandbox::wechat_api(std::string_view api,
                                const std::function<CloudAnswer(WeChatCloud&, Timestamp)>& act) {
  const std::lock_guard lock(mutex_);
  auto answer = act(wechat_, now());
  const OpenId to(answer.summary.substr(0, answer.summary.find(':')));
  const Customer* customer = wechat_.find(to);
  if (customer == nullptr) return answer;
  if (api == "typing") {
    if (answer.acted) {
      publish({{"type", "typing"}, {"customer", to.value}, {"until", customer->typing_until.ms}});
    }
    return answer;
  }
  if (answer.acted) {
    publish_seen(*customer);
    publish_customer(to);
  }
  publish_hop("send", to.value, answer.code == 0, "errcode " + std::to_string(answer.code), Millis(0));
  return answer;
}

CloudAnswer Sandbox::im_api(std::string_view command, const ImQuery& query, std::string_view body) {
  const std::lock_guard lock(mutex_);
  auto outcome = im_.call(command, query, body, now(), wall_now());
  if (outcome.shown) show_message(*outcome.shown, outcome.shown->recalled ? "recalled" : "message");
  for (const auto& id : outcome.accounts)
    publish({{"type", "account"}, {"account", sandbox::view_of(im_.accounts().at(id))}});
  const auto api = command.substr(command.find('/') + 1);
  const auto about = outcome.answer.summary.substr(0, outcome.answer.summary.find(' '));
  auto concerned = outcome.accounts;
  if (concerned.empty() && !about.empty()) concerned = {about};
  for (const auto& id : concerned) publish_hop("im", id, outcome.answer.code == 0, api, Millis(0));
  if (outcome.callback) (void)deliver(std::move(*outcome.callback));
  return std::move(outcome.answer);
}

CloudAnswer Sandbox::failure(std::string_view cloud, std::int64_t code) {
  if (cloud == "im") return ImCloud::failure(code, "");
  const std::lock_guard lock(mutex_);
  return wechat_.failure(code, "");
}

void Sandbox::record(Call call) {
  if (call.body.size() > kBodyKept) call.body.resize(kBodyKept);
  const std::lock_guard lock(mutex_);
  call.number = ++last_call_;
  call.at = now();
  publish({{"type", "call"}, {"call", view_of(call)}});
  calls_.push_back(std::move(call));
  if (calls_.size() > kCallsKept) calls_.pop_front();
}

void Sandbox::revoke_tokens() {
  const std::lock_guard lock(mutex_);
  wechat_.revoke_tokens();
}

void Sandbox::set_paid_edition(bool paid) {
  const std::lock_guard lock(mutex_);
  im_.set_paid_edition(paid);
}

void Sandbox::reset() {
  faults_.clear();
  limits_.reset();
  const std::lock_guard lock(mutex_);
  ahead_ms_ = 0;
  wechat_ = WeChatCloud(options_.wechat, random_u64);
  im_ = ImCloud(options_.im, random_u64);
  callbacks_ = {};
  calls_.clear();
  publish({{"type", "reset"}});
}

// ---- What can be read
// ---------------------------------------------------------------------------------------

json Sandbox::state() const {
  const std::lock_guard lock(mutex_);
  json customers = json::array(), agents = json::array(), accounts = json::array();
  for (const auto& [id, customer] : wechat_.customers()) customers.push_back(view_with_seen(customer, now()));
  for (const auto& agent : im_.app().agents) agents.push_back(view_of_agent(im_, agent));
  for (const auto& [id, account] : im_.accounts()) accounts.push_back(sandbox::view_of(account));
  return {{"boot", boot_},
          {"last", feed_.last()},
          {"now", now().ms},
          {"locale", options_.locale},
          {"version", KEFU_VERSION},
          {"url", options_.wechat.public_url},
          {"admin", im_.app().admin},
          {"customers", std::move(customers)},
          {"agents", std::move(agents)},
          {"accounts", std::move(accounts)}};
}

json Sandbox::customers() const {
  const std::lock_guard lock(mutex_);
  json list = json::array();
  for (const auto& [id, customer] : wechat_.customers()) list.push_back(sandbox::view_of(customer, now()));
  return list;
}

std::optional<json> Sandbox::customer(const OpenId& id) const {
  const std::lock_guard lock(mutex_);
  const Customer* customer = wechat_.find(id);
  return customer == nullptr ? std::nullopt : std::optional(view_with_seen(*customer, now()));
}

std::optional<json> Sandbox::agent(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  return im_.is_agent(id) ? std::optional(view_of_agent(im_, id)) : std::nullopt;
}

std::optional<Sandbox::Served> Sandbox::file_at(std::string_view path) const {
  const std::lock_guard lock(mutex_);
  for (const Shelf* shelf : {&wechat_.media(), &im_.files()}) {
    if (const StoredFile* file = shelf->at_path(path, now())) return Served{file->facts.mime, file->bytes};
  }
  return std::nullopt;
}

json Sandbox::calls(std::uint64_t since) const {
  const std::lock_guard lock(mutex_);
  json list = json::array();
  for (const auto& call : calls_) {
    if (call.number > since) list.push_back(view_of(call));
  }
  return list;
}

}  // namespace kefu::sandbox
