#include "tests/simulation/im_model.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace kefu::simulation {
namespace {

using nlohmann::json;

constexpr Millis kForgetsAfter{120'000};  // reference: IM §2.5
constexpr std::size_t kRoamMost = 100;

std::string ok(json more = json::object()) {
  more["ActionStatus"] = "OK";
  more["ErrorCode"] = 0;
  more["ErrorInfo"] = "";
  return more.dump();
}

ImModel::Answer failed(std::int64_t code, std::string_view why) {
  return {code, ImModel::error(code, why)};
}

}  // namespace

ImModel::ImModel(Rules rules, const std::vector<std::string>& agents)
    : rules_(rules), accounts_(agents.begin(), agents.end()) {}

std::string ImModel::error(std::int64_t code, std::string_view info) {
  return json{{"ActionStatus", "FAIL"}, {"ErrorCode", code}, {"ErrorInfo", info}}.dump();
}

ImModel::Answer ImModel::call(std::string_view command, const std::string& body, Timestamp now) {
  const auto request = json::parse(body, nullptr, false);
  if (!request.is_object()) return failed(60003, "not JSON");
  if (command == "openim/sendmsg") return send(request, now);
  if (command == "im_open_login_svc/account_import") return import(request);
  if (command == "im_open_login_svc/multiaccount_import") return import_many(request);
  if (command == "im_open_login_svc/account_delete") return remove_many(request);
  if (command == "openim/admin_getroammsg") return roam(request);
  return failed(60009, "no such API");
}

std::int64_t ImModel::import_one(const std::string& account) {
  if (locked_.contains(account)) return 70399;
  accounts_.insert(account);
  return 0;
}

ImModel::Answer ImModel::import(const json& request) {
  const auto code = import_one(request.value("UserID", ""));
  return code == 0 ? Answer{0, ok()} : failed(code, "locked");
}

ImModel::Answer ImModel::import_many(const json& request) {
  json failures = json::array();
  json results = json::array();
  for (const auto& one : request.value("AccountList", json::array())) {
    const auto account = one.value("UserID", "");
    if (import_one(account) != 0) failures.push_back(account);
  }
  return {0, ok({{"FailAccounts", failures}})};
}

ImModel::Answer ImModel::remove_many(const json& request) {
  json items = json::array();
  for (const auto& one : request.value("DeleteItem", json::array())) {
    const auto account = one.value("UserID", "");
    const bool was_there = accounts_.erase(account) > 0;
    if (was_there && rules_.locks_deleted) locked_.insert(account);
    items.push_back({{"UserID", account},
                     {"ResultCode", was_there ? 0 : 70107},
                     {"ResultInfo", was_there ? "" : "no such account"}});
  }
  return {0, ok({{"ResultItem", items}})};
}

ImModel::Answer ImModel::send(const json& request, Timestamp now) {
  Message message{request.value("From_Account", ""), request.value("To_Account", ""), {},
                  request.value("MsgSeq", 0U),       request.value("MsgRandom", 0U),  now};
  if (!accounts_.contains(message.from) || !accounts_.contains(message.to))
    return failed(90012, "an account is not imported");
  for (const auto& element : request.value("MsgBody", json::array()))
    message.text += element.value("MsgContent", json::object()).value("Text", "");
  if (message.text.size() > rules_.text_bytes_max) return failed(93000, "too long");
  Answer answer{0, ok({{"MsgKey", std::to_string(message.msg_seq) + "_" + std::to_string(message.msg_random)},
                       {"MsgTime", now.ms / 1000}})};
  answer.shown = !is_repeat({message.from, message.msg_seq, message.msg_random, message.text}, now);
  if (answer.shown) {
    history_.push_back(message);
    conversations_[message.to].insert(message.from);
  }
  answer.sent = std::move(message);
  return answer;
}

// A repeat does not begin the 120 s anew.
bool ImModel::is_repeat(const SendKey& key, Timestamp now) {
  const auto [at, fresh] = recent_.try_emplace(key, now);
  if (fresh) return false;
  if (now - at->second < kForgetsAfter) return true;
  at->second = now;
  return false;
}

ImModel::Answer ImModel::roam(const json& request) const {
  const auto me = request.value("Operator_Account", "");
  const auto peer = request.value("Peer_Account", "");
  const auto from = request.value("MinTime", std::int64_t{0});
  const auto to = request.value("MaxTime", std::int64_t{0});
  json list = json::array();
  for (auto at = history_.rbegin(); at != history_.rend() && list.size() < kRoamMost; ++at) {
    const auto second = at->at.ms / 1000;
    if (at->from != peer || at->to != me || second < from || second > to) continue;
    const json element{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", at->text}}}};
    list.push_back({{"From_Account", at->from},
                    {"To_Account", at->to},
                    {"MsgSeq", at->msg_seq},
                    {"MsgRandom", at->msg_random},
                    {"MsgTimeStamp", second},
                    {"MsgFlagBits", 0},
                    {"MsgKey", std::to_string(at->msg_seq) + "_" + std::to_string(at->msg_random) + "_" +
                                   std::to_string(second)},
                    {"MsgBody", json::array({element})}});
  }
  std::reverse(list.begin(), list.end());
  return {0, ok({{"Complete", 1}, {"MsgCnt", list.size()}, {"MsgList", list}})};
}

}  // namespace kefu::simulation
