#include "lib/wechat_client/wechat_api.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "lib/base/limits.h"
#include "lib/wechat/send.h"
#include "lib/work/told.h"

namespace kefu::wechat_client {
namespace {

using namespace std::chrono_literals;
using http::CallResult;
using wechat::ErrorClass;
using work::Outcome;

constexpr auto kLeastTime = 500ms;     // a call with less before it would only end unsure
constexpr auto kLeastTimeToSend = 3s;  // WeChat takes longer at times, and whether it has sent is not told
constexpr auto kThrottled = 1s;
constexpr auto kMinuteQuota = 60s;  // reference: WeChat §6.6, 45011
constexpr auto kDayQuota = 5min;    // 45009: somebody may clear the quota
constexpr auto kOperatorMustAct = 30s;

constexpr std::string_view kSend = "custom/send";
constexpr std::string_view kToken = "stable_token";
constexpr std::string_view kTyping = "custom/typing";
constexpr std::string_view kUpload = "media/upload";
constexpr std::string_view kGet = "media/get";

// What came before took too long: WeChat itself need not be in trouble.
Outcome no_time_for(std::string_view api) {
  return work::failed(v1::OUTCOME_RETRY, v1::FAILURE_ELSEWHERE,
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

Outcome unknown_outcome(std::string reason) {
  auto outcome = work::failed(v1::OUTCOME_RETRY, v1::FAILURE_UNKNOWN_OUTCOME, std::move(reason));
  outcome.unsure = true;
  return outcome;
}

Outcome judged(const wechat::ErrorRow& row, std::string reason) {
  switch (row.error_class) {
    case ErrorClass::ok:
      return work::done();
    case ErrorClass::unknown_outcome:
      return unknown_outcome(std::move(reason));
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
  if (row.error_class == ErrorClass::unknown_outcome) row.error_class = ErrorClass::retry;
  const bool busy = row.error_class == ErrorClass::retry || row.error_class == ErrorClass::throttle;
  if (!busy) row.error_class = ErrorClass::configuration;
  auto outcome = judged(row, reason_of(kToken, row, answer.message, secret));
  outcome.kind = v1::OUTCOME_UNAVAILABLE;
  if (outcome.after == 0ms) outcome.after = kThrottled;
  outcome.code = static_cast<int>(answer.code);
  return outcome;
}

// Of a call that has done nothing anybody sees.
WechatCall repeatable(WechatCall call) {
  call.outcome.unsure = false;
  if (call.outcome.failure == v1::FAILURE_UNKNOWN_OUTCOME)
    call.outcome.failure = call.outcome.code != 0 ? v1::FAILURE_RETRY : v1::FAILURE_UNREACHABLE;
  return call;
}

std::string with_token(std::string_view path, const std::string& token) {
  return std::string(path) + "?access_token=" + http::percent_encode(token);
}

// WeChat answers a question for a file with the file, or with JSON that it calls text as often as not
// (reference: WeChat §7.2).
class SortedAnswer {
 public:
  explicit SortedAnswer(const http::Sink& file) : file_(file) {}

  http::Sink sink() {
    return {[this](const http::AnswerHead& head) { return begins(head); },
            [this](std::string_view piece) { return takes(piece); }};
  }
  bool is_file() const { return kind_ == Kind::file; }
  const std::string& told() const { return told_; }

 private:
  enum class Kind { undecided, file, told };

  bool begins(const http::AnswerHead& head) {
    head_ = head;
    const std::string_view type = head.content_type;
    const bool textual =
        type.empty() || type.starts_with("text/") || type.find("json") != std::string_view::npos;
    if (head.status != 200) {
      kind_ = Kind::told;
    } else if (!textual && !head.content_disposition.empty()) {
      return be_file();
    }
    return true;
  }

  bool takes(std::string_view piece) {
    if (kind_ == Kind::undecided && !piece.empty()) {
      const auto first = piece.find_first_not_of(" \t\r\n");
      if (first != std::string_view::npos && piece[first] == '{') {
        kind_ = Kind::told;
      } else if (!be_file()) {
        return false;
      }
    }
    if (kind_ == Kind::file) return file_.takes(piece);
    if (told_.size() + piece.size() > limits::kCloudAnswerBytesMax) return false;
    told_ += piece;
    return true;
  }

  bool be_file() {
    kind_ = Kind::file;
    return file_.begins(head_);
  }

  const http::Sink& file_;
  http::AnswerHead head_;
  Kind kind_ = Kind::undecided;
  std::string told_;
};

}  // namespace

std::string_view name(MediaType type) {
  switch (type) {
    case MediaType::image:
      return "image";
    case MediaType::voice:
      return "voice";
    case MediaType::video:
      return "video";
    case MediaType::thumb:
      return "thumb";
  }
  return "image";
}

WechatApi::WechatApi(http::Client& client, std::string app_id, std::string secret, ops::Metrics& metrics,
                     std::function<Timestamp()> now)
    : client_(client),
      app_id_(std::move(app_id)),
      secret_(std::move(secret)),
      metrics_(metrics),
      now_(std::move(now)) {}

FetchedToken WechatApi::fetch_token(bool force, Timestamp deadline) {
  if (too_late(deadline, kLeastTime)) return {{}, 0ms, no_time_for(kToken)};
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

WechatCall WechatApi::send_message(const std::string& token, const std::string& body, Timestamp deadline) {
  if (too_late(deadline, kLeastTimeToSend)) return {ErrorClass::retry, no_time_for(kSend)};
  return tell(kSend, wechat::kCustomSendPath, token, body, deadline);
}

WechatCall WechatApi::typing(const std::string& token, const OpenId& to, bool stopped, Timestamp deadline) {
  auto call = tell(kTyping, wechat::kTypingPath, token, wechat::typing_body(to, stopped), deadline);
  // Too long after the last message, too soon after the last notice, an account that has none.
  const auto code = call.outcome.code;
  if (code == 45080 || code == 45081 || code == 45082 || code == 40200) return {ErrorClass::ok, work::done()};
  return call;
}

Uploaded WechatApi::upload_media(const std::string& token, MediaType type, http::FilePart file,
                                 Timestamp deadline) {
  if (too_late(deadline, kLeastTime)) return {{ErrorClass::retry, no_time_for(kUpload)}};
  file.field = "media";  // reference: WeChat §7.1
  const auto target = with_token(wechat::kMediaUploadPath, token) + "&type=" + std::string(name(type));
  const auto result = timed(kUpload, [&] {
    return client_.upload(target, file, std::min<Millis>(limits::kHttpDeadline, deadline - now_()));
  });
  const bool answered = result.kind == CallResult::Kind::answered;
  const auto answer =
      answered ? wechat::parse_upload_answer(result.body) : Result<wechat::UploadAnswer>(Error{result.error});
  if (!answer) return {repeatable(unanswered(kUpload, result))};
  return {repeatable(judge(kUpload, answer->code, answer->message, token)), answer->media_id};
}

GotMedia WechatApi::get_media(const std::string& token, const std::string& media_id, const http::Sink& sink,
                              Timestamp deadline) {
  if (too_late(deadline, kLeastTime)) return {{ErrorClass::retry, no_time_for(kGet)}};
  const auto target =
      with_token(wechat::kMediaGetPath, token) + "&media_id=" + http::percent_encode(media_id);
  SortedAnswer sorted(sink);
  auto result = timed(kGet, [&] { return client_.download(target, sorted.sink(), deadline - now_()); });
  if (result.kind == CallResult::Kind::answered && sorted.is_file()) {
    count(kGet, wechat::name(ErrorClass::ok));
    return {{ErrorClass::ok, work::done()}};
  }
  const auto answer = result.kind == CallResult::Kind::answered
                          ? wechat::parse_media_answer(sorted.told())
                          : Result<wechat::MediaAnswer>(Error{result.error});
  if (!answer) return {repeatable(unanswered(kGet, result))};
  return {repeatable(judge(kGet, answer->code, answer->message, token)), answer->video_url};
}

WechatCall WechatApi::tell(std::string_view api, std::string_view path, const std::string& token,
                           const std::string& body, Timestamp deadline) {
  if (too_late(deadline, kLeastTime)) return {ErrorClass::retry, no_time_for(api)};
  const auto result = post(api, with_token(path, token), body, deadline);
  const bool answered = result.kind == CallResult::Kind::answered;
  // The errcode decides, whatever the HTTP status.
  const auto answer =
      answered ? wechat::parse_send_answer(result.body) : Result<wechat::SendAnswer>(Error{result.error});
  return answer ? judge(api, answer->code, answer->message, token) : unanswered(api, result);
}

WechatCall WechatApi::judge(std::string_view api, std::int64_t code, const std::string& message,
                            const std::string& token) {
  const auto row = wechat::explain(code);
  count(api, wechat::name(row.error_class));
  WechatCall call{row.error_class, judged(row, reason_of(api, row, message, token))};
  if (!call.ok()) call.outcome.code = static_cast<int>(code);
  return call;
}

WechatCall WechatApi::unanswered(std::string_view api, const CallResult& result) {
  count(api, failure_class(result));
  return {ErrorClass::retry, not_answered(api, result)};
}

CallResult WechatApi::post(std::string_view api, const std::string& target, const std::string& body,
                           Timestamp deadline) {
  return timed(api, [&] {
    return client_.post(target, body, "application/json; charset=utf-8",
                        std::min<Millis>(limits::kHttpDeadline, deadline - now_()));
  });
}

CallResult WechatApi::timed(std::string_view api, const std::function<CallResult()>& call) {
  const auto began = now_();
  auto result = call();
  const std::chrono::duration<double> took = now_() - began;
  metrics_
      .histogram("kefu_cloud_call_seconds", "Time that calls of a cloud took",
                 {{"cloud", "wechat"}, {"api", std::string(api)}})
      .observe(took.count());
  return result;
}

bool WechatApi::too_late(Timestamp deadline, Millis least) const {
  return deadline - now_() < least;
}

void WechatApi::count(std::string_view api, std::string_view error_class) {
  metrics_
      .counter("kefu_cloud_calls_total", "Calls of a cloud by what became of them",
               {{"cloud", "wechat"}, {"api", std::string(api)}, {"class", std::string(error_class)}})
      .add();
}

WechatCall call_with_token(TokenCache& tokens, Timestamp deadline,
                           const std::function<WechatCall(const std::string& token)>& call) {
  auto token = tokens.get(deadline);
  if (!token.ok()) return {ErrorClass::retry, token.failure, true};
  auto made = call(token.token);
  if (made.error_class != ErrorClass::refresh_token) return made;

  token = tokens.replace(token.token, deadline);
  if (!token.ok()) return {ErrorClass::retry, token.failure, true};
  made = call(token.token);
  if (made.error_class == ErrorClass::refresh_token) {
    made.outcome.reason +=
        "; a fresh access token was refused too: does WECHAT_APP_ID fit WECHAT_APP_SECRET, and WECHAT_API "
        "both?";
  }
  return made;
}

}  // namespace kefu::wechat_client
