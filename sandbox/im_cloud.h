// Tencent IM as its REST API, its agents and its callbacks show it (reference: IM §1, §2, §4). Pure: time and
// chance are passed in. Used under one lock.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "sandbox/cloud_answer.h"
#include "sandbox/media_shelf.h"

namespace kefu::sandbox {

// What the IM console shows.
struct ImApp {
  std::uint32_t sdk_app_id = 0;
  std::string secret_key;
  std::string admin;
  std::vector<std::string> agents;
  std::string callback_token;
  bool paid_edition = false;  // true: a deleted account is locked for three months (70399)
  std::string public_url = "http://127.0.0.1:8000";  // where the sandbox is reached
};

struct ImAccount {
  std::string id;
  std::string nick;
  bool deleted = false;
  Timestamp deleted_at{};
  bool online = false;     // of agents: logged in; they are from the start
  bool reachable = false;  // not online since the connection broke: IM still pushes to it
};

struct ImMessage {
  std::string from;
  std::string to;
  std::string text;  // of text elements; "[TIMImageElem]" for others
  std::string body;  // MsgBody, JSON
  std::string cloud_custom_data;
  Timestamp at;
  std::uint32_t msg_seq = 0;
  std::uint32_t msg_random = 0;
  std::string msg_key;
  bool hidden_from_sender = false;  // SyncOtherMachine 2
  bool recalled = false;
  bool edited = false;
};

// One call of the app's callback address, to be delivered.
struct ImCallback {
  std::string command;   // "C2C.CallbackAfterSendMsg"
  std::string customer;  // whose conversation it belongs to: callbacks of one keep their order
  std::string platform;  // OptPlatform
  std::string body;
};

// What the app said to C2C.CallbackBeforeSendMsg (reference: §4.5).
struct BeforeVerdict {
  std::int64_t code = 0;  // 0: deliver; 1, 2, 120001…: not
  std::string info;
  std::string body;  // MsgBody to deliver instead; empty: unchanged
};
BeforeVerdict read_before_answer(int status, std::string_view answer);

// The query of a REST call (reference: §1.2); a missing parameter is empty.
struct ImQuery {
  std::string sdkappid;
  std::string identifier;
  std::string usersig;
};

// A REST answer, and what followed from it.
struct ImOutcome {
  CloudAnswer answer;
  std::optional<ImMessage> shown{};
  std::vector<std::string> accounts{};  // made, renamed or deleted
  std::optional<ImCallback> callback{};
};

class ImCloud {
 public:
  // Messages of two accounts, oldest first, the last 2000. The two ids are in alphabetical order.
  using Conversations = std::map<std::pair<std::string, std::string>, std::deque<ImMessage>>;

  ImCloud(ImApp app, std::function<std::uint64_t()> chance);

  const ImApp& app() const { return app_; }
  void set_paid_edition(bool paid) { app_.paid_edition = paid; }
  const std::map<std::string, ImAccount>& accounts() const { return accounts_; }
  const Conversations& conversations() const { return conversations_; }
  bool is_agent(std::string_view id) const;
  bool exists(const std::string& id) const;

  // `command` is "openim/sendmsg". UserSigs are judged by the wall clock, everything else by `now`.
  ImOutcome call(std::string_view command, const ImQuery& query, std::string_view body, Timestamp now,
                 Timestamp wall_now);
  // With IM's text for the code, for errors that are made on purpose too.
  static CloudAnswer failure(std::int64_t code, std::string_view why);

  // What an agent's client does. The error: the code and text that the client would get.
  struct Sent {
    ImMessage message;
    ImCallback callback;
  };
  Result<Sent> reply(const std::string& agent, const std::string& customer, std::string_view text,
                     Timestamp now);
  // A message of `elements` (im_elements.h), which is not sent before keep().
  Result<ImMessage> draft(const std::string& agent, const std::string& customer,
                          const nlohmann::json& elements, Timestamp now);
  void keep(const ImMessage& message);
  static ImCallback before_send(const ImMessage& message);
  static ImCallback after_send(const ImMessage& message);
  Result<ImCallback> typing(const std::string& agent, const std::string& customer, bool stopped,
                            Timestamp now);
  // Of a message of the agent's own; nothing says how late.
  Result<Sent> recall(const std::string& agent, const std::string& customer, const std::string& msg_key);
  Result<Sent> edit(const std::string& agent, const std::string& customer, const std::string& msg_key,
                    const nlohmann::json& elements, Timestamp now);
  // The agent has read everything of the customer.
  Result<ImCallback> read_all(const std::string& agent, const std::string& customer, Timestamp now) const;
  // Logged in, or out; `lost`: the connection broke.
  Result<ImCallback> presence(const std::string& agent, bool online, bool lost, Timestamp now);
  const Shelf& files() const { return files_; }

 private:
  using SendKey = std::tuple<std::string, std::uint32_t, std::uint32_t, std::uint32_t>;
  struct SendSeen {
    Timestamp at;
    std::string msg_key;
  };

  std::int64_t access_problem(const ImQuery& query, Timestamp wall_now) const;
  std::int64_t import_one(std::string_view id, std::string_view nick, Timestamp now);
  ImOutcome account_import(const nlohmann::json& request, Timestamp now);
  ImOutcome multiaccount_import(const nlohmann::json& request, Timestamp now);
  ImOutcome account_delete(const nlohmann::json& request, Timestamp now);
  ImOutcome account_check(const nlohmann::json& request) const;
  ImOutcome query_online_status(const nlohmann::json& request) const;
  ImOutcome send(const nlohmann::json& request, Timestamp now);
  std::int64_t send_problem(const nlohmann::json& request) const;
  const SendSeen* remembered(const SendKey& key, Timestamp now);
  ImOutcome roam(const nlohmann::json& request) const;
  ImOutcome withdraw(const nlohmann::json& request);
  ImMessage* existing(const std::string& from, const std::string& to, std::string_view msg_key);
  std::string pair_problem(const std::string& agent, const std::string& customer) const;

  ImApp app_;
  std::function<std::uint64_t()> chance_;
  std::map<std::string, ImAccount> accounts_;
  Conversations conversations_;
  Shelf files_;
  std::map<SendKey, SendSeen> sent_;
  std::deque<std::pair<Timestamp, SendKey>> sent_order_;
};

}  // namespace kefu::sandbox
