#include "lib/im/rest.h"

#include <nlohmann/json.hpp>

#include "lib/base/digest.h"
#include "lib/im/json_read.h"

namespace kefu::im {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::int64_t kRecalledBit = 8;   // of MsgFlagBits (§2.8)
constexpr int kRoamDepth = kDepthMax + 2;  // a message stands two levels deeper here than in its callback
constexpr int kRoamPage = 100;             // IM answers with less when that is more than 13K (§2.8)

// The items under `key`; none when there is no such list.
const json::array_t& list_of(const std::optional<json>& object, const char* key) {
  static const json::array_t kNone;
  const auto* list = object ? member(*object, key) : nullptr;
  return list != nullptr && list->is_array() ? list->get_ref<const json::array_t&>() : kNone;
}

// Members in the order given here, raw UTF-8: the same value gives the same bytes. A stray bad byte must not
// throw.
std::string dumped(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string percent_encoded(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

}  // namespace

std::string request_target(std::string_view command, std::uint32_t sdk_app_id, std::string_view identifier,
                           std::string_view usersig, std::uint32_t random) {
  std::string target = "/v4/";
  target.append(command);
  target.append("?sdkappid=").append(std::to_string(sdk_app_id));
  target.append("&identifier=").append(percent_encoded(identifier));
  target.append("&usersig=").append(usersig);  // its alphabet needs no encoding (§1.2)
  target.append("&random=").append(std::to_string(random));
  return target.append("&contenttype=json");
}

std::string import_body(const ImUserId& user, std::string_view nick) {
  ordered_json body{{"UserID", user.value}};
  if (!nick.empty()) body["Nick"] = nick;
  return dumped(body);
}

std::string import_body(std::span<const Account> accounts) {
  auto list = ordered_json::array();
  for (const auto& account : accounts) {
    ordered_json item{{"UserID", account.user.value}};
    if (!account.nick.empty()) item["Nick"] = account.nick;
    list.push_back(std::move(item));
  }
  return dumped({{"AccountList", std::move(list)}});
}

std::string delete_body(std::span<const ImUserId> users) {
  auto list = ordered_json::array();
  for (const auto& user : users) list.push_back({{"UserID", user.value}});
  return dumped({{"DeleteItem", std::move(list)}});
}

Result<Answer> parse_answer(std::string_view body) {
  const auto object = parse_mended_object(body, kRoamDepth);
  if (!object) return Error{"IM's answer is no JSON object"};
  const auto code = read_integer(*object, "ErrorCode");
  if (!code) return Error{"IM's answer has no ErrorCode"};
  return Answer{*code, read_text(*object, "ErrorInfo"), read_text(*object, "MsgKey")};
}

std::set<std::string> failed_accounts(std::string_view body) {
  std::set<std::string> failed;
  const auto object = parse_object(body);
  for (const auto& account : list_of(object, "FailAccounts")) {
    if (account.is_string()) failed.insert(account.get<std::string>());
  }
  return failed;
}

std::vector<AccountResult> account_results(std::string_view body) {
  std::vector<AccountResult> results;
  const auto object = parse_object(body);
  for (const auto& item : list_of(object, "ResultItem")) {
    if (const auto code = read_integer(item, "ResultCode"))
      results.push_back({read_text(item, "UserID"), *code, read_text(item, "ResultInfo")});
  }
  return results;
}

std::string online_status_body(std::span<const std::string> users) {
  ordered_json body;
  body["To_Account"] = ordered_json(std::vector<std::string>(users.begin(), users.end()));
  return dumped(body);
}

Result<std::vector<OnlineStatus>> parse_online_status(std::string_view body) {
  using Status = OnlineStatus::Status;
  const auto object = parse_object(body);
  if (!object || member(*object, "QueryResult") == nullptr) return Error{"IM's answer names no QueryResult"};
  std::vector<OnlineStatus> found;
  for (const auto& item : list_of(object, "QueryResult")) {
    if (!item.is_object()) continue;
    const auto user = read_text(item, "To_Account"), word = read_text(item, "Status");
    if (word == "Online") found.push_back({user, Status::online});
    if (word == "PushOnline") found.push_back({user, Status::push_online});
    if (word == "Offline") found.push_back({user, Status::offline});
  }
  return found;
}

std::string roam_body(const RoamQuery& query) {
  ordered_json body;
  body["Operator_Account"] = query.viewer;
  body["Peer_Account"] = query.peer;
  body["MaxCnt"] = kRoamPage;
  body["MinTime"] = query.from_s;
  body["MaxTime"] = query.to_s;
  if (!query.last_key.empty()) body["LastMsgKey"] = query.last_key;
  return dumped(body);
}

Result<RoamPage> parse_roam_page(std::string_view body) {
  const auto object = parse_mended_object(body, kRoamDepth);
  if (!object) return Error{"IM's answer is no JSON object"};
  const auto complete = read_integer(*object, "Complete");
  if (!complete) return Error{"IM's answer does not say whether it is complete"};
  RoamPage page;
  page.complete = *complete == 1;
  page.last_s = read_integer(*object, "LastMsgTime").value_or(0);
  page.last_key = read_text(*object, "LastMsgKey");
  for (const auto& item : list_of(object, "MsgList")) {
    const auto seq = read_u32(item, "MsgSeq"), random = read_u32(item, "MsgRandom");
    if (!seq || !random) continue;
    RoamPage::Message message{read_text(item, "From_Account"), read_text(item, "To_Account"), *seq, *random};
    message.sent_at_s = read_integer(item, "MsgTimeStamp").value_or(0);
    message.msg_key = read_text(item, "MsgKey");
    if (message.msg_key.empty())
      message.msg_key =
          std::to_string(*seq) + "_" + std::to_string(*random) + "_" + std::to_string(message.sent_at_s);
    message.recalled = (read_integer(item, "MsgFlagBits").value_or(0) & kRecalledBit) != 0;
    if (const auto* said = member(item, "MsgBody")) message.content = read_content(*said);
    page.messages.push_back(std::move(message));
  }
  return page;
}

std::string generated_nick(std::string_view word, const OpenId& customer) {
  std::string nick(word);
  if (!nick.empty()) nick += ' ';
  return nick + sha256_hex(customer.value).substr(0, 6);
}

}  // namespace kefu::im
