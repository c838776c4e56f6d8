#include "tests/chaos/clouds.h"

#include <charconv>
#include <chrono>
#include <optional>
#include <stdexcept>

namespace kefu::chaos {
namespace {

using nlohmann::json;

// The callers give a call up after six seconds (lib/base/limits.h).
constexpr Moment kHang = 7'000;
constexpr Moment kSlow = 3'000;
constexpr std::size_t kOpenIdDigits = 22;
constexpr std::string_view kOpenIdHead = "oChaos";

http::Response json_answer(const json& body) {
  return {200, body.dump(), "application/json"};
}

http::Response cut_off() {
  http::Response response;
  response.hang_up = true;
  return response;
}

std::optional<std::uint32_t> number_in(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

json wechat_answer(std::int64_t code) {
  return {{"errcode", code}, {"errmsg", code == 0 ? "ok" : "played rid: 1-2-3"}};
}

// Whether the caller learns what became of its call.
bool answers(Trouble trouble) {
  return trouble != Trouble::act_then_reset && trouble != Trouble::act_then_hang;
}

std::string token_named(std::uint64_t number) {
  return "token-" + std::to_string(number);
}

}  // namespace

std::string openid_of(std::uint32_t customer) {
  const auto digits = std::to_string(customer);
  return std::string(kOpenIdHead) + std::string(kOpenIdDigits - digits.size(), '0') + digits;
}

std::optional<std::uint32_t> customer_in(std::string_view openid) {
  if (openid.size() != kOpenIdHead.size() + kOpenIdDigits || !openid.starts_with(kOpenIdHead))
    return std::nullopt;
  return number_in(openid.substr(kOpenIdHead.size()));
}

Clouds::Clouds(Ledger& ledger, Weather& weather, std::uint32_t customers)
    : ledger_(ledger), weather_(weather), customers_(customers) {
  http::ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.threads_max = 2048;
  server_ = std::make_unique<http::Server>(options);
  server_->fallback([this](const http::Request& request) { return serve(request); });
  const auto port = server_->start();
  if (!port) throw std::runtime_error(port.error());
  port_ = *port;
}

Clouds::~Clouds() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  released_.notify_all();
  server_->stop();
}

std::string Clouds::url_for(std::uint32_t worker) const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/" + std::to_string(worker);
}

http::Response Clouds::serve(const http::Request& request) {
  const auto slash = request.path.find('/', 1);
  const auto worker =
      number_in(std::string_view(request.path).substr(1, slash == request.path.npos ? 0 : slash - 1));
  const auto rest = slash == request.path.npos ? std::string() : request.path.substr(slash);
  Call call{rest.starts_with("/v4/") ? Cloud::im : Cloud::wechat, rest.substr(rest.rfind('/') + 1),
            worker.value_or(0)};
  call.request = &request;
  call.body = json::parse(request.body, nullptr, false);
  {
    const std::lock_guard lock(mutex_);
    const bool understood = worker && call.body.is_object() && signed_in(call);
    if (!understood) ++figures_.malformed;
    if (!understood) return {404, "no such API"};
    ++figures_.calls[call.api];
  }
  call.trouble = weather_.of_call(call.cloud, moment_now());
  if (call.trouble != Trouble::none) {
    const std::lock_guard lock(mutex_);
    ++figures_.troubles[std::string(call.cloud == Cloud::im ? "IM: " : "WeChat: ") +
                        std::string(name(call.trouble))];
  }
  try {
    return answer(call);
  } catch (const json::exception&) {
    const std::lock_guard lock(mutex_);
    ++figures_.malformed;
    return {400, "cannot be understood"};
  }
}

// Whether the call carries what proves its caller: that it is right is the business of other tests.
bool Clouds::signed_in(const Call& call) const {
  if (call.cloud == Cloud::im) return !call.request->parameter("usersig").value_or("").empty();
  return call.api == "stable_token" || call.request->parameter("access_token").has_value();
}

http::Response Clouds::answer(Call& call) {
  switch (call.trouble) {
    case Trouble::none:
      break;
    case Trouble::error:
      return failed(call, 91000, 61450);
    case Trouble::throttle:
      return failed(call, 60007, 45011);
    case Trouble::page:
      return {502, "<html>bad gateway</html>", "text/html"};
    case Trouble::garbage:
      return {200, "busy", "text/plain"};
    case Trouble::reset:
      return cut_off();
    case Trouble::hang:
      hang(kHang);
      return cut_off();
    case Trouble::act_then_reset:
      act(call);
      return cut_off();
    case Trouble::act_then_hang:
      act(call);
      hang(kHang);
      return cut_off();
    case Trouble::slow: {
      const auto done = json_answer(act(call));
      hang(kSlow);
      return done;
    }
    case Trouble::credentials:
      return spoil_credentials(call);
    case Trouble::settings:
      return failed(call, 60021, 40164);
    case Trouble::forget:
      return forget(call);
    case Trouble::close:
      return close(call);
    case Trouble::refuse:
      return refuse(call);
  }
  return json_answer(act(call));
}

http::Response Clouds::failed(const Call& call, std::int64_t im_code, std::int64_t wechat_code) {
  return json_answer(call.cloud == Cloud::im ? ImCloud::failure(im_code) : wechat_answer(wechat_code));
}

json Clouds::act(const Call& call) {
  const std::lock_guard lock(mutex_);
  if (call.api == "sendmsg") return send_to_agent(call);
  if (call.api == "account_import") return im_.import_one(call.body);
  if (call.api == "multiaccount_import") return im_.import_many(call.body);
  if (call.api == "account_delete") return im_.remove(call.body);
  if (call.api == "admin_getroammsg") return im_.look_up(call.body);
  if (call.api == "query_online_status") return ImCloud::statuses(call.body);
  if (call.api == "stable_token") {
    if (call.body.value("force_refresh", false)) ++token_;
    return {{"access_token", token_named(token_)}, {"expires_in", 7200}};
  }
  if (call.api == "send") return send_to_customer(call);
  ++figures_.malformed;
  return {{"ErrorCode", 60009}, {"errcode", 40066}};
}

// Locked by act().
json Clouds::send_to_agent(const Call& call) {
  const auto sent = im_.send(call.body, moment_now());
  if (!sent.visible) return sent.answer;
  const auto message = message_in(sent.text);
  if (!message) {
    ++figures_.notices;
    return sent.answer;
  }
  ledger_.arrived(*message, {moment_now(), call.worker, answers(call.trouble)});
  return sent.answer;
}

// Locked by act().
json Clouds::send_to_customer(const Call& call) {
  if (call.request->parameter("access_token") != token_named(token_)) return wechat_answer(40001);
  const auto customer = customer_in(call.body.at("touser").get<std::string>());
  if (!customer || *customer >= customers_) return wechat_answer(40003);
  if (closed_.contains(*customer)) return wechat_answer(45015);
  const auto message = message_in(call.body.at("text").at("content").get<std::string>());
  if (!message || message->customer != *customer) return wechat_answer(40033);
  ledger_.arrived(*message, {moment_now(), call.worker, answers(call.trouble)});
  return wechat_answer(0);
}

http::Response Clouds::refuse(const Call& call) {
  std::optional<Message> message;
  if (call.api == "sendmsg")
    message = message_in(call.body.at("MsgBody").at(0).at("MsgContent").at("Text").get<std::string>());
  if (call.api == "send") message = message_in(call.body.at("text").at("content").get<std::string>());
  if (!message) return json_answer(act(call));
  ledger_.refused(*message);
  return failed(call, 80001, 40033);
}

http::Response Clouds::forget(const Call& call) {
  if (call.api == "sendmsg") {
    const std::lock_guard lock(mutex_);
    im_.forget(call.body.at("From_Account").get<std::string>());
  }
  return json_answer(act(call));
}

http::Response Clouds::close(const Call& call) {
  if (call.api == "send") {
    const auto customer = customer_in(call.body.at("touser").get<std::string>());
    const std::lock_guard lock(mutex_);
    if (customer) closed_.insert(*customer);
  }
  return json_answer(act(call));
}

http::Response Clouds::spoil_credentials(const Call& call) {
  if (call.cloud == Cloud::im) return json_answer(ImCloud::failure(70052));
  if (call.api == "send") {
    const std::lock_guard lock(mutex_);
    ++token_;
  }
  return json_answer(act(call));
}

void Clouds::hang(Moment time) {
  std::unique_lock lock(mutex_);
  released_.wait_for(lock, std::chrono::milliseconds(time), [this] { return stopping_; });
}

void Clouds::customer_wrote(std::uint32_t customer) {
  const std::lock_guard lock(mutex_);
  closed_.erase(customer);
}

std::vector<std::uint32_t> Clouds::closed() const {
  const std::lock_guard lock(mutex_);
  return {closed_.begin(), closed_.end()};
}

bool Clouds::was_imported(std::uint32_t customer) const {
  const std::lock_guard lock(mutex_);
  return im_.was_imported(openid_of(customer));
}

Clouds::Figures Clouds::figures() const {
  const std::lock_guard lock(mutex_);
  auto figures = figures_;
  figures.repeats_dropped = im_.repeats_dropped();
  return figures;
}

}  // namespace kefu::chaos
