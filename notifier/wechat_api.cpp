#include "notifier/wechat_api.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "lib/base/limits.h"
#include "lib/base/utf8.h"
#include "lib/wechat/send.h"

namespace kefu::notifier {
namespace {

using namespace std::chrono_literals;
using http::CallResult;
using wechat::ErrorClass;
using work::Outcome;

constexpr auto kLeastTime = 500ms;  // a call with less before it would only end unsure
constexpr auto kThrottled = 1s;
constexpr auto kMinuteQuota = 60s;  // reference: WeChat §6.6, 45011
constexpr auto kDayQuota = 5min;    // 45009: somebody may clear the quota
constexpr auto kOperatorMustAct = 30s;
constexpr std::size_t kCloudTextBytesMax = 300;

constexpr std::string_view kSend = "custom/send";
constexpr std::string_view kToken = "stable_token";

Outcome ended(v1::Outcome kind, std::string reason, Millis after = 0ms) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.reason = std::move(reason);
  outcome.after = after;
  return outcome;
}

Outcome no_time_for(std::string_view api) {
  return ended(v1::OUTCOME_RETRY, "WeChat " + std::string(api) + ": no time left for the call");
}

// What WeChat says may repeat what it was sent.
std::string told_by_cloud(std::string message, const std::string& secret) {
  for (auto at = message.find(secret); at != message.npos; at = message.find(secret))
    message.replace(at, secret.size(), "…");
  const auto parts = split_utf8(clean_utf8(message), kCloudTextBytesMax);
  return parts.empty() ? std::string() : parts.front();
}

// 40164 says "invalid ip A ipv6 ::ffff:A, not in whitelist rid: …": the operator needs A.
std::string address_to_allow(const std::string& message) {
  constexpr std::string_view kBefore = "invalid ip ";
  const auto at = message.find(kBefore);
  if (at == message.npos) return {};
  const auto begin = at + kBefore.size();
  return message.substr(begin, message.find_first_of(" ,", begin) - begin);
}

std::string reason_of(std::string_view api, const wechat::ErrorRow& row, const std::string& told) {
  std::string reason =
      "WeChat " + std::string(api) + " " + std::to_string(row.code) + ": " + std::string(row.meaning);
  if (const auto address = row.code == 40164 ? address_to_allow(told) : std::string(); !address.empty()) {
    reason += "; the address is " + address;
  }
  if (!told.empty()) reason += " (" + told + ")";
  return reason;
}

Millis pause_after(std::int64_t code) {
  if (code == 45009) return kDayQuota;
  return code == 45011 ? Millis(kMinuteQuota) : Millis(kThrottled);
}

Outcome judged(const wechat::ErrorRow& row, std::string reason) {
  switch (row.error_class) {
    case ErrorClass::ok:
      return ended(v1::OUTCOME_DONE, {});
    case ErrorClass::retry:
      return ended(v1::OUTCOME_RETRY, std::move(reason));
    case ErrorClass::throttle:
      return ended(v1::OUTCOME_UNAVAILABLE, std::move(reason), pause_after(row.code));
    case ErrorClass::refresh_token:
    case ErrorClass::configuration:
      return ended(v1::OUTCOME_UNAVAILABLE, std::move(reason), kOperatorMustAct);
    case ErrorClass::wait_for_customer:
      return ended(v1::OUTCOME_PARKED, std::move(reason));
    case ErrorClass::dead:
      return ended(v1::OUTCOME_DEAD, std::move(reason));
  }
  return ended(v1::OUTCOME_RETRY, std::move(reason));
}

// The call has no answer that WeChat's API gives.
WechatCall not_answered(std::string_view api, const CallResult& result) {
  const std::string what = "WeChat " + std::string(api) + ": ";
  Outcome outcome;
  if (result.kind == CallResult::Kind::not_sent) {
    outcome = ended(v1::OUTCOME_UNAVAILABLE, what + result.error);
  } else if (result.kind == CallResult::Kind::unsure) {
    outcome = ended(v1::OUTCOME_RETRY, what + result.error);
    outcome.unsure = true;
  } else if (result.status == 429) {
    outcome = ended(v1::OUTCOME_UNAVAILABLE, what + "HTTP status 429", kThrottled);
  } else if (result.status >= 500) {
    outcome = ended(v1::OUTCOME_RETRY, what + "HTTP status " + std::to_string(result.status));
    outcome.unsure = true;
  } else {
    outcome = ended(v1::OUTCOME_RETRY, what + "HTTP status " + std::to_string(result.status) +
                                           " without a JSON errcode: check WECHAT_API");
  }
  return {ErrorClass::retry, std::move(outcome)};
}

// For kefu_cloud_calls_total, of a call without an answer of WeChat's API.
std::string failure_class(const CallResult& result) {
  if (result.kind == CallResult::Kind::not_sent) return "not_sent";
  if (result.kind == CallResult::Kind::unsure) return "unsure";
  return result.status == 200 ? "garbled" : "http_" + std::to_string(result.status);
}

// At token time a failure of any kind is WeChat's or the account's, never of the message that waits for the
// token.
Outcome judged_for_token(const wechat::TokenAnswer& answer, const std::string& secret) {
  auto row = wechat::explain(answer.code);
  const bool busy = row.error_class == ErrorClass::retry || row.error_class == ErrorClass::throttle;
  row.error_class = busy ? ErrorClass::throttle : ErrorClass::configuration;
  auto outcome = judged(row, reason_of(kToken, row, told_by_cloud(answer.message, secret)));
  outcome.code = static_cast<int>(answer.code);
  return outcome;
}

}  // namespace

WechatApi::WechatApi(http::Client& client, std::string app_id, std::string secret, ops::Metrics& metrics,
                     std::function<Timestamp()> now)
    : client_(client),
      app_id_(std::move(app_id)),
      secret_(std::move(secret)),
      metrics_(metrics),
      now_(std::move(now)) {}

FetchedToken WechatApi::fetch_token(bool force, Timestamp deadline) {
  if (too_late(deadline)) return {{}, 0ms, no_time_for(kToken)};
  const auto body = wechat::stable_token_body(app_id_, secret_, force);
  const auto result = post(kToken, std::string(wechat::kStableTokenPath), body, deadline);
  const bool answered = result.kind == CallResult::Kind::answered;
  const auto answer =
      answered ? wechat::parse_token_answer(result.body) : Result<wechat::TokenAnswer>(Error{result.error});
  if (!answer) {
    count(kToken, failure_class(result));
    auto failure = not_answered(kToken, result).outcome;
    failure.kind = v1::OUTCOME_UNAVAILABLE;
    failure.unsure = false;
    return {{}, 0ms, std::move(failure)};
  }
  count(kToken, wechat::name(wechat::explain(answer->code).error_class));
  if (answer->code != 0) return {{}, 0ms, judged_for_token(*answer, secret_)};
  const auto valid_for_s = std::clamp<std::int64_t>(answer->expires_in_s, 0, 86400);
  return {answer->token, std::chrono::seconds(valid_for_s), {}};
}

WechatCall WechatApi::send_text(const std::string& token, const OpenId& to, std::string_view text,
                                Timestamp deadline) {
  if (too_late(deadline)) return {ErrorClass::retry, no_time_for(kSend)};
  const std::string target =
      std::string(wechat::kCustomSendPath) + "?access_token=" + http::percent_encode(token);
  const auto result = post(kSend, target, wechat::text_message_body(to, text), deadline);
  const bool answered = result.kind == CallResult::Kind::answered;
  // The errcode decides, whatever the HTTP status.
  const auto answer =
      answered ? wechat::parse_send_answer(result.body) : Result<wechat::SendAnswer>(Error{result.error});
  if (!answer) {
    count(kSend, failure_class(result));
    return not_answered(kSend, result);
  }
  const auto row = wechat::explain(answer->code);
  count(kSend, wechat::name(row.error_class));
  WechatCall call{row.error_class, judged(row, reason_of(kSend, row, told_by_cloud(answer->message, token)))};
  if (!call.ok()) call.outcome.code = static_cast<int>(answer->code);
  return call;
}

CallResult WechatApi::post(std::string_view api, const std::string& target, const std::string& body,
                           Timestamp deadline) {
  const auto began = now_();
  auto result = client_.post(target, body, "application/json; charset=utf-8",
                             std::min<Millis>(limits::kHttpDeadline, deadline - began));
  const std::chrono::duration<double> took = now_() - began;
  metrics_
      .histogram("kefu_cloud_call_seconds", "Time that calls of a cloud took",
                 {{"cloud", "wechat"}, {"api", std::string(api)}})
      .observe(took.count());
  return result;
}

bool WechatApi::too_late(Timestamp deadline) const {
  return deadline - now_() < kLeastTime;
}

void WechatApi::count(std::string_view api, std::string_view error_class) {
  metrics_
      .counter("kefu_cloud_calls_total", "Calls of a cloud by what became of them",
               {{"cloud", "wechat"}, {"api", std::string(api)}, {"class", std::string(error_class)}})
      .add();
}

}  // namespace kefu::notifier
