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

http::Response ImWebhook::callback(const http::Request& request, Timestamp wall_now) const {
  if (app_id(request) != options_.sdk_app_id) {
    tally_.rejected("sdkappid");
    return refused(403, "not our SdkAppid");
  }
  if (!authentic(request, wall_now)) {
    tally_.rejected("signature");
    return refused(403, "Sign or RequestTime does not hold");
  }
  const auto callback = im::parse_callback(request.body, request.parameter("CallbackCommand").value_or(""));
  if (!callback) {
    tally_.rejected("not_json");
    return refused(400, "the body is no callback");
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
      return keep(request, "moderation");
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

http::Response ImWebhook::counted(std::string_view why) const {
  tally_.rejected(why);
  return ok();
}

http::Response ImWebhook::submitted(Submission submission) const {
  const auto receipt = submit_(std::move(submission));
  tally_.received("im", receipt);
  return receipt.kind == Receipt::Kind::refused ? refused(503, "try again") : ok();
}

http::Response ImWebhook::sent(const http::Request& request, const im::Callback& callback) const {
  const auto& message = callback.sent;
  if (!options_.agents.contains(message.from)) {
    return counted(is_rest(request) ? "rest_send" : "not_an_agent");
  }
  if (message.content.typing && !is_rest(request)) {
    submit_(TypingNotice{ImUserId(message.to), !*message.content.typing});
    return counted("typing");
  }
  if (message.online_only) return counted("online_only");
  if (is_rest(request)) {
    tally_.rejected("rest_send");
    return submitted(Disregard{im::message_key(message), ImUserId(message.to)});
  }
  if (callback.kind == im::CallbackKind::after_send && message.send_result != 0) {
    tally_.rejected("not_delivered_in_im");
    return withdrawn(message);
  }
  auto push = push_of(message, request.body);
  if (push.text.empty() && push.elements.empty() && push.left_out.empty())
    return keep(request, "the message is empty");
  const bool left_out = !push.left_out.empty();
  const auto receipt = submit_(std::move(push));
  tally_.received("im", receipt);
  if (left_out && receipt.kind == Receipt::Kind::stored) tally_.rejected("not_understood");
  return receipt.kind == Receipt::Kind::refused ? refused(503, "try again") : ok();
}

http::Response ImWebhook::withdrawn(const im::SentMessage& message) const {
  if (!options_.agents.contains(message.from)) return counted("not_an_agent");
  return submitted(Recall{im::message_key(message), ImUserId(message.to), message.msg_key});
}

http::Response ImWebhook::modified(const http::Request& request, const im::SentMessage& message) const {
  if (!options_.agents.contains(message.from)) return counted("not_an_agent");
  return submitted(Edit{push_of(message, request.body)});
}

http::Response ImWebhook::presence(const im::Presence& presence) const {
  if (!options_.agents.contains(presence.user)) return counted("presence_of_others");
  AgentPresence told{presence.user, presence_state(presence.action), presence.reason, "", presence.at};
  for (const auto& platform : presence.kicked)
    told.kicked.append(told.kicked.empty() ? "" : ", ").append(platform);
  return submitted(std::move(told));
}

http::Response ImWebhook::keep(const http::Request& request, const std::string& why) const {
  const auto receipt = submit_(RawPush{"im", why, request.body});
  const bool kept = receipt.kind != Receipt::Kind::refused;
  tally_.rejected(kept ? "not_understood" : "cannot_store");
  return kept ? ok() : refused(503, "try again");
}

bool ImWebhook::authentic(const http::Request& request, Timestamp wall_now) const {
  if (options_.token.empty()) return true;
  const auto sign = request.parameter("Sign");
  const auto time = request.parameter("RequestTime");
  return sign && time && im::callback_sign_holds(options_.token, *time, *sign, wall_now);
}

}  // namespace kefu
