// What is known of which agent is at the desk, and when IM is to be asked about it (docs/agents.md). Pure;
// time is passed in.
//
// Two clocks meet here that may differ by any amount: callbacks are compared by IM's, questions by ours.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/journal/journal.h"
#include "lib/base/clock.h"

namespace kefu {

class PresenceBook {
 public:
  static constexpr Millis kEvery = std::chrono::minutes(10);      // a question
  static constexpr Millis kAgain = std::chrono::minutes(1);       // after one that did not reach IM
  static constexpr Millis kNotSooner = std::chrono::seconds(10);  // between two questions
  static constexpr std::size_t kAgentsAtOnce = 500;               // reference: IM §2.4

  // `agents`: to be asked about, at least one. The first question is due at `now`.
  PresenceBook(std::vector<std::string> agents, Timestamp now);

  // As the journal has it.
  void restore(const AgentPresence& known);
  // Each returns what is to be kept from now on; nothing: what is known stays.
  // By callback. One that is older than the last callback changes nothing.
  std::optional<AgentPresence> called_back(AgentPresence told, Timestamp now);
  // The agent has just written from a client: whoever writes is there.
  std::optional<AgentPresence> wrote(const std::string& agent, Timestamp now);
  // IM's answer to the question that was put at `asked_at`. It says nothing of what came in since.
  std::optional<AgentPresence> answered(const std::string& agent, std::string_view state, Timestamp asked_at);

  // nullptr: nothing is known.
  const AgentPresence* find(const std::string& agent) const;

  // What is known is in doubt: IM is to be asked without waiting for the next turn.
  void ask_soon(Timestamp now);
  // Whom to ask about, if it is time to; the question is under way until ended().
  std::optional<std::vector<std::string>> next(Timestamp now);
  // `reached`: IM has answered, be it with a refusal. Without a question under way it does nothing.
  void ended(bool reached, Timestamp now);
  // Nothing while a question is under way.
  std::optional<Timestamp> next_due() const;

 private:
  struct Known {
    AgentPresence presence;
    Timestamp called_back_at{};  // of the last callback, on IM's clock; 0: none is known
    Timestamp heard_at{};        // by callback or word, on our clock; 0: not in this run
  };

  std::vector<std::string> agents_;
  std::map<std::string, Known> known_;
  std::size_t page_ = 0;  // the first agent of the next question
  Timestamp due_;
  Timestamp asked_at_{};
  bool under_way_ = false;
  bool in_doubt_ = false;  // since the question under way
};

}  // namespace kefu
