#include "tests/chaos/im_cloud.h"

#include <algorithm>
#include <ctime>
#include <functional>

namespace kefu::chaos {
namespace {

using nlohmann::json;

constexpr Moment kDropsRepeatsFor = 120'000;  // reference: IM §2.5
constexpr std::size_t kRemembered = 256;      // messages of one sender
constexpr std::int64_t kNotImported = 20003;

std::string key_of(std::uint32_t seq, std::uint32_t random, std::int64_t time) {
  return std::to_string(seq) + "_" + std::to_string(random) + "_" + std::to_string(time);
}

}  // namespace

json ImCloud::failure(std::int64_t code) {
  return {{"ActionStatus", "FAIL"}, {"ErrorInfo", "played"}, {"ErrorCode", code}};
}

json ImCloud::success() {
  return {{"ActionStatus", "OK"}, {"ErrorInfo", ""}, {"ErrorCode", 0}};
}

ImCloud::Send ImCloud::send(const json& body, Moment now) {
  const auto from = body.at("From_Account").get<std::string>();
  if (!imported_.contains(from)) return {failure(kNotImported), false, {}};
  Seen seen{body.at("MsgSeq").get<std::uint32_t>(),
            body.at("MsgRandom").get<std::uint32_t>(),
            std::hash<std::string>{}(body.at("MsgBody").dump()),
            now,
            std::time(nullptr),
            body.at("To_Account").get<std::string>(),
            body.at("MsgBody").at(0).at("MsgContent").at("Text").get<std::string>()};
  auto& sent = sent_[from];
  const auto known = std::find_if(sent.begin(), sent.end(), [&](const Seen& old) {
    return old.seq == seen.seq && old.random == seen.random && old.body == seen.body &&
           now - old.at < kDropsRepeatsFor;
  });
  const bool repeated = known != sent.end();
  auto answer = success();
  answer["MsgTime"] = seen.time;
  answer["MsgKey"] = key_of(seen.seq, seen.random, repeated ? known->time : seen.time);
  if (repeated) {
    ++repeats_dropped_;
    return {answer, false, {}};
  }
  sent.push_back(seen);
  if (sent.size() > kRemembered) sent.pop_front();
  return {answer, true, seen.text};
}

bool ImCloud::add(const std::string& account) {
  ever_imported_.insert(account);
  return imported_.insert(account).second;
}

json ImCloud::import_one(const json& body) {
  add(body.at("UserID").get<std::string>());
  return success();
}

json ImCloud::import_many(const json& body) {
  if (body.contains("AccountList")) {
    for (const auto& account : body["AccountList"]) add(account.at("UserID").get<std::string>());
  } else {
    for (const auto& account : body.at("Accounts")) add(account.get<std::string>());
  }
  auto answer = success();
  answer["FailAccounts"] = json::array();
  return answer;
}

json ImCloud::remove(const json& body) {
  auto answer = success();
  auto& results = answer["ResultItem"] = json::array();
  for (const auto& item : body.at("DeleteItem")) {
    const auto account = item.at("UserID").get<std::string>();
    const int code = imported_.erase(account) == 1 ? 0 : 70107;
    results.push_back({{"UserID", account}, {"ResultCode", code}, {"ResultInfo", ""}});
  }
  return answer;
}

json ImCloud::statuses(const json& body) {
  json results = json::array();
  for (const auto& account : body.at("To_Account"))
    results.push_back({{"To_Account", account}, {"Status", "Online"}});
  auto answer = success();
  answer["QueryResult"] = std::move(results);
  return answer;
}

// A page holds the newest in the asked seconds, oldest first; the next one goes on before its first
// (reference: IM §2.8).
json ImCloud::look_up(const json& body) const {
  const auto agent = body.at("Operator_Account").get<std::string>();
  const auto customer = body.at("Peer_Account").get<std::string>();
  const auto most = body.at("MaxCnt").get<std::size_t>();
  const auto last_key = body.value("LastMsgKey", std::string());
  std::deque<Seen> page;
  bool begun = last_key.empty();
  bool complete = true;
  if (const auto sent = sent_.find(customer); sent != sent_.end()) {
    for (auto seen = sent->second.rbegin(); complete && seen != sent->second.rend(); ++seen) {
      if (seen->agent != agent || seen->time < body.at("MinTime") || seen->time > body.at("MaxTime"))
        continue;
      complete = !begun || page.size() < most;
      if (begun && complete) page.push_front(*seen);
      begun = begun || key_of(seen->seq, seen->random, seen->time) == last_key;
    }
  }
  auto answer = success();
  answer["Complete"] = complete ? 1 : 0;
  answer["MsgCnt"] = page.size();
  auto& messages = answer["MsgList"] = json::array();
  for (const auto& seen : page) {
    messages.push_back({{"From_Account", customer},
                        {"To_Account", agent},
                        {"MsgSeq", seen.seq},
                        {"MsgRandom", seen.random},
                        {"MsgTimeStamp", seen.time},
                        {"MsgFlagBits", 0},
                        {"MsgKey", key_of(seen.seq, seen.random, seen.time)},
                        {"MsgBody", {{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", seen.text}}}}}}});
  }
  if (page.empty()) return answer;
  answer["LastMsgTime"] = messages.front()["MsgTimeStamp"];
  answer["LastMsgKey"] = messages.front()["MsgKey"];
  return answer;
}

}  // namespace kefu::chaos
