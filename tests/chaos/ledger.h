// What was promised and what came: every push that was answered 200 against what the other side saw. Pure
// but for its lock: time is passed in. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/chaos/moment.h"

namespace kefu::chaos {

enum class Side { customer, agent };  // who wrote: a customer's message goes to IM, an agent's to WeChat

// The `number`-th message, from 0, that this side of this customer's conversation wrote.
struct Message {
  Side side = Side::customer;
  std::uint32_t customer = 0;
  std::uint32_t number = 0;
};

// Written into every message, so that what arrives can be told; nothing when the text is not one of ours.
std::string text_of(const Message& message);
std::optional<Message> message_in(std::string_view text);

// Something was done to a process: what it was told and had not written down may be done again.
struct Incident {
  Moment from = 0;
  Moment until = 0;
  std::uint32_t process = 0;  // kGateway, or a worker's number
};
inline constexpr std::uint32_t kGateway = 0;

// How a message reached the other side.
struct Arrival {
  Moment at = 0;
  std::uint32_t worker = 0;   // that made the call
  bool answer_known = false;  // the cloud answered the call properly
};

struct Verdict {
  std::uint64_t answered = 0;    // pushes of messages that got a 200
  std::uint64_t unanswered = 0;  // never got one: they may arrive or not, once
  std::uint64_t arrived = 0;     // of those answered
  std::uint64_t refused = 0;     // of those answered: a cloud refused them for good, so they need not arrive
  std::uint64_t doubtful = 0;    // of those answered: dead after unknown outcomes, told, and not arrived
  std::uint64_t lost = 0;
  std::uint64_t reordered = 0;
  std::uint64_t doubled_at_agent = 0;
  std::uint64_t doubled_at_customer = 0;
  std::uint64_t doubled_without_reason = 0;  // of those: the first outcome was known and nothing had happened
  Moment worst_delay = 0;                    // from the 200 to the arrival
  std::vector<std::string> examples;         // of what is wrong, at most a few of each kind

  bool good() const {
    return lost == 0 && reordered == 0 && doubled_at_agent == 0 && doubled_without_reason == 0;
  }
};

class Ledger {
 public:
  explicit Ledger(std::uint32_t customers);

  // The first 200 of a push. `in_turn`: the next message of this side was not pushed before; only then does
  // it have a place in the order.
  void answered(const Message& message, Moment now, bool in_turn);
  void abandoned(const Message& message);  // pushed as often as the sender pushes, and never answered
  void refused(const Message& message);    // by the cloud, for good
  // Given up by the gateway after outcomes that it could not know, and told so.
  void doubted(const Message& message);
  void arrived(const Message& message, const Arrival& arrival);
  void happened(const Incident& incident);

  std::uint64_t arrivals() const;  // so far, repeats too: to see whether anything still moves
  Verdict verdict() const;

 private:
  struct Record {
    Moment answered_at = 0;
    bool in_turn = false;
    bool abandoned = false;
    bool refused = false;
    bool doubted = false;
    std::optional<Arrival> last{};  // the latest
    Moment first_arrival = 0;
  };
  struct Lane {
    std::vector<Record> records;          // by number
    std::vector<std::uint32_t> arrivals;  // numbers, first arrivals only
  };
  struct Repeat {
    Message message;
    Arrival first;
    Arrival second;
  };

  Record& record(const Message& message);
  bool has_reason(const Repeat& repeat) const;
  void judge(const Lane& lane, Side side, std::uint32_t customer, Verdict& verdict) const;

  mutable std::mutex mutex_;  // guards all below
  std::array<std::vector<Lane>, 2> lanes_;
  std::vector<Repeat> repeats_;
  std::vector<Incident> incidents_;
  std::uint64_t arrivals_ = 0;
};

}  // namespace kefu::chaos
