#include "gateway/web/im_intake.h"

#include <utility>

#include "gateway/agent_words.h"

namespace kefu {

std::map<std::string, std::string> query_to_keep(const http::Request& request) {
  std::map<std::string, std::string> query;
  for (const auto* name : {"CallbackCommand", "OptPlatform"}) {
    if (auto value = request.parameter(name)) query[name] = std::move(*value);
  }
  return query;
}

Result<Submission> read_again(const ImWebhookOptions& options, const QuarantinedPush& quarantined) {
  if (quarantined.is_cut()) return Error{"its body was cut when it was kept"};
  const auto command = quarantined.query.find("CallbackCommand");
  const auto callback = im::parse_callback(
      quarantined.body, command == quarantined.query.end() ? std::string() : command->second);
  if (!callback) return Error{callback.error()};
  if (callback->kind != im::CallbackKind::before_send && callback->kind != im::CallbackKind::after_send)
    return Error{"it is not a message"};
  if (!options.agents.contains(callback->sent.from)) return Error{"its sender is not in IM_AGENTS"};
  auto push = agent_push(callback->sent);
  push.body = quarantined.body;
  push.query = quarantined.query;
  if (push.text.empty() && push.elements.empty() && push.left_out.empty())
    return Error{"the message is empty"};
  return Submission{std::move(push)};
}

}  // namespace kefu
