#include "gateway/web/im_webhook.h"

#include <utility>

#include "gateway/agent_words.h"
#include "lib/base/ascii.h"

namespace kefu {
namespace {

http::Response ok() {
  return {200, std::string(im::callback_ok()), "application/json"};
}

http::Response refused(int status, const std::string& why) {
  return {status, R"({"ActionStatus":"FAIL","ErrorInfo":")" + why + R"(","ErrorCode":1})",
          "application/json"};
}

// The spelling of OptPlatform drifts (reference: IM §4.1).
bool is_rest(const http::Request& request) {
  return lower_ascii(request.parameter("OptPlatform").value_or("")) == "restapi";
}

// "SdkAppid" at present (reference: IM §4.1); IM's own pages spell it in other ways too. Named twice, it is
// none.
std::string app_id(const http::Request& request) {
  std::string found;
  for (const auto& [name, value] : request.query) {
    if (lower_ascii(name) != "sdkappid") continue;
    if (!found.empty()) return {};
    found = value;
  }
  return found;
}

// reference: IM §4.5.
std::string presence_state(std::string_view action) {
  const auto word = lower_ascii(action);
  if (word == "login") return "online";
  return word == "logout" ? "offline" : "disconnected";
}

AgentPush push_of(const im::SentMessage& message, const std::string& body) {
  auto push = agent_push(message);
  if (!push.left_out.empty()) push.body = body;
  return push;
}

}  // namespace

ImWebhook::ImWebhook(ImWebhookOptions options, Submit submit, Tally& tally)
    : options_(std::move(options)), submit_(std::move(submit)), tally_(tally) {}

void ImWebhook::callback(const http::Request& request, Timestamp wall_now, http::Answer answer) const {
  auto outcome = outcome_of(request, wall_now);
  if (!outcome.submission) return answer(std::move(outcome.answer));
  auto submission = *std::exchange(outcome.submission, std::nullopt);
  const bool is_raw = std::holds_alternative<RawPush>(submission);
  submit_(std::move(submission),
          [this, is_raw, outcome = std::move(outcome), answer = std::move(answer)](const Receipt& receipt) {
            const bool is_kept_raw = is_raw && receipt.kind != Receipt::Kind::refused;
            if (!is_kept_raw) tally_.received("im", receipt);
            if (outcome.not_understood && receipt.kind == Receipt::Kind::stored)
              tally_.rejected("not_understood");
            answer(receipt.kind == Receipt::Kind::refused ? refused(503, "try again") : outcome.answer);
          });
}

http::Response ImWebhook::late() const {
  return refused(503, "not stored yet");
}

std::optional<http::Response> ImWebhook::refusal(const http::Request& request, Timestamp wall_now) const {
  if (app_id(request) != options_.sdk_app_id) {
    tally_.rejected("sdkappid");
    return refused(403, "not our SdkAppid");
  }
  if (!authentic(request, wall_now)) {
    tally_.rejected("signature");
    return refused(403, "Sign or RequestTime does not hold");
  }
  return std::nullopt;
}

http::EarlyVerdict ImWebhook::check_early(const http::Request& head, Timestamp wall_now) const {
  using Kind = http::EarlyVerdict::Kind;
  auto refusal_of_head = refusal(head, wall_now);
  if (refusal_of_head) return {Kind::refused, std::move(*refusal_of_head)};
  return {options_.token.empty() ? Kind::unknown : Kind::authentic};
}

ImWebhook::Outcome ImWebhook::outcome_of(const http::Request& request, Timestamp wall_now) const {
  if (auto refusal_of_head = refusal(request, wall_now)) return {*std::move(refusal_of_head)};
  const auto callback = im::parse_callback(request.body, request.parameter("CallbackCommand").value_or(""));
  if (!callback) {
    tally_.rejected("not_json");
    return {refused(400, "the body is no callback")};
  }
  switch (callback->kind) {
    case im::CallbackKind::before_send:
    case im::CallbackKind::after_send:
      return sent(request, *callback);
    case im::CallbackKind::withdrawn:
      return withdrawn(callback->sent);
    case im::CallbackKind::modified:
      return modified(request, callback->sent);
    case im::CallbackKind::presence:
      return presence(callback->presence);
    case im::CallbackKind::moderation:
      return to_keep(request, "moderation", QuarantineClass::informational);
    case im::CallbackKind::read:
      return counted("read_report");
    case im::CallbackKind::bot:
      return counted("bot");
    case im::CallbackKind::group:
      return counted("group");
    case im::CallbackKind::other:
      break;
  }
  return counted("other_callback");
}

ImWebhook::Outcome ImWebhook::counted(std::string_view why) const {
  tally_.rejected(why);
  return {ok()};
}

ImWebhook::Outcome ImWebhook::to_keep(const http::Request& request, const std::string& why,
                                      QuarantineClass kind) {
  return {ok(), RawPush{"im", why, request.body, kind, query_to_keep(request)}, true};
}

ImWebhook::Outcome ImWebhook::sent(const http::Request& request, const im::Callback& callback) const {
  const auto& message = callback.sent;
  if (!options_.agents.contains(message.from)) {
    return counted(is_rest(request) ? "rest_send" : "not_an_agent");
  }
  if (message.content.typing && !is_rest(request)) {
    submit_(TypingNotice{ImUserId(message.to), !*message.content.typing}, [](const Receipt&) {});
    return counted("typing");
  }
  if (message.online_only) return counted("online_only");
  if (is_rest(request)) {
    tally_.rejected("rest_send");
    return {ok(), Disregard{im::message_key(message), ImUserId(message.to)}};
  }
  if (callback.kind == im::CallbackKind::after_send && message.send_result != 0) {
    tally_.rejected("not_delivered_in_im");
    return withdrawn(message);
  }
  auto push = push_of(message, request.body);
  if (push.text.empty() && push.elements.empty() && push.left_out.empty())
    return to_keep(request, "the message is empty", QuarantineClass::not_understood);
  const bool left_out = !push.left_out.empty();
  return {ok(), std::move(push), left_out};
}

ImWebhook::Outcome ImWebhook::withdrawn(const im::SentMessage& message) const {
  if (!options_.agents.contains(message.from)) return counted("not_an_agent");
  return {ok(), Recall{im::message_key(message), ImUserId(message.to), message.msg_key}};
}

ImWebhook::Outcome ImWebhook::modified(const http::Request& request, const im::SentMessage& message) const {
  if (!options_.agents.contains(message.from)) return counted("not_an_agent");
  return {ok(), Edit{push_of(message, request.body), Timestamp{message.msg_time * 1000}}};
}

ImWebhook::Outcome ImWebhook::presence(const im::Presence& presence) const {
  if (!options_.agents.contains(presence.user)) return counted("presence_of_others");
  AgentPresence told{presence.user, presence_state(presence.action), presence.reason, "", presence.at};
  for (const auto& platform : presence.kicked)
    told.kicked.append(told.kicked.empty() ? "" : ", ").append(platform);
  return {ok(), std::move(told)};
}

bool ImWebhook::authentic(const http::Request& request, Timestamp wall_now) const {
  if (options_.token.empty()) return true;
  const auto sign = request.parameter("Sign");
  const auto time = request.parameter("RequestTime");
  return sign && time && im::callback_sign_holds(options_.token, *time, *sign, wall_now);
}

}  // namespace kefu
