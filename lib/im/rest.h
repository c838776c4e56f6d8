// Requests and answers of the REST APIs that the relay calls (reference: IM §1, §2). Pure.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/ids.h"
#include "lib/base/result.h"
#include "lib/im/elements.h"

namespace kefu::im {

inline constexpr std::string_view kAccountImport = "im_open_login_svc/account_import";
inline constexpr std::string_view kAccountsImport = "im_open_login_svc/multiaccount_import";
inline constexpr std::string_view kAccountDelete = "im_open_login_svc/account_delete";
inline constexpr std::string_view kSendMessage = "openim/sendmsg";
inline constexpr std::string_view kRoamMessages = "openim/admin_getroammsg";
inline constexpr std::string_view kOnlineStatus = "openim/query_online_status";

// "/v4/<command>?sdkappid=…&identifier=…&usersig=…&random=…&contenttype=json"; `identifier` is
// percent-encoded.
std::string request_target(std::string_view command, std::uint32_t sdk_app_id, std::string_view identifier,
                           std::string_view usersig, std::uint32_t random);

std::string import_body(const ImUserId& user, std::string_view nick);  // an empty nick is left out

struct Account {
  ImUserId user;
  std::string nick;  // empty: left out
};
// REQUIRES of both: at most limits::kBundleMax.
std::string import_body(std::span<const Account> accounts);
std::string delete_body(std::span<const ImUserId> users);

struct Answer {
  std::int64_t code = 0;  // ErrorCode
  std::string message;    // ErrorInfo
  std::string msg_key;
};
// The error: not JSON, or without an ErrorCode.
Result<Answer> parse_answer(std::string_view body);

// FailAccounts of a multiaccount_import: who was not imported though the answer as a whole is OK (§2.2).
std::set<std::string> failed_accounts(std::string_view body);

// A ResultItem of an account_delete (§2.3).
struct AccountResult {
  std::string user;
  std::int64_t code = 0;
  std::string message;
};
std::vector<AccountResult> account_results(std::string_view body);

// Which accounts are online (§2.4). REQUIRES: at most 500.
std::string online_status_body(std::span<const std::string> users);

struct OnlineStatus {
  enum class Status { online, push_online, offline };
  std::string user;
  Status status = Status::offline;
};
// Accounts that IM does not know, and words that are not in §2.4, are left out. The error: not such an
// answer.
Result<std::vector<OnlineStatus>> parse_online_status(std::string_view body);

// What two accounts wrote to each other, as `viewer` sees it, newest first (§2.8). Seconds, Unix.
struct RoamQuery {
  std::string viewer;
  std::string peer;
  std::int64_t from_s = 0;
  std::int64_t to_s = 0;
  std::string last_key{};  // of the page before; with to_s that page's last_s
};
std::string roam_body(const RoamQuery& query);

struct RoamPage {
  struct Message {
    std::string from;
    std::string to;
    std::uint32_t msg_seq = 0;
    std::uint32_t msg_random = 0;
    std::string msg_key{};       // made from its parts when missing
    std::int64_t sent_at_s = 0;  // by IM's clock
    bool recalled = false;
    Content content{};
  };
  std::vector<Message> messages;  // those without a readable number are left out
  bool complete = false;          // there are no older ones
  std::int64_t last_s = 0;
  std::string last_key;
};
// The error: not such an answer. Bad UTF-8 and lone surrogates become U+FFFD, as in a callback.
Result<RoamPage> parse_roam_page(std::string_view body);

// "微信用户 3f9a1c": a name for a customer of whom WeChat tells none, the same one each time. `word` is by
// locale.
std::string generated_nick(std::string_view word, const OpenId& customer);

}  // namespace kefu::im
