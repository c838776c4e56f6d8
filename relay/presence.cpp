#include "relay/presence.h"

#include <string>
#include <utility>
#include <vector>

#include "lib/im/rest.h"

namespace kefu::relay {
namespace {

work::Outcome refused(std::string why) {
  auto outcome = work::done();
  outcome.reason = "presence is not known: " + std::move(why);
  return outcome;
}

v1::AgentStatus::Status status_of(im::OnlineStatus::Status status) {
  switch (status) {
    case im::OnlineStatus::Status::online:
      return v1::AgentStatus::STATUS_ONLINE;
    case im::OnlineStatus::Status::push_online:
      return v1::AgentStatus::STATUS_PUSH_ONLINE;
    case im::OnlineStatus::Status::offline:
      return v1::AgentStatus::STATUS_OFFLINE;
  }
  return v1::AgentStatus::STATUS_UNSPECIFIED;
}

}  // namespace

work::Outcome query_presence(ImApi& api, const v1::PresenceQuery& asked, Timestamp deadline) {
  const std::vector<std::string> agents(asked.agents().begin(), asked.agents().end());
  const auto call = api.call(im::kOnlineStatus, im::online_status_body(agents), deadline);
  if (!call.ok()) {
    const bool answered = call.code != 0 && call.error_class != im::ErrorClass::throttle;
    return answered ? refused(call.outcome.reason) : call.outcome;
  }
  const auto told = im::parse_online_status(call.body);
  if (!told) return refused(told.error());
  auto outcome = work::done();
  for (const auto& one : *told) {
    v1::AgentStatus status;
    status.set_agent(one.user);
    status.set_status(status_of(one.status));
    outcome.presence.push_back(std::move(status));
  }
  return outcome;
}

}  // namespace kefu::relay
