#include "relay/im_api.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "lib/base/digest.h"
#include "lib/base/limits.h"
#include "lib/base/utf8.h"

namespace kefu::relay {
namespace {

using namespace std::chrono_literals;
using im::ErrorClass;
using work::Outcome;

constexpr auto kLeastTime = 500ms;       // a call with less before it would only end unsure
constexpr auto kThrottled = 1s;          // IM counts by the second
constexpr auto kUserSigThrottled = 60s;  // reference: IM §1.5, 70050
constexpr auto kOperatorMustAct = 30s;
constexpr std::size_t kCloudTextBytesMax = 300;

// "openim/sendmsg" is known as sendmsg.
std::string_view api_name(std::string_view command) {
  return command.substr(command.rfind('/') + 1);
}

// What IM says may repeat what it was sent.
std::string told_by_cloud(std::string message, const std::string& usersig) {
  for (auto at = message.find(usersig); at != message.npos; at = message.find(usersig))
    message.replace(at, usersig.size(), "…");
  const auto parts = split_utf8(clean_utf8(message), kCloudTextBytesMax);
  return parts.empty() ? std::string() : parts.front();
}

ImCall not_answered(v1::Outcome kind, std::string reason, bool unsure = false,
                    std::chrono::milliseconds after = 0ms) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.reason = std::move(reason);
  outcome.unsure = unsure;
  outcome.after = after;
  return {ErrorClass::retry, 0, std::move(outcome)};
}

void judge(const im::ErrorRow& row, Outcome& outcome) {
  switch (row.error_class) {
    case ErrorClass::ok:
    case ErrorClass::done:
      outcome.kind = v1::OUTCOME_DONE;
      break;
    case ErrorClass::throttle:
      outcome.kind = v1::OUTCOME_UNAVAILABLE;
      outcome.after = row.code == 70050 ? kUserSigThrottled : kThrottled;
      break;
    case ErrorClass::resign:
    case ErrorClass::configuration:
      outcome.kind = v1::OUTCOME_UNAVAILABLE;
      outcome.after = kOperatorMustAct;
      break;
    case ErrorClass::locked:
      outcome.kind = v1::OUTCOME_RETRY;
      outcome.account = v1::AccountChange::KIND_LOCKED;
      break;
    case ErrorClass::split:
    case ErrorClass::dead:
      outcome.kind = v1::OUTCOME_DEAD;
      break;
    case ErrorClass::retry:
    case ErrorClass::import_account:
      outcome.kind = v1::OUTCOME_RETRY;
      break;
  }
}

ImCall answered(std::string_view api, const im::Answer& answer, const std::string& usersig) {
  const auto row = im::explain(answer.code);
  ImCall call{row.error_class, answer.code, {}};
  judge(row, call.outcome);
  if (call.ok()) return call;
  call.outcome.code = static_cast<int>(answer.code);
  call.outcome.reason =
      "IM " + std::string(api) + " " + std::to_string(answer.code) + ": " + std::string(row.meaning);
  if (const auto told = told_by_cloud(answer.message, usersig); !told.empty())
    call.outcome.reason += " (" + told + ")";
  return call;
}

ImCall meaning_of(std::string_view api, const http::CallResult& result, const std::string& usersig) {
  const std::string what = "IM " + std::string(api) + ": ";
  if (result.kind == http::CallResult::Kind::not_sent)
    return not_answered(v1::OUTCOME_UNAVAILABLE, what + result.error);
  if (result.kind == http::CallResult::Kind::unsure)
    return not_answered(v1::OUTCOME_RETRY, what + result.error, true);
  const auto status = what + "HTTP status " + std::to_string(result.status);
  if (result.status == 429) return not_answered(v1::OUTCOME_UNAVAILABLE, status, false, kThrottled);
  if (result.status >= 500) return not_answered(v1::OUTCOME_RETRY, status, true);
  if (result.status != 200) return not_answered(v1::OUTCOME_RETRY, status + ": check IM_API");
  const auto answer = im::parse_answer(result.body);
  if (!answer) return not_answered(v1::OUTCOME_RETRY, what + answer.error() + ": check IM_API");
  return answered(api, *answer, usersig);
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

ImCall ImApi::call_once(std::string_view command, const std::string& body, const std::string& usersig,
                        Timestamp deadline) {
  const auto api = api_name(command);
  const auto began = clocks_.steady();
  const auto left = deadline - began;
  if (left < kLeastTime)
    return not_answered(v1::OUTCOME_RETRY, "IM " + std::string(api) + ": no time left for the call");

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
