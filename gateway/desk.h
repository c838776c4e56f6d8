// Which agent a customer talks to (docs/agents.md): the same one while the conversation lasts, else the one
// they know, else the one at the desk with the fewest open conversations. Pure; time is passed in.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/ids.h"
#include "lib/base/limits.h"

namespace kefu {

// How well an agent can be reached, the best first. An agent of whom nothing is known counts as online.
enum class Availability : std::uint8_t {
  online,
  reachable,  // no client is connected, but IM still pushes to the agent's phone
  offline,
};

// `state`: that of AgentPresence. A word that this program does not know counts as online.
Availability availability_of(std::string_view state);

class AgentDesk {
 public:
  // `agents`: IM accounts, at least one. A conversation ends `idle` after its last word.
  explicit AgentDesk(std::vector<std::string> agents, Millis idle = limits::kConversationIdle);

  bool knows(const std::string& agent) const { return agents_by_name_.contains(agent); }

  // Somebody who is not in the settings is ignored.
  void set_availability(const std::string& agent, Availability availability);
  // REQUIRES: knows(agent).
  Availability availability(const std::string& agent) const { return agents_by_name_.at(agent).availability; }
  // Every agent is offline.
  bool is_empty() const;
  std::size_t open_conversations(const std::string& agent, Timestamp now) const;

  // A conversation as the journal remembers it; nothing when it is over or its agent is gone.
  void restore(const OpenId& customer, const std::string& agent, Timestamp active_at, Timestamp now);

  // What the journal knows of the customer's last conversation.
  struct Last {
    std::string agent{};  // empty: there was none
    Timestamp active_at{};
  };
  struct Visit {
    std::string agent;
    bool first = false;        // no conversation was open: this is its first word
    bool is_empty = false;     // nobody is at the desk
    bool tells_empty = false;  // … and the customer has not been told so in this conversation
  };
  Visit customer_wrote(const OpenId& customer, Timestamp now, const Last& last);
  Visit customer_wrote(const OpenId& customer, Timestamp now) { return customer_wrote(customer, now, {}); }
  // An agent's word keeps the conversation open, or opens one; the conversation is this agent's from then on,
  // unless another one has answered since `said_at`. REQUIRES: knows(agent).
  Visit agent_wrote(const OpenId& customer, const std::string& agent, Timestamp now, Timestamp said_at);
  Visit agent_wrote(const OpenId& customer, const std::string& agent, Timestamp now) {
    return agent_wrote(customer, agent, now, now);
  }
  void customer_left(const OpenId& customer);

  // Who would get a new conversation now: among those who can be reached best one with the fewest open
  // conversations, and of equals the one whose turn it is.
  const std::string& next_agent(Timestamp now);

 private:
  struct Agent {
    std::size_t open = 0;  // conversations
    Availability availability = Availability::online;
  };
  struct Conversation {
    std::string agent;
    Timestamp answered_at{};  // when an agent said the last word of theirs; 0: none yet, or before a restart
    bool told_empty = false;
    std::multimap<Timestamp, OpenId>::iterator ends;
  };

  std::size_t next_index() const;
  const std::string& take_turn();
  Conversation& open(const OpenId& customer, const std::string& agent, Timestamp at);
  void hand_over(Conversation& conversation, const std::string& agent);
  void touch(Conversation& conversation, Timestamp at);
  void close(const OpenId& customer);
  void close_idle(Timestamp now);

  std::vector<std::string> agents_;  // in the order of the settings
  std::size_t turn_ = 0;             // of equals the first from here on is next
  Millis idle_;
  std::map<std::string, Agent> agents_by_name_;
  std::unordered_map<OpenId, Conversation> open_;
  std::multimap<Timestamp, OpenId> by_end_;
};

}  // namespace kefu
