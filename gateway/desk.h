// Which agent a customer talks to: the same one while the conversation lasts, else the one with the fewest
// open conversations. Pure.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/ids.h"
#include "lib/base/limits.h"

namespace kefu {

class AgentDesk {
 public:
  // `agents`: IM accounts, at least one. A conversation ends `idle` after its last word.
  explicit AgentDesk(std::vector<std::string> agents, Millis idle = limits::kConversationIdle);

  bool knows(const std::string& agent) const { return open_by_agent_.contains(agent); }

  // A conversation as the journal remembers it; nothing when it is over or its agent is gone.
  void restore(const OpenId& customer, const std::string& agent, Timestamp active_at, Timestamp now);

  struct Visit {
    std::string agent;
    bool first = false;  // no conversation was open: this is its first word
  };
  Visit customer_wrote(const OpenId& customer, Timestamp now);
  // An agent's word keeps the conversation open, or opens one.
  Visit agent_wrote(const OpenId& customer, const std::string& agent, Timestamp now);
  void customer_left(const OpenId& customer);

  // With the fewest open conversations; among equals the first in the settings.
  const std::string& least_busy(Timestamp now);

 private:
  struct Conversation {
    std::string agent;
    Timestamp active_at{};
    std::multimap<Timestamp, OpenId>::iterator ends;
  };

  void open(const OpenId& customer, const std::string& agent, Timestamp at);
  void touch(Conversation& conversation, Timestamp at);
  void close(const OpenId& customer);
  void close_idle(Timestamp now);

  std::vector<std::string> agents_;
  Millis idle_;
  std::map<std::string, std::size_t> open_by_agent_;
  std::unordered_map<OpenId, Conversation> open_;
  std::multimap<Timestamp, OpenId> by_end_;
};

}  // namespace kefu
