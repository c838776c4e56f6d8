// Tencent IM as its rules say (reference: IM §1, §2): accounts, and a sendmsg that drops repeats within 120
// s. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "lib/base/clock.h"

namespace kefu::simulation {

class ImModel {
 public:
  struct Rules {
    bool locks_deleted = false;  // 70399, on paid editions
    std::size_t text_bytes_max = 12'000;
  };
  struct Message {
    std::string from;
    std::string to;
    std::string text;
    std::uint32_t msg_seq = 0;
    std::uint32_t msg_random = 0;
    Timestamp at{};
  };
  struct Answer {
    std::int64_t code = 0;
    std::string body;
    std::optional<Message> sent{};  // a send that was taken, or dropped as a repeat
    bool shown = false;             // the agent sees it
  };

  ImModel(Rules rules, const std::vector<std::string>& agents);

  // `command`: "openim/sendmsg" and so on.
  Answer call(std::string_view command, const std::string& body, Timestamp now);
  static std::string error(std::int64_t code, std::string_view info);
  // Somebody removes the account in the console; it may be imported again.
  void remove(const std::string& account) { accounts_.erase(account); }
  // The accounts that an agent sees in conversations.
  const std::map<std::string, std::set<std::string>>& conversations() const { return conversations_; }
  bool exists(const std::string& account) const { return accounts_.contains(account); }

 private:
  using SendKey = std::tuple<std::string, std::uint32_t, std::uint32_t, std::string>;

  std::int64_t import_one(const std::string& account);
  Answer import(const nlohmann::json& request);
  Answer import_many(const nlohmann::json& request);
  Answer remove_many(const nlohmann::json& request);
  Answer send(const nlohmann::json& request, Timestamp now);
  Answer roam(const nlohmann::json& request) const;
  bool is_repeat(const SendKey& key, Timestamp now);

  Rules rules_;
  std::set<std::string> accounts_;
  std::set<std::string> locked_;
  std::map<SendKey, Timestamp> recent_;
  std::map<std::string, std::set<std::string>> conversations_;
  std::vector<Message> history_;
};

}  // namespace kefu::simulation
