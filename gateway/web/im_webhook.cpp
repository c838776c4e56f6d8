#include "gateway/web/im_webhook.h"

#include <algorithm>
#include <utility>

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
bool is_rest(std::string platform) {
  std::transform(platform.begin(), platform.end(), platform.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return platform == "restapi";
}

}  // namespace

ImWebhook::ImWebhook(ImWebhookOptions options, Submit submit, Tally& tally)
    : options_(std::move(options)), submit_(std::move(submit)), tally_(tally) {}

http::Response ImWebhook::callback(const http::Request& request, Timestamp wall_now) const {
  if (request.parameter("SdkAppid") != options_.sdk_app_id) {
    tally_.rejected("sdkappid");
    return refused(403, "not our SdkAppid");
  }
  if (!authentic(request, wall_now)) {
    tally_.rejected("signature");
    return refused(403, "Sign or RequestTime does not hold");
  }
  const auto callback = im::parse_callback(request.body);
  if (!callback) {
    tally_.rejected("not_json");
    return refused(400, "the body is no callback");
  }
  if (const auto why = reason_to_ignore(request, *callback); !why.empty()) {
    tally_.rejected(why);
    return ok();
  }
  const auto& sent = callback->sent;
  AgentPush push{im::message_key(sent), sent.from,          ImUserId(sent.to), sent.text,
                 sent.msg_key,          sent.other_elements};
  if (sent.text.size() > kTextBytesMax) {
    push.text.clear();
    push.left_out = "a text of " + std::to_string(sent.text.size()) + " bytes";
  }
  if (push.text.empty() && push.left_out.empty()) return keep(request, "the message is empty");
  if (!push.left_out.empty()) push.body = request.body;
  const bool left_out = !push.left_out.empty();
  const auto receipt = submit_(std::move(push));
  tally_.received("im", receipt);
  if (left_out && receipt.kind == Receipt::Kind::stored) tally_.rejected("not_understood");
  return receipt.kind == Receipt::Kind::refused ? refused(503, "try again") : ok();
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

std::string ImWebhook::reason_to_ignore(const http::Request& request, const im::Callback& callback) const {
  const auto command =
      callback.command.empty() ? request.parameter("CallbackCommand").value_or("") : callback.command;
  if (command != "C2C.CallbackAfterSendMsg") return "other_callback";
  if (is_rest(request.parameter("OptPlatform").value_or(""))) return "rest_send";
  if (callback.sent.online_only) return "online_only";
  if (callback.sent.send_result != 0) return "not_delivered_in_im";
  if (!options_.agents.contains(callback.sent.from)) return "not_an_agent";
  return {};
}

}  // namespace kefu
