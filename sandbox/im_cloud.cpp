#include "sandbox/im_cloud.h"

#include <zlib.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/ids.h"
#include "lib/base/utf8.h"
#include "lib/im/usersig.h"
#include "sandbox/im_elements.h"
#include "sandbox/json_read.h"

namespace kefu::sandbox {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr Millis kRepeatWindow = 120s;            // reference: §2.5
constexpr Millis kLockedFor = 24h * 90;           // reference: §2.3
constexpr std::size_t kMessageBytesMax = 12'000;  // reference: §2.5, "12K"
constexpr std::size_t kProfileBytesMax = 500;
constexpr std::size_t kBatchMax = 100;
constexpr std::size_t kStatusMax = 500;
constexpr std::size_t kConversationMax = 2000;
constexpr std::size_t kRoamBytesMax = 13'000;  // reference: §2.8
constexpr Millis kFilesKept = 24h * 7;         // reference: §3

// reference: §1.5.
constexpr std::pair<std::int64_t, std::string_view> kErrors[] = {
    {20022, "message not found"},
    {20023, "message has been recalled"},
    {40601, "profile value is too long"},
    {60002, "http path error"},
    {60003, "http request json parse error"},
    {60006, "sdkappid is illegal"},
    {60009, "unknown service or command"},
    {60010, "identifier is not app admin"},
    {60012, "sdkappid is missing"},
    {60015, "UserID is not a string"},
    {60018, "too many requests in this second"},
    {70001, "usersig is expired"},
    {70002, "usersig is empty"},
    {70003, "usersig cannot be parsed"},
    {70009, "usersig check failed, key does not match"},
    {70013, "identifier does not match the one in usersig"},
    {70014, "sdkappid does not match the one in usersig"},
    {70107, "the account does not exist"},
    {70206, "illegal batch size"},
    {70399, "the account was deleted and cannot be imported again for three months"},
    {70402, "parameter is illegal"},
    {90001, "json parse error"},
    {90002, "MsgBody is not valid"},
    {90003, "To_Account is missing or not a string"},
    {90005, "MsgRandom is missing or not an integer"},
    {90007, "MsgBody is not an array"},
    {90008, "From_Account is not valid"},
    {90012, "To_Account is not registered"},
    {90044, "MsgSeq is not an integer"},
    {90048, "From_Account does not exist"},
    {90054, "MsgKey is illegal"},
    {93000, "message is too long"},
};

CloudAnswer success(json more = json::object(), bool acted = false, std::string summary = "") {
  more["ActionStatus"] = "OK";
  more["ErrorInfo"] = "";
  more["ErrorCode"] = 0;
  return {0, dumped(more), acted, std::move(summary)};
}

ImOutcome failed(std::int64_t code, std::string summary = "") {
  auto answer = ImCloud::failure(code, "");
  answer.summary = std::move(summary);
  return {std::move(answer)};
}

std::pair<std::string, std::string> pair_of(const std::string& a, const std::string& b) {
  return a < b ? std::pair(a, b) : std::pair(b, a);
}

std::uint32_t crc32_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

bool forbids_after_callback(const json& request) {
  const json* control = member(request, "ForbidCallbackControl");
  return control != nullptr && control->is_array() &&
         std::find(control->begin(), control->end(), "ForbidAfterSendMsgCallback") != control->end();
}

json send_callback(const ImMessage& message, bool online_only) {
  return {{"CallbackCommand", "C2C.CallbackBeforeSendMsg"},
          {"From_Account", message.from},
          {"To_Account", message.to},
          {"MsgSeq", message.msg_seq},
          {"MsgRandom", message.msg_random},
          {"MsgTime", message.at.ms / 1000},
          {"MsgKey", message.msg_key},
          {"OnlineOnlyFlag", online_only ? 1 : 0},
          {"MsgBody", json::parse(message.body)},
          {"CloudCustomData", message.cloud_custom_data}};
}

json after_send_body(const ImMessage& message, bool online_only) {
  json body = send_callback(message, online_only);
  body["CallbackCommand"] = "C2C.CallbackAfterSendMsg";
  body["SendMsgResult"] = 0;
  body["ErrorInfo"] = "send msg succeed";
  body["UnreadMsgNum"] = 1;
  return body;
}

ImCallback withdraw_callback(const ImMessage& message, const std::string& customer, std::string platform) {
  constexpr const char* kCommand = "C2C.CallbackAfterMsgWithDraw";
  return {kCommand, customer, std::move(platform),
          dumped({{"CallbackCommand", kCommand},
                  {"From_Account", message.from},
                  {"To_Account", message.to},
                  {"MsgKey", message.msg_key},
                  {"UnreadMsgNum", 0}})};
}

std::string key_of(const ImMessage& message) {
  return std::to_string(message.msg_seq) + "_" + std::to_string(message.msg_random) + "_" +
         std::to_string(message.at.ms / 1000);
}

json roam_item(const ImMessage& message) {
  return {{"From_Account", message.from},
          {"To_Account", message.to},
          {"MsgSeq", message.msg_seq},
          {"MsgRandom", message.msg_random},
          {"MsgTimeStamp", message.at.ms / 1000},
          {"MsgFlagBits", message.recalled ? 8 : 0},
          {"IsPeerRead", 0},
          {"MsgKey", message.msg_key},
          {"MsgBody", json::parse(message.body)},
          {"CloudCustomData", message.cloud_custom_data}};
}

// Items of a batch: [{"UserID": …}] under `key`. Nothing when the batch is no good.
std::optional<std::vector<std::string>> user_ids(const json& request, const char* key) {
  const json* items = member(request, key);
  if (items == nullptr || !items->is_array() || items->empty() || items->size() > kBatchMax) {
    return std::nullopt;
  }
  std::vector<std::string> ids;
  for (const auto& item : *items) {
    const auto id = item.is_object() ? read_text(item, "UserID") : std::nullopt;
    if (!id) return std::nullopt;
    ids.push_back(*id);
  }
  return ids;
}

}  // namespace

ImCloud::ImCloud(ImApp app, std::function<std::uint64_t()> chance)
    : app_(std::move(app)), chance_(std::move(chance)), files_("/im-media/", kFilesKept, chance_) {
  accounts_[app_.admin] = {app_.admin, ""};
  for (const auto& agent : app_.agents) {
    accounts_[agent] = {agent, ""};
    accounts_[agent].online = true;  // the page is their client
  }
}

bool ImCloud::is_agent(std::string_view id) const {
  return std::find(app_.agents.begin(), app_.agents.end(), id) != app_.agents.end();
}

bool ImCloud::exists(const std::string& id) const {
  const auto found = accounts_.find(id);
  return found != accounts_.end() && !found->second.deleted;
}

CloudAnswer ImCloud::failure(std::int64_t code, std::string_view why) {
  const auto* known = std::find_if(std::begin(kErrors), std::end(kErrors),
                                   [code](const auto& row) { return row.first == code; });
  const std::string text(!why.empty() ? why : known != std::end(kErrors) ? known->second : "error");
  return {code, dumped({{"ActionStatus", "FAIL"}, {"ErrorInfo", text}, {"ErrorCode", code}}), false, ""};
}

std::int64_t ImCloud::access_problem(const ImQuery& query, Timestamp wall_now) const {
  if (query.sdkappid.empty()) return 60012;
  if (query.sdkappid != std::to_string(app_.sdk_app_id)) return 60006;
  if (query.usersig.empty()) return 70002;
  const auto fields = im::check_usersig(query.usersig, app_.secret_key);
  if (!fields) return fields.error().find("another key") != std::string::npos ? 70009 : 70003;
  if (fields->sdk_app_id != app_.sdk_app_id) return 70014;
  if (fields->identifier != query.identifier) return 70013;
  if (wall_now.ms / 1000 > fields->time_s + fields->expire_s) return 70001;
  return query.identifier == app_.admin ? 0 : 60010;
}

ImOutcome ImCloud::call(std::string_view command, const ImQuery& query, std::string_view body, Timestamp now,
                        Timestamp wall_now) {
  if (const auto problem = access_problem(query, wall_now)) return failed(problem);
  const auto request = parse_object(body);
  if (!request) return failed(60003);
  if (command == "im_open_login_svc/account_import") return account_import(*request, now);
  if (command == "im_open_login_svc/multiaccount_import") return multiaccount_import(*request, now);
  if (command == "im_open_login_svc/account_delete") return account_delete(*request, now);
  if (command == "im_open_login_svc/account_check") return account_check(*request);
  if (command == "openim/query_online_status") return query_online_status(*request);
  if (command == "openim/sendmsg") return send(*request, now);
  if (command == "openim/admin_getroammsg") return roam(*request);
  if (command == "openim/admin_msgwithdraw") return withdraw(*request);
  return failed(60009);
}

std::int64_t ImCloud::import_one(std::string_view id, std::string_view nick, Timestamp now) {
  if (!is_plain_account_id(id)) return 70402;
  if (nick.size() > kProfileBytesMax) return 40601;
  auto& account = accounts_[std::string(id)];
  if (account.deleted && app_.paid_edition && now - account.deleted_at < kLockedFor) return 70399;
  account.id = id;
  account.deleted = false;
  if (!nick.empty()) account.nick = nick;
  return 0;
}

ImOutcome ImCloud::account_import(const json& request, Timestamp now) {
  const json* id = member(request, "UserID");
  if (id == nullptr) return failed(70402);
  if (!id->is_string()) return failed(60015);
  const auto user = id->get<std::string>();
  const auto problem = import_one(user, read_text(request, "Nick").value_or(""), now);
  if (problem != 0) return failed(problem, user);
  ImOutcome outcome{success(json::object(), true, user)};
  outcome.accounts = {user};
  return outcome;
}

ImOutcome ImCloud::multiaccount_import(const json& request, Timestamp now) {
  const json* plain = member(request, "Accounts");
  const json* list = plain != nullptr ? plain : member(request, "AccountList");
  if (list == nullptr || !list->is_array() || list->empty() || list->size() > kBatchMax) return failed(70402);
  json failures = json::array();
  ImOutcome outcome;
  for (const auto& item : *list) {
    const auto id = item.is_string()   ? item.get<std::string>()
                    : item.is_object() ? read_text(item, "UserID").value_or("")
                                       : std::string();
    const auto nick = item.is_object() ? read_text(item, "Nick").value_or("") : std::string();
    if (import_one(id, nick, now) == 0) {
      outcome.accounts.push_back(id);
    } else {
      failures.push_back(id);
    }
  }
  const auto summary = std::to_string(outcome.accounts.size()) + " of " + std::to_string(list->size());
  outcome.answer = success({{"FailAccounts", failures}}, !outcome.accounts.empty(), summary);
  return outcome;
}

ImOutcome ImCloud::account_delete(const json& request, Timestamp now) {
  const auto ids = user_ids(request, "DeleteItem");
  if (!ids) return failed(70402);
  json items = json::array();
  ImOutcome outcome;
  for (const auto& id : *ids) {
    const bool known = exists(id);
    items.push_back({{"UserID", id},
                     {"ResultCode", known ? 0 : 70107},
                     {"ResultInfo", known ? "" : "Err_TLS_PT_Open_Login_Account_Not_Exist"}});
    if (!known) continue;
    accounts_[id].deleted = true;
    accounts_[id].deleted_at = now;
    outcome.accounts.push_back(id);
  }
  const auto summary = ids->size() == 1
                           ? ids->front()
                           : std::to_string(outcome.accounts.size()) + " of " + std::to_string(ids->size());
  outcome.answer = success({{"ResultItem", items}}, !outcome.accounts.empty(), summary);
  return outcome;
}

ImOutcome ImCloud::account_check(const json& request) const {
  const auto ids = user_ids(request, "CheckItem");
  if (!ids) return failed(70402);
  json items = json::array();
  for (const auto& id : *ids) {
    items.push_back({{"UserID", id},
                     {"ResultCode", 0},
                     {"ResultInfo", ""},
                     {"AccountStatus", exists(id) ? "Imported" : "NotImported"}});
  }
  return {success({{"ResultItem", items}}, false, ids->front())};
}

// reference: §2.4.
ImOutcome ImCloud::query_online_status(const json& request) const {
  const json* asked = member(request, "To_Account");
  if (asked == nullptr || !asked->is_array() || asked->empty() || asked->size() > kStatusMax)
    return failed(90003);
  json results = json::array(), errors = json::array();
  for (const auto& item : *asked) {
    if (!item.is_string()) return failed(90003);
    const auto id = item.get<std::string>();
    if (!exists(id)) {
      errors.push_back({{"To_Account", id}, {"ErrorCode", 70107}});
      continue;
    }
    const auto& account = accounts_.at(id);
    const char* status = account.online ? "Online" : account.reachable ? "PushOnline" : "Offline";
    results.push_back({{"To_Account", id}, {"Status", status}});
  }
  const auto summary = std::to_string(results.size()) + " of " + std::to_string(asked->size());
  if (results.empty()) return failed(70107, summary);
  json more = {{"QueryResult", std::move(results)}};
  if (!errors.empty()) more["ErrorList"] = std::move(errors);
  return {success(std::move(more), false, summary)};
}

std::int64_t ImCloud::send_problem(const json& request) const {
  const auto to = read_text(request, "To_Account");
  if (!to) return 90003;
  const json* from = member(request, "From_Account");
  if (from != nullptr && !from->is_string()) return 90008;
  if (!read_u32(request, "MsgRandom")) return 90005;
  if (member(request, "MsgSeq") != nullptr && !read_u32(request, "MsgSeq")) return 90044;
  const json* elements = member(request, "MsgBody");
  if (elements == nullptr || !elements->is_array()) return 90007;
  if (const auto problem = elements_problem(*elements)) return problem;
  const auto custom = read_text(request, "CloudCustomData").value_or("");
  if (dumped(*elements).size() + custom.size() > kMessageBytesMax) return 93000;
  if (from != nullptr && !exists(from->get<std::string>())) return 90048;
  return exists(*to) ? 0 : 90012;
}

const ImCloud::SendSeen* ImCloud::remembered(const SendKey& key, Timestamp now) {
  while (!sent_order_.empty() && now - sent_order_.front().first > kRepeatWindow) {
    const auto old = sent_.find(sent_order_.front().second);
    if (old != sent_.end() && old->second.at == sent_order_.front().first) sent_.erase(old);
    sent_order_.pop_front();
  }
  const auto found = sent_.find(key);
  return found == sent_.end() ? nullptr : &found->second;
}

ImOutcome ImCloud::send(const json& request, Timestamp now) {
  if (const auto problem = send_problem(request)) {
    return failed(problem, read_text(request, "From_Account").value_or(app_.admin) + " → " +
                               read_text(request, "To_Account").value_or("?"));
  }
  const json& elements = *member(request, "MsgBody");
  ImMessage message;
  message.from = read_text(request, "From_Account").value_or(app_.admin);
  message.to = *read_text(request, "To_Account");
  message.text = shown_text(elements);
  message.body = dumped(elements);
  message.cloud_custom_data = read_text(request, "CloudCustomData").value_or("");
  message.at = now;
  message.msg_seq = read_u32(request, "MsgSeq").value_or(static_cast<std::uint32_t>(chance_()));
  message.msg_random = *read_u32(request, "MsgRandom");
  message.msg_key = key_of(message);
  message.hidden_from_sender = read_integer(request, "SyncOtherMachine") == 2;

  const SendKey key{message.from, message.msg_seq, message.msg_random, crc32_of(message.body)};
  const auto summary = message.from + " → " + message.to + ": " + message.text;
  if (const SendSeen* before = remembered(key, now)) {
    return {success({{"MsgTime", before->at.ms / 1000}, {"MsgKey", before->msg_key}}, false, summary)};
  }
  sent_[key] = {now, message.msg_key};
  sent_order_.emplace_back(now, key);
  keep(message);
  ImOutcome outcome{
      success({{"MsgTime", now.ms / 1000}, {"MsgKey", message.msg_key}}, true, summary), message, {}};
  if (!forbids_after_callback(request)) {
    outcome.callback = ImCallback{"C2C.CallbackAfterSendMsg", message.from, "RESTAPI",
                                  dumped(after_send_body(message, false))};
  }
  return outcome;
}

void ImCloud::keep(const ImMessage& message) {
  auto& messages = conversations_[pair_of(message.from, message.to)];
  messages.push_back(message);
  if (messages.size() > kConversationMax) messages.pop_front();
}

ImOutcome ImCloud::roam(const json& request) const {
  const auto self = read_text(request, "Operator_Account").value_or("");
  const auto peer = read_text(request, "Peer_Account").value_or("");
  const auto count = read_integer(request, "MaxCnt").value_or(0);
  const auto from_s = read_integer(request, "MinTime"), to_s = read_integer(request, "MaxTime");
  const auto last_key = read_text(request, "LastMsgKey").value_or("");
  if (!exists(self) || !exists(peer)) return failed(90048, self);
  if (count <= 0 || !from_s || !to_s) return failed(90001, self);
  json list = json::array();
  bool complete = true;
  std::size_t bytes = 0;
  const auto found = conversations_.find(pair_of(self, peer));
  if (found != conversations_.end()) {
    // Newest first; a later page goes on after the last message of the one before.
    bool begun = last_key.empty();
    for (auto message = found->second.rbegin(); message != found->second.rend(); ++message) {
      const auto at_s = message->at.ms / 1000;
      const bool visible = !(message->hidden_from_sender && message->from == self);
      if (at_s < *from_s || at_s > *to_s || !visible) continue;
      if (!begun) {
        begun = message->msg_key == last_key;
        continue;
      }
      const json item = roam_item(*message);
      bytes += item.dump().size();
      complete = static_cast<std::int64_t>(list.size()) < count && (list.empty() || bytes <= kRoamBytesMax);
      if (!complete) break;
      list.push_back(item);
    }
  }
  std::reverse(list.begin(), list.end());
  json more = {{"Complete", complete ? 1 : 0}, {"MsgCnt", list.size()}};
  if (!list.empty()) {
    more["LastMsgTime"] = list.front()["MsgTimeStamp"];
    more["LastMsgKey"] = list.front()["MsgKey"];
  }
  more["MsgList"] = std::move(list);
  return {success(std::move(more), false, self + " ↔ " + peer)};
}

ImOutcome ImCloud::withdraw(const json& request) {
  const auto from = read_text(request, "From_Account").value_or("");
  const auto to = read_text(request, "To_Account").value_or("");
  const auto key = read_text(request, "MsgKey").value_or("");
  if (from.empty() || to.empty()) return failed(from.empty() ? 90008 : 90003);
  if (key.empty()) return failed(90054, from);
  ImMessage* message = existing(from, to, key);
  if (message == nullptr) return failed(20022, from);
  if (message->recalled) return failed(20023, from);
  message->recalled = true;
  ImOutcome outcome{success(json::object(), true, from + " → " + to + ": recalled"), *message, {}};
  outcome.callback = withdraw_callback(*message, is_agent(from) ? to : from, "RESTAPI");
  return outcome;
}

ImMessage* ImCloud::existing(const std::string& from, const std::string& to, std::string_view msg_key) {
  const auto found = conversations_.find(pair_of(from, to));
  if (found == conversations_.end()) return nullptr;
  const auto message = std::find_if(found->second.begin(), found->second.end(), [&](const ImMessage& m) {
    return m.msg_key == msg_key && m.from == from;
  });
  return message == found->second.end() ? nullptr : &*message;
}

// ---- The agents' clients
// -------------------------------------------------------------------------------------

std::string ImCloud::pair_problem(const std::string& agent, const std::string& customer) const {
  if (!is_agent(agent)) return "no such agent";
  return exists(customer) ? "" : "20003: the customer has no IM account";
}

Result<ImMessage> ImCloud::draft(const std::string& agent, const std::string& customer, const json& elements,
                                 Timestamp now) {
  if (const auto problem = pair_problem(agent, customer); !problem.empty()) return Error{problem};
  const auto made = compose_elements(elements, files_, app_.public_url, now);
  if (!made) return Error{made.error()};
  ImMessage message;
  message.from = agent;
  message.to = customer;
  message.text = shown_text(*made);
  message.body = dumped(*made);
  if (message.body.size() > kMessageBytesMax) return Error{"80002: the message is longer than 12K"};
  message.at = now;
  message.msg_seq = static_cast<std::uint32_t>(chance_());
  message.msg_random = static_cast<std::uint32_t>(chance_());
  message.msg_key = key_of(message);
  return message;
}

ImCallback ImCloud::before_send(const ImMessage& message) {
  return {"C2C.CallbackBeforeSendMsg", message.to, "Windows", dumped(send_callback(message, false))};
}

ImCallback ImCloud::after_send(const ImMessage& message) {
  return {"C2C.CallbackAfterSendMsg", message.to, "Windows", dumped(after_send_body(message, false))};
}

Result<ImCloud::Sent> ImCloud::reply(const std::string& agent, const std::string& customer,
                                     std::string_view text, Timestamp now) {
  if (text.empty()) return Error{"the text is empty"};
  const auto message = draft(agent, customer, json::array({{{"type", "text"}, {"text", text}}}), now);
  if (!message) return Error{message.error()};
  keep(*message);
  return Sent{*message, after_send(*message)};
}

Result<ImCallback> ImCloud::typing(const std::string& agent, const std::string& customer, bool stopped,
                                   Timestamp now) {
  // As TUIKit writes it (reference: §4.6).
  const json data = {{"businessID", "user_typing_status"},
                     {"typingStatus", stopped ? 0 : 1},
                     {"userAction", stopped ? 0 : 14},
                     {"actionParam", stopped ? "EIMAMSG_InputStatus_End" : "EIMAMSG_InputStatus_Ing"},
                     {"version", 1}};
  const json element = {{"type", "custom"}, {"data", dumped(data)}};
  const auto notice = draft(agent, customer, json::array({element}), now);
  if (!notice) return Error{notice.error()};
  return ImCallback{"C2C.CallbackAfterSendMsg", customer, "Windows", dumped(after_send_body(*notice, true))};
}

Result<ImCloud::Sent> ImCloud::recall(const std::string& agent, const std::string& customer,
                                      const std::string& msg_key) {
  if (const auto problem = pair_problem(agent, customer); !problem.empty()) return Error{problem};
  ImMessage* message = existing(agent, customer, msg_key);
  if (message == nullptr) return Error{"20022: no such message of the agent"};
  if (message->recalled) return Error{"20023: the message has been recalled"};
  message->recalled = true;
  return Sent{*message, withdraw_callback(*message, customer, "Windows")};
}

Result<ImCloud::Sent> ImCloud::edit(const std::string& agent, const std::string& customer,
                                    const std::string& msg_key, const json& elements, Timestamp now) {
  const auto changed = draft(agent, customer, elements, now);
  if (!changed) return Error{changed.error()};
  ImMessage* message = existing(agent, customer, msg_key);
  if (message == nullptr || message->recalled) return Error{"20022: no such message of the agent"};
  message->text = changed->text;
  message->body = changed->body;
  message->edited = true;
  constexpr const char* kCommand = "C2C.CallbackAfterModifyMsg";
  json body = send_callback(*message, false);
  body.erase("OnlineOnlyFlag");
  body["CallbackCommand"] = kCommand;
  body["Operator_Account"] = agent;
  body["EventTime"] = now.ms;
  return Sent{*message, {kCommand, customer, "Windows", dumped(body)}};
}

Result<ImCallback> ImCloud::read_all(const std::string& agent, const std::string& customer,
                                     Timestamp now) const {
  if (const auto problem = pair_problem(agent, customer); !problem.empty()) return Error{problem};
  constexpr const char* kCommand = "C2C.CallbackAfterMsgReport";
  return ImCallback{kCommand, customer, "Windows",
                    dumped({{"CallbackCommand", kCommand},
                            {"Report_Account", agent},
                            {"Peer_Account", customer},
                            {"LastReadTime", now.ms / 1000},
                            {"EventTime", now.ms},
                            {"UnreadMsgNum", 0}})};
}

Result<ImCallback> ImCloud::presence(const std::string& agent, bool online, bool lost, Timestamp now) {
  if (!is_agent(agent)) return Error{"no such agent"};
  accounts_[agent].online = online;
  accounts_[agent].reachable = !online && lost;
  constexpr const char* kCommand = "State.StateChange";
  const char* action = online ? "Login" : lost ? "Disconnect" : "Logout";
  const char* reason = online ? "Register" : lost ? "TimeOut" : "Unregister";
  return ImCallback{kCommand, agent, "IOS",  // the one callback that writes it so (reference: §4.1)
                    dumped({{"CallbackCommand", kCommand},
                            {"EventTime", now.ms},
                            {"Info", {{"Action", action}, {"To_Account", agent}, {"Reason", reason}}}})};
}

BeforeVerdict read_before_answer(int status, std::string_view answer) {
  const auto read = parse_object(answer);
  if (status != 200 || !read) return {};  // no answer: delivered unchanged (reference: §4.2)
  BeforeVerdict verdict{read_integer(*read, "ErrorCode").value_or(0),
                        read_text(*read, "ErrorInfo").value_or(""), ""};
  const json* body = member(*read, "MsgBody");
  if (verdict.code == 0 && body != nullptr && body->is_array() && !body->empty())
    verdict.body = dumped(*body);
  return verdict;
}

}  // namespace kefu::sandbox
