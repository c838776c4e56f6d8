#include "tests/simulation/wechat_model.h"

#include <nlohmann/json.hpp>

namespace kefu::simulation {
namespace {

using nlohmann::json;

// reference: WeChat §6.4
constexpr Millis kWindowAfterMessage = std::chrono::hours(48);
constexpr int kRepliesAfterMessage = 5;
constexpr Millis kWindowAfterFollow = std::chrono::minutes(1);
constexpr int kRepliesAfterFollow = 3;
constexpr Millis kTokenLife = std::chrono::hours(2);

WechatModel::Answer failed(std::int64_t code, std::string_view why) {
  return {code, WechatModel::error(code, why)};
}

}  // namespace

std::string WechatModel::error(std::int64_t code, std::string_view text) {
  return json{{"errcode", code}, {"errmsg", text}}.dump();
}

void WechatModel::wrote(const std::string& openid, Timestamp now) {
  customers_[openid] = {true, now + kWindowAfterMessage, kRepliesAfterMessage};
}

void WechatModel::followed(const std::string& openid, Timestamp now) {
  customers_[openid] = {true, now + kWindowAfterFollow, kRepliesAfterFollow};
}

void WechatModel::left(const std::string& openid) {
  customers_[openid] = {};
}

bool WechatModel::follows(const std::string& openid) const {
  const auto at = customers_.find(openid);
  return at != customers_.end() && at->second.follows;
}

WechatModel::Answer WechatModel::call(const std::string& target, const std::string& body, Timestamp now) {
  if (target.starts_with("/cgi-bin/stable_token")) return give_token(body, now);
  if (target.starts_with("/cgi-bin/message/custom/send")) return send(target, body, now);
  return failed(40066, "no such API");
}

void WechatModel::new_token(Timestamp now) {
  token_ = "token-" + std::to_string(++tokens_given_);
  token_until_ = now + kTokenLife;
}

WechatModel::Answer WechatModel::give_token(const std::string& body, Timestamp now) {
  const auto request = json::parse(body, nullptr, false);
  if (!request.is_object()) return failed(47001, "not JSON");
  if (now >= token_until_ || request.value("force_refresh", false)) new_token(now);
  const auto left_s = (token_until_ - now).count() / 1000;
  return {0, json{{"access_token", token_}, {"expires_in", left_s}}.dump()};
}

WechatModel::Answer WechatModel::send(const std::string& target, const std::string& body, Timestamp now) {
  const auto equals = target.find('=');
  const auto token = equals == std::string::npos ? std::string() : target.substr(equals + 1);
  if (token != token_) return failed(40001, "invalid credential");
  if (now >= token_until_) return failed(42001, "access_token expired");
  const auto request = json::parse(body, nullptr, false);
  if (!request.is_object()) return failed(47001, "not JSON");
  const auto at = customers_.find(request.value("touser", ""));
  if (at == customers_.end()) return failed(40003, "invalid openid");
  auto& customer = at->second;
  if (!customer.follows) return failed(43004, "require subscribe");
  if (now >= customer.window_until) return failed(45015, "response out of time limit");
  if (customer.replies_left == 0) return failed(45047, "out of response count limit");
  --customer.replies_left;
  return {0, error(0, "ok"), request.value("text", json::object()).value("content", "")};
}

}  // namespace kefu::simulation
