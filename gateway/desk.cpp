#include "gateway/desk.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace kefu {

Availability availability_of(std::string_view state) {
  if (state == "offline") return Availability::offline;
  const bool reachable = state == "push_online" || state == "disconnected";
  return reachable ? Availability::reachable : Availability::online;
}

AgentDesk::AgentDesk(std::vector<std::string> agents, Millis idle) : agents_(std::move(agents)), idle_(idle) {
  for (const auto& agent : agents_) agents_by_name_[agent] = {};
}

void AgentDesk::set_availability(const std::string& agent, Availability availability) {
  const auto known = agents_by_name_.find(agent);
  if (known != agents_by_name_.end()) known->second.availability = availability;
}

bool AgentDesk::is_empty() const {
  return std::all_of(agents_by_name_.begin(), agents_by_name_.end(),
                     [](const auto& one) { return one.second.availability == Availability::offline; });
}

std::size_t AgentDesk::open_conversations(const std::string& agent, Timestamp now) const {
  const auto known = agents_by_name_.find(agent);
  if (known == agents_by_name_.end()) return 0;
  // Some may be over that nobody has closed yet.
  const auto over = std::count_if(by_end_.begin(), by_end_.upper_bound(now),
                                  [&](const auto& ending) { return open_.at(ending.second).agent == agent; });
  return known->second.open - static_cast<std::size_t>(over);
}

void AgentDesk::restore(const OpenId& customer, const std::string& agent, Timestamp active_at,
                        Timestamp now) {
  if (!knows(agent) || now - active_at >= idle_ || open_.contains(customer)) return;
  // Whether the customer was told is not in the journal: rather not at all than twice.
  open(customer, agent, active_at).told_empty = is_empty();
}

AgentDesk::Visit AgentDesk::customer_wrote(const OpenId& customer, Timestamp now, const Last& last) {
  close_idle(now);
  auto known = open_.find(customer);
  const bool first = known == open_.end();
  if (first) {
    const bool returns = knows(last.agent) && availability(last.agent) != Availability::offline &&
                         now - last.active_at < limits::kAgentKnownFor;
    open(customer, returns ? last.agent : take_turn(), now);
    known = open_.find(customer);
  } else {
    touch(known->second, now);
  }
  auto& conversation = known->second;
  Visit visit{conversation.agent, first, is_empty()};
  visit.tells_empty = visit.is_empty && !conversation.told_empty;
  if (visit.is_empty) conversation.told_empty = true;
  return visit;
}

AgentDesk::Visit AgentDesk::agent_wrote(const OpenId& customer, const std::string& agent, Timestamp now,
                                        Timestamp said_at) {
  close_idle(now);
  auto known = open_.find(customer);
  const bool first = known == open_.end();
  if (first) {
    open(customer, agent, now);
    known = open_.find(customer);
  } else {
    touch(known->second, now);
  }
  auto& conversation = known->second;
  if (said_at >= conversation.answered_at) {
    hand_over(conversation, agent);
    conversation.answered_at = said_at;
  }
  return {conversation.agent, first};
}

void AgentDesk::customer_left(const OpenId& customer) {
  close(customer);
}

const std::string& AgentDesk::next_agent(Timestamp now) {
  close_idle(now);
  return agents_[next_index()];
}

std::size_t AgentDesk::next_index() const {
  std::size_t best = turn_;
  const auto rank = [this](std::size_t index) {
    const auto& agent = agents_by_name_.at(agents_[index]);
    return std::tuple(agent.availability, agent.open);
  };
  for (std::size_t step = 1; step < agents_.size(); ++step) {
    const auto index = (turn_ + step) % agents_.size();
    if (rank(index) < rank(best)) best = index;
  }
  return best;
}

const std::string& AgentDesk::take_turn() {
  const auto index = next_index();
  turn_ = (index + 1) % agents_.size();
  return agents_[index];
}

AgentDesk::Conversation& AgentDesk::open(const OpenId& customer, const std::string& agent, Timestamp at) {
  ++agents_by_name_.at(agent).open;
  auto& conversation = open_[customer];
  conversation.agent = agent;
  conversation.ends = by_end_.emplace(at + idle_, customer);
  return conversation;
}

void AgentDesk::hand_over(Conversation& conversation, const std::string& agent) {
  --agents_by_name_.at(conversation.agent).open;
  ++agents_by_name_.at(agent).open;
  conversation.agent = agent;
}

void AgentDesk::touch(Conversation& conversation, Timestamp at) {
  const OpenId customer = conversation.ends->second;
  by_end_.erase(conversation.ends);
  conversation.ends = by_end_.emplace(at + idle_, customer);
}

void AgentDesk::close(const OpenId& customer) {
  const auto known = open_.find(customer);
  if (known == open_.end()) return;
  --agents_by_name_.at(known->second.agent).open;
  by_end_.erase(known->second.ends);
  open_.erase(known);
}

void AgentDesk::close_idle(Timestamp now) {
  while (!by_end_.empty() && by_end_.begin()->first <= now) close(OpenId(by_end_.begin()->second));
}

}  // namespace kefu
