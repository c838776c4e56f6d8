#include "kefuctl/explain.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "kefuctl/table.h"
#include "lib/im/errors.h"
#include "lib/wechat/errors.h"

namespace kefu::ctl {
namespace {

constexpr std::size_t kParagraphsMost = 4;
constexpr std::int64_t kNobodysCode = std::numeric_limits<std::int64_t>::min();

struct Rule {
  std::string_view queue_does;
  std::string_view people_can;
};

constexpr Rule kNothingToDo{"the event is done", "nothing"};
constexpr Rule kRetried{
    "an attempt is counted; the event waits 1 s, 2 s, 4 s ... up to KEFU_RETRY_MAX, and with it the "
    "customer's later "
    "events, other customers' do not. Failures of three customers with no success between them close the "
    "queue",
    "nothing, unless it lasts: then see the cloud's status page and `kefuctl queues`"};
constexpr Rule kThrottled{
    "no attempt is counted; this kind of call slows to 70 % for all workers and climbs back; a pause of over "
    "10 s "
    "closes the queue",
    "nothing; when it comes often, lower KEFU_RATE_... or raise the quota in the cloud's console"};
constexpr Rule kCredentials{
    "the worker makes fresh credentials once and repeats the call; when those are refused too the queue "
    "closes, as "
    "for a wrong setting",
    "nothing when it happens once; else check the secret, the app id and this machine's clock"};
constexpr Rule kConfiguration{
    "the queue closes at once and keeps everything; one event probes after a second, then ever more rarely "
    "up to "
    "every 30 s, and the first success opens it again. No event dies of it before its age limit",
    "repair what the meaning names; `kefuctl resume QUEUE` tries again at once"};
constexpr Rule kAccount{
    "the events of this customer wait and are tried again, up to KEFU_RETRY_ATTEMPTS times; other customers' "
    "go "
    "on",
    "repair what the meaning names; `kefuctl replay ID` tries again at once"};
constexpr Rule kMayHaveActed{
    "WeChat drops no duplicates and cannot be asked, so KEFU_NOTIFIER_ON_UNKNOWN decides: `resend` (default) "
    "repeats the reply, four times at most, marked as unsure in the tap and on the event; `dead` ends it at "
    "once and the agent is told",
    "choose which is worse for your customers, a doubled reply or a lost one; `kefuctl trace ID` shows every "
    "attempt"};
constexpr Rule kDead{
    "this event ends dead and the customer's next one travels; the agent is told when it was a reply",
    "`kefuctl show ID` tells what it was; once the cause is gone, `kefuctl replay ID`"};
constexpr Rule kSplit{"a text is cut into pieces that fit, sent in order; what cannot be cut ends dead",
                      "nothing for texts; for anything else send less at once"};

Rule rule_of(im::ErrorClass error_class) {
  using enum im::ErrorClass;
  switch (error_class) {
    case ok:
    case done:
      return kNothingToDo;
    case retry:
      return kRetried;
    case throttle:
      return kThrottled;
    case resign:
      return kCredentials;
    case import_account:
      return {
          "the relay imports the account and repeats the call; when that does not help the event is retried",
          "nothing for a customer; for an agent, import the account of IM_AGENTS in the IM console"};
    case split:
      return kSplit;
    case configuration:
      return kConfiguration;
    case account:
      return kAccount;
    case locked:
      return {
          "the customer gets another account id (the openid and -1, -2, ...) and the event goes out again",
          "nothing; the gateway keeps which id is whose"};
    case dead:
      return kDead;
  }
  return kDead;
}

Rule rule_of(wechat::ErrorClass error_class) {
  using enum wechat::ErrorClass;
  switch (error_class) {
    case ok:
      return kNothingToDo;
    case retry:
      return kRetried;
    case unknown_outcome:
      return kMayHaveActed;
    case throttle:
      return kThrottled;
    case refresh_token:
      return kCredentials;
    case wait_for_customer:
      return {
          "the reply is parked until the customer writes again or 48 hours are over; the agent is told in "
          "the "
          "conversation",
          "nothing: WeChat lets nobody write to a customer who is silent"};
    case configuration:
      return kConfiguration;
    case dead:
      return kDead;
  }
  return kDead;
}

// Failures that no cloud has a code for.
const std::vector<Explanation>& codeless() {
  static const std::vector<Explanation> kCodeless{
      {"any", std::nullopt, "unreachable",
       "the call did not go out: no such host, no connection, or TLS refused it",
       "nothing can have happened: no attempt is counted; the queue closes and probes until it gets through",
       "check IM_API or WECHAT_API, name resolution, the firewall and the clock", true},
      {"any", std::nullopt, "elsewhere",
       "media that the message needs are not to be had yet: they are being fetched, or their cloud does not "
       "give them now",
       "the event waits and is tried again; other customers' go on. What a customer has sent becomes a note "
       "after ten minutes, what an agent has sent a link after three attempts",
       "check KEFU_MEDIA_DIR, KEFU_MEDIA_HOSTS, WECHAT_API and the WeChat credentials of the worker when it "
       "stays so",
       true},
      {"im", std::nullopt, "unknown_outcome",
       "the call went out and no answer came (time-out, connection reset): it may have acted",
       "a message is repeated with the same MsgSeq, MsgRandom and body, which IM drops as a duplicate, for "
       "100 s "
       "after the first such call; later it is looked up with admin_getroammsg before it is sent again. "
       "Imports "
       "and deletions are repeated: doing them twice is doing them once",
       "nothing; `kefuctl trace ID` shows every attempt", true},
      {"wechat", std::nullopt, "unknown_outcome",
       "the call went out and no answer came (time-out, connection reset): it may have acted",
       kMayHaveActed.queue_does, kMayHaveActed.people_can, true},
  };
  return kCodeless;
}

template <class Row>
Explanation told(std::string_view cloud, const Row& row, bool documented) {
  const Rule rule = rule_of(row.error_class);
  return {cloud, row.code, name(row.error_class), row.meaning, rule.queue_does, rule.people_can, documented};
}

std::vector<Explanation> everything() {
  std::vector<Explanation> all = codeless();
  for (const auto& row : im::error_table()) all.push_back(told("im", row, true));
  for (const auto& row : wechat::error_table()) all.push_back(told("wechat", row, true));
  return all;
}

std::vector<Explanation> of_code(std::int64_t code) {
  const auto im_row = im::explain(code);
  const auto wechat_row = wechat::explain(code);
  const bool im_knows = im_row.meaning != im::explain(kNobodysCode).meaning;
  const bool wechat_knows = wechat_row.meaning != wechat::explain(kNobodysCode).meaning;
  std::vector<Explanation> found;
  if (im_knows || !wechat_knows) found.push_back(told("im", im_row, im_knows));
  if (wechat_knows || !im_knows) found.push_back(told("wechat", wechat_row, wechat_knows));
  return found;
}

std::optional<std::int64_t> code_in(std::string_view text) {
  std::int64_t code = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return code;
}

std::string code_cell(const Explanation& one) {
  return one.code ? std::to_string(*one.code) : "-";
}

std::string paragraph(const Explanation& one) {
  const std::string cloud = one.cloud == "im"       ? "Tencent IM"
                            : one.cloud == "wechat" ? "WeChat"
                                                    : "Either cloud";
  std::string text = cloud + (one.code ? ", code " + std::to_string(*one.code) : "") + ": " +
                     std::string(one.error_class) + (one.documented ? "" : " (not documented)") + "\n";
  text += "  meaning     " + std::string(one.meaning) + "\n";
  text += "  the queue   " + std::string(one.rule) + "\n";
  text += "  what to do  " + std::string(one.advice) + "\n";
  return text;
}

}  // namespace

Result<std::vector<Explanation>> explain(std::string_view what, std::string_view cloud) {
  const auto code = code_in(what);
  std::vector<Explanation> found;
  if (code) {
    // Asked for one cloud, we say what that one does with it, known or not.
    found = of_code(*code);
    if (cloud == "im")
      found = {told("im", im::explain(*code), found.front().cloud == "im" && found.front().documented)};
    if (cloud == "wechat")
      found = {
          told("wechat", wechat::explain(*code), found.back().cloud == "wechat" && found.back().documented)};
    return found;
  }
  found = everything();
  if (!what.empty()) std::erase_if(found, [&](const auto& one) { return one.error_class != what; });
  if (!cloud.empty())
    std::erase_if(found, [&](const auto& one) { return one.cloud != cloud && one.cloud != "any"; });
  if (found.empty())
    return Error{"'" + std::string(what) + "' is neither a code nor a class of errors" +
                 (cloud.empty() ? "" : " of " + std::string(cloud)) + "; `kefuctl explain` lists all"};
  return found;
}

std::string render_explanations(const std::vector<Explanation>& explanations) {
  std::string text;
  if (explanations.size() <= kParagraphsMost) {
    for (const auto& one : explanations) text += (text.empty() ? "" : "\n") + paragraph(one);
    return text;
  }
  std::vector<std::vector<std::string>> rows;
  rows.reserve(explanations.size());
  for (const auto& one : explanations)
    rows.push_back(
        {std::string(one.cloud), code_cell(one), std::string(one.error_class), std::string(one.meaning)});
  return format_table({{"CLOUD"}, {"CODE", true}, {"CLASS"}, {"MEANING"}}, rows);
}

std::string explanations_as_json(const std::vector<Explanation>& explanations) {
  using nlohmann::json;
  json errors = json::array();
  for (const auto& one : explanations) {
    errors.push_back({{"cloud", one.cloud},
                      {"code", one.code ? json(*one.code) : json()},
                      {"class", one.error_class},
                      {"meaning", one.meaning},
                      {"rule", one.rule},
                      {"advice", one.advice},
                      {"documented", one.documented}});
  }
  return json{{"ok", true}, {"errors", std::move(errors)}}.dump() + "\n";
}

}  // namespace kefu::ctl
