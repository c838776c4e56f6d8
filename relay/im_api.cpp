#include "relay/im_api.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "lib/base/digest.h"
#include "lib/base/limits.h"
#include "lib/work/told.h"

namespace kefu::relay {
namespace {

using namespace std::chrono_literals;
using im::ErrorClass;
using work::Outcome;

constexpr auto kLeastTime = 500ms;       // a call with less before it would only end unsure
constexpr auto kThrottled = 1s;          // IM counts by the second
constexpr auto kUserSigThrottled = 60s;  // reference: IM §1.5, 70050
constexpr auto kOperatorMustAct = 30s;

// "openim/sendmsg" is known as sendmsg.
std::string_view api_name(std::string_view command) {
  return command.substr(command.rfind('/') + 1);
}

ImCall not_answered(v1::Outcome kind, v1::Failure failure, std::string reason, Millis after = 0ms) {
  return {ErrorClass::retry, 0, work::failed(kind, failure, std::move(reason), after), {}};
}

ImCall unknown_outcome(std::string reason) {
  auto call = not_answered(v1::OUTCOME_RETRY, v1::FAILURE_UNKNOWN_OUTCOME, std::move(reason));
  call.outcome.unsure = true;
  return call;
}

Outcome judged(const im::ErrorRow& row, std::string reason) {
  switch (row.error_class) {
    case ErrorClass::ok:
    case ErrorClass::done:
      return work::done();
    case ErrorClass::throttle:
      return work::failed(v1::OUTCOME_UNAVAILABLE, v1::FAILURE_THROTTLE, std::move(reason),
                          row.code == 70050 ? kUserSigThrottled : kThrottled);
    case ErrorClass::resign:
      return work::failed(v1::OUTCOME_UNAVAILABLE, v1::FAILURE_CREDENTIALS, std::move(reason),
                          kOperatorMustAct);
    case ErrorClass::configuration:
      return work::failed(v1::OUTCOME_UNAVAILABLE, v1::FAILURE_CONFIGURATION, std::move(reason),
                          kOperatorMustAct);
    case ErrorClass::account:
      // Should it be the admin's own account, several customers' failures close the queue. That there may be
      // no more accounts says nothing of those that there are.
      return work::failed(v1::OUTCOME_RETRY,
                          row.code == im::kNoMoreAccounts ? v1::FAILURE_ELSEWHERE : v1::FAILURE_RETRY,
                          std::move(reason), kOperatorMustAct);
    case ErrorClass::locked: {
      auto outcome = work::failed(v1::OUTCOME_RETRY, v1::FAILURE_IMPORT, std::move(reason));
      outcome.account = v1::AccountChange::KIND_LOCKED;
      return outcome;
    }
    case ErrorClass::import_account:
      return work::failed(v1::OUTCOME_RETRY, v1::FAILURE_IMPORT, std::move(reason));
    case ErrorClass::split:
      return work::failed(v1::OUTCOME_DEAD, v1::FAILURE_SPLIT, std::move(reason));
    case ErrorClass::dead:
      return work::failed(v1::OUTCOME_DEAD, v1::FAILURE_DEAD, std::move(reason));
    case ErrorClass::retry:
      break;
  }
  return work::failed(v1::OUTCOME_RETRY, v1::FAILURE_RETRY, std::move(reason));
}

ImCall meaning_of(std::string_view api, const http::CallResult& result, const std::string& usersig) {
  const std::string what = "IM " + std::string(api) + ": ";
  if (result.kind == http::CallResult::Kind::not_sent)
    return not_answered(v1::OUTCOME_UNAVAILABLE, v1::FAILURE_UNREACHABLE, what + result.error);
  if (result.kind == http::CallResult::Kind::unsure) return unknown_outcome(what + result.error);
  const auto status = what + "HTTP status " + std::to_string(result.status);
  if (result.status == 429)
    return not_answered(v1::OUTCOME_UNAVAILABLE, v1::FAILURE_THROTTLE, status, kThrottled);
  if (result.status >= 500) return unknown_outcome(status);
  if (result.status != 200)
    return not_answered(v1::OUTCOME_RETRY, v1::FAILURE_RETRY, status + ": check IM_API");
  const auto answer = im::parse_answer(result.body);
  if (!answer)
    return not_answered(v1::OUTCOME_RETRY, v1::FAILURE_RETRY, what + answer.error() + ": check IM_API");
  return {im::explain(answer->code).error_class, answer->code,
          outcome_of(api, answer->code, work::told_by_cloud(answer->message, usersig)), result.body};
}

// For kefu_cloud_calls_total: the class, or how the call failed before IM could say one.
std::string metric_class(const http::CallResult& result, const ImCall& call) {
  if (result.kind == http::CallResult::Kind::not_sent) return "not_sent";
  if (result.kind == http::CallResult::Kind::unsure) return "unsure";
  if (result.status != 200) return "http_" + std::to_string(result.status);
  if (!call.ok() && call.code == 0) return "garbled";
  return std::string(im::name(call.error_class));
}

}  // namespace

Outcome outcome_of(std::string_view api, std::int64_t code, const std::string& told) {
  const auto row = im::explain(code);
  std::string reason =
      "IM " + std::string(api) + " " + std::to_string(code) + ": " + std::string(row.meaning);
  // The operator needs the address that IM sees.
  const bool configuration = row.error_class == ErrorClass::configuration;
  if (const auto address = configuration ? work::address_in(told) : std::string(); !address.empty())
    reason += "; the address is " + address;
  if (!told.empty()) reason += " (" + told + ")";
  auto outcome = judged(row, std::move(reason));
  if (row.error_class != ErrorClass::ok) outcome.code = static_cast<int>(code);
  return outcome;
}

ImApi::ImApi(http::Client& client, UserSigSource& usersig, std::uint32_t sdk_app_id, std::string admin,
             ops::Metrics& metrics, Clocks clocks)
    : client_(client),
      usersig_(usersig),
      sdk_app_id_(sdk_app_id),
      admin_(std::move(admin)),
      metrics_(metrics),
      clocks_(std::move(clocks)) {}

ImCall ImApi::call(std::string_view command, const std::string& body, Timestamp deadline) {
  const auto usersig = usersig_.get(clocks_.wall());
  auto first = call_once(command, body, usersig, deadline);
  if (first.error_class != ErrorClass::resign) return first;
  auto second = call_once(command, body, usersig_.replace(usersig, clocks_.wall()), deadline);
  if (second.error_class == ErrorClass::resign) second.outcome.reason += "; a fresh UserSig was refused too";
  return second;
}

std::string ImApi::told(const std::string& message) {
  return work::told_by_cloud(message, usersig_.get(clocks_.wall()));
}

ImCall ImApi::call_once(std::string_view command, const std::string& body, const std::string& usersig,
                        Timestamp deadline) {
  const auto api = api_name(command);
  const auto began = clocks_.steady();
  const auto left = deadline - began;
  if (left < kLeastTime)
    return not_answered(v1::OUTCOME_RETRY, v1::FAILURE_RETRY,
                        "IM " + std::string(api) + ": no time left for the call");

  const auto target =
      im::request_target(command, sdk_app_id_, admin_, usersig, static_cast<std::uint32_t>(random_u64()));
  const auto result = client_.post(target, body, "application/json",
                                   std::min<std::chrono::milliseconds>(limits::kHttpDeadline, left));
  auto call = meaning_of(api, result, usersig);

  const ops::Labels labels{{"cloud", "im"}, {"api", std::string(api)}};
  const std::chrono::duration<double> took = clocks_.steady() - began;
  metrics_.histogram("kefu_cloud_call_seconds", "Time that calls of a cloud took", labels)
      .observe(took.count());
  ops::Labels classed = labels;
  classed["class"] = metric_class(result, call);
  metrics_.counter("kefu_cloud_calls_total", "Calls of a cloud by what became of them", classed).add();
  return call;
}

}  // namespace kefu::relay
