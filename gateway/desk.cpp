#include "gateway/desk.h"

#include <algorithm>
#include <utility>

namespace kefu {

AgentDesk::AgentDesk(std::vector<std::string> agents, Millis idle) : agents_(std::move(agents)), idle_(idle) {
  for (const auto& agent : agents_) open_by_agent_[agent] = 0;
}

void AgentDesk::restore(const OpenId& customer, const std::string& agent, Timestamp active_at,
                        Timestamp now) {
  if (knows(agent) && now - active_at < idle_ && !open_.contains(customer)) open(customer, agent, active_at);
}

AgentDesk::Visit AgentDesk::customer_wrote(const OpenId& customer, Timestamp now) {
  close_idle(now);
  if (const auto known = open_.find(customer); known != open_.end()) {
    touch(known->second, now);
    return {known->second.agent, false};
  }
  const std::string agent = least_busy(now);
  open(customer, agent, now);
  return {agent, true};
}

AgentDesk::Visit AgentDesk::agent_wrote(const OpenId& customer, const std::string& agent, Timestamp now) {
  close_idle(now);
  if (const auto known = open_.find(customer); known != open_.end()) {
    touch(known->second, now);
    return {known->second.agent, false};
  }
  open(customer, agent, now);
  return {agent, true};
}

void AgentDesk::customer_left(const OpenId& customer) {
  close(customer);
}

const std::string& AgentDesk::least_busy(Timestamp now) {
  close_idle(now);
  return *std::min_element(agents_.begin(), agents_.end(),
                           [this](const std::string& a, const std::string& b) {
                             return open_by_agent_.at(a) < open_by_agent_.at(b);
                           });
}

void AgentDesk::open(const OpenId& customer, const std::string& agent, Timestamp at) {
  ++open_by_agent_.at(agent);
  open_[customer] = {agent, at, by_end_.emplace(at + idle_, customer)};
}

void AgentDesk::touch(Conversation& conversation, Timestamp at) {
  const OpenId customer = conversation.ends->second;
  by_end_.erase(conversation.ends);
  conversation.active_at = at;
  conversation.ends = by_end_.emplace(at + idle_, customer);
}

void AgentDesk::close(const OpenId& customer) {
  const auto known = open_.find(customer);
  if (known == open_.end()) return;
  --open_by_agent_.at(known->second.agent);
  by_end_.erase(known->second.ends);
  open_.erase(known);
}

void AgentDesk::close_idle(Timestamp now) {
  while (!by_end_.empty() && by_end_.begin()->first <= now) close(OpenId(by_end_.begin()->second));
}

}  // namespace kefu
