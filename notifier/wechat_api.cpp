#include "notifier/wechat_api.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "lib/base/limits.h"
#include "lib/wechat/send.h"
#include "lib/work/told.h"

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

constexpr std::string_view kSend = "custom/send";
constexpr std::string_view kToken = "stable_token";

Outcome no_time_for(std::string_view api) {
  return work::failed(v1::OUTCOME_RETRY, v1::FAILURE_RETRY,
                      "WeChat " + std::string(api) + ": no time left for the call");
}

std::string reason_of(std::string_view api, const wechat::ErrorRow& row, const std::string& message,
                      const std::string& secret) {
  std::string reason =
      "WeChat " + std::string(api) + " " + std::to_string(row.code) + ": " + std::string(row.meaning);
  // The operator needs the address that WeChat sees: 40164 says "invalid ip A ipv6 ::ffff:A, not in whitelist
  // rid: …", 61004 "access clientip is not registered requestIP: A".
  const bool configuration = row.error_class == ErrorClass::configuration;
  if (const auto address = configuration ? work::address_in(message) : std::string(); !address.empty())
    reason += "; the address is " + address;
  if (const auto told = work::told_by_cloud(message, secret); !told.empty()) reason += " (" + told + ")";
  return reason;
}

Millis pause_after(std::int64_t code) {
  if (code == 45009) return kDayQuota;
  return code == 45011 ? Millis(kMinuteQuota) : Millis(kThrottled);
}

Outcome judged(const wechat::ErrorRow& row, std::string reason) {
  switch (row.error_class) {
    case ErrorClass::ok:
      return work::done();
    case ErrorClass::retry:
      return work::failed(v1::OUTCOME_RETRY, v1::FAILURE_RETRY, std::move(reason));
    case ErrorClass::throttle:
      return work::failed(v1::OUTCOME_UNAVAILABLE, v1::FAILURE_THROTTLE, std::move(reason),
                          pause_after(row.code));
    case ErrorClass::refresh_token:
      return work::failed(v1::OUTCOME_UNAVAILABLE, v1::FAILURE_CREDENTIALS, std::move(reason),
                          kOperatorMustAct);
    case ErrorClass::configuration:
      return work::failed(v1::OUTCOME_UNAVAILABLE, v1::FAILURE_CONFIGURATION, std::move(reason),
                          kOperatorMustAct);
    case ErrorClass::wait_for_customer:
      return work::failed(v1::OUTCOME_PARKED, v1::FAILURE_WAIT_FOR_CUSTOMER, std::move(reason));
    case ErrorClass::dead:
      return work::failed(v1::OUTCOME_DEAD, v1::FAILURE_DEAD, std::move(reason));
  }
  return work::failed(v1::OUTCOME_RETRY, v1::FAILURE_RETRY, std::move(reason));
}

Outcome unknown_outcome(std::string reason) {
  auto outcome = work::failed(v1::OUTCOME_RETRY, v1::FAILURE_UNKNOWN_OUTCOME, std::move(reason));
  outcome.unsure = true;
  return outcome;
}

// The call has no answer that WeChat's API gives.
Outcome not_answered(std::string_view api, const CallResult& result) {
  const std::string what = "WeChat " + std::string(api) + ": ";
  if (result.kind == CallResult::Kind::not_sent)
    return work::failed(v1::OUTCOME_UNAVAILABLE, v1::FAILURE_UNREACHABLE, what + result.error);
  if (result.kind == CallResult::Kind::unsure) return unknown_outcome(what + result.error);
  const auto status = what + "HTTP status " + std::to_string(result.status);
  if (result.status == 429)
    return work::failed(v1::OUTCOME_UNAVAILABLE, v1::FAILURE_THROTTLE, status, kThrottled);
  if (result.status >= 500) return unknown_outcome(status);
  return work::failed(v1::OUTCOME_RETRY, v1::FAILURE_RETRY,
                      status + " without a JSON errcode: check WECHAT_API");
}

// For kefu_cloud_calls_total, of a call without an answer of WeChat's API.
std::string failure_class(const CallResult& result) {
  if (result.kind == CallResult::Kind::not_sent) return "not_sent";
  if (result.kind == CallResult::Kind::unsure) return "unsure";
  return result.status == 200 ? "garbled" : "http_" + std::to_string(result.status);
}

// At token time a failure of any kind is WeChat's or the account's, never of the message that waits for the
// token: nothing of it has gone out.
Outcome judged_for_token(const wechat::TokenAnswer& answer, const std::string& secret) {
  auto row = wechat::explain(answer.code);
  const bool busy = row.error_class == ErrorClass::retry || row.error_class == ErrorClass::throttle;
  if (!busy) row.error_class = ErrorClass::configuration;
  auto outcome = judged(row, reason_of(kToken, row, answer.message, secret));
  outcome.kind = v1::OUTCOME_UNAVAILABLE;
  if (outcome.after == 0ms) outcome.after = kThrottled;
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
    auto failure = not_answered(kToken, result);
    failure.kind = v1::OUTCOME_UNAVAILABLE;
    if (failure.failure != v1::FAILURE_THROTTLE) failure.failure = v1::FAILURE_UNREACHABLE;
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
    return {ErrorClass::retry, not_answered(kSend, result)};
  }
  const auto row = wechat::explain(answer->code);
  count(kSend, wechat::name(row.error_class));
  WechatCall call{row.error_class, judged(row, reason_of(kSend, row, answer->message, token))};
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
