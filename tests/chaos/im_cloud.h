// Tencent IM as a chaos run needs it: who is imported, what the agent sees after IM's own de-duplication
// (reference: IM §2.5), and what can be looked up afterwards. Not thread-safe: its owner locks.
#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tests/chaos/moment.h"

namespace kefu::chaos {

class ImCloud {
 public:
  struct Send {
    nlohmann::json answer;
    bool visible = false;  // to the agent, with this call
    std::string text;
  };

  Send send(const nlohmann::json& body, Moment now);
  nlohmann::json import_one(const nlohmann::json& body);
  nlohmann::json import_many(const nlohmann::json& body);
  nlohmann::json remove(const nlohmann::json& body);
  nlohmann::json look_up(const nlohmann::json& body) const;  // admin_getroammsg
  // query_online_status: everybody is there.
  static nlohmann::json statuses(const nlohmann::json& body);

  void forget(const std::string& account) { imported_.erase(account); }
  bool was_imported(const std::string& account) const { return ever_imported_.contains(account); }
  std::uint64_t repeats_dropped() const { return repeats_dropped_; }

  static nlohmann::json failure(std::int64_t code);
  static nlohmann::json success();

 private:
  struct Seen {
    std::uint32_t seq = 0;
    std::uint32_t random = 0;
    std::size_t body = 0;  // hash
    Moment at = 0;
    std::int64_t time = 0;  // Unix seconds
    std::string agent{};
    std::string text{};
  };

  bool add(const std::string& account);

  std::unordered_set<std::string> imported_;
  std::unordered_set<std::string> ever_imported_;
  std::unordered_map<std::string, std::deque<Seen>> sent_;  // by sender, the latest
  std::uint64_t repeats_dropped_ = 0;
};

}  // namespace kefu::chaos
