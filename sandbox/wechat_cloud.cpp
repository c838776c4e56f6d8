#include "sandbox/wechat_cloud.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "lib/base/digest.h"
#include "lib/base/utf8.h"
#include "sandbox/json_read.h"

namespace kefu::sandbox {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr Millis kMessageWindow = 48h;
constexpr int kMessageReplies = 5;
constexpr Millis kFollowWindow = 1min;
constexpr int kFollowReplies = 3;
constexpr std::size_t kTextBytesMax = 2048;
constexpr std::size_t kSeenMax = 2000;
constexpr Millis kTypingAfterExchange = 30s;
constexpr Millis kTypingLasts = 15s;
// MsgId of real accounts has 17 digits and more.
constexpr std::uint64_t kFirstMsgId = 24'000'000'000'000'000;

// reference: §5, §6.6.
constexpr std::pair<std::int64_t, std::string_view> kErrors[] = {
    {-1, "system error"},
    {40001, "invalid credential, access_token is invalid or not latest"},
    {40002, "invalid grant_type"},
    {40003, "invalid openid"},
    {40008, "invalid message type"},
    {40013, "invalid appid"},
    {40014, "invalid access_token"},
    {40033, "invalid charset. please check your request, if include \\uxxxx will create fail!"},
    {40125, "invalid appsecret"},
    {40164, "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist"},
    {41001, "access_token missing"},
    {41002, "appid missing"},
    {41004, "appsecret missing"},
    {42001, "access_token expired"},
    {43002, "require POST method"},
    {43004, "require subscribe"},
    {44004, "empty content"},
    {45002, "content size out of limit"},
    {45009, "reach max api daily quota limit"},
    {45011, "api minute-quota reach limit, must slower"},
    {45015, "response out of time limit or subscription is canceled"},
    {45047, "out of response count limit"},
    {45072, "command not in allowed range"},
    {45080, "have not message exchange in 30 seconds"},
    {45081, "already typing"},
    {45162, "fields do not match msgtype"},
    {47001, "data format error"},
    {48001, "api unauthorized"},
    {50002, "user limited"},
};

constexpr std::array<const char*, 11> kMessageTypes = {"text",    "image",  "voice",          "video",
                                                       "music",   "news",   "mpnews",         "mpnewsarticle",
                                                       "msgmenu", "wxcard", "miniprogrampage"};

// Escapes of characters beyond ASCII, which WeChat refuses or shows literally (reference: §6.3).
bool has_escaped_text(std::string_view raw) {
  for (std::size_t i = 0; i + 5 < raw.size(); ++i) {
    if (raw[i] != '\\') continue;
    const bool beyond_ascii = raw[i + 1] == 'u' && (raw.substr(i + 2, 2) != "00" || raw[i + 4] >= '8');
    if (beyond_ascii) return true;
    ++i;  // what is escaped is no escape
  }
  return false;
}

std::string random_openid(const std::function<std::uint64_t()>& chance) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  std::string id = "o";
  while (id.size() < 28) id += kAlphabet[chance() % kAlphabet.size()];
  return id;
}

}  // namespace

std::string_view name(Seen::Kind kind) {
  static constexpr std::string_view kNames[] = {"own", "welcome", "reply", "message", "fault"};
  return kNames[static_cast<std::size_t>(kind)];
}

WeChatCloud::WeChatCloud(WeChatAccount account, std::function<std::uint64_t()> chance)
    : account_(std::move(account)),
      chance_(std::move(chance)),
      tokens_(account_.token_lifetime, chance_),
      next_msg_id_(kFirstMsgId + chance_() % 1'000'000'000) {}

const Customer* WeChatCloud::find(const OpenId& id) const {
  const auto found = customers_.find(id);
  return found == customers_.end() ? nullptr : &found->second;
}

Customer* WeChatCloud::existing(const OpenId& id) {
  const auto found = customers_.find(id);
  return found == customers_.end() ? nullptr : &found->second;
}

Result<OpenId> WeChatCloud::make_customer(std::string_view id, std::string_view nick) {
  const OpenId openid(id.empty() ? random_openid(chance_) : std::string(id));
  if (!is_plain_account_id(openid.value)) return Error{"an openid is 1 to 32 of A-Z a-z 0-9 _ -"};
  auto& customer = customers_[openid];
  customer.id = openid;
  if (customer.number == 0) customer.number = customers_.size();
  if (!nick.empty()) customer.nick = clean_utf8(nick);
  return openid;
}

// Two events of one second would be one and the same to a receiver that goes by the book (reference: §1.5),
// and a person cannot follow twice within a second.
std::int64_t WeChatCloud::next_create_time(Customer& customer, Timestamp now) {
  customer.last_created_s = std::max(now.ms / 1000, customer.last_created_s + 1);
  return customer.last_created_s;
}

void WeChatCloud::show(Customer& customer, Seen::Kind kind, std::string text, Timestamp now) {
  customer.seen.push_back({now, kind, std::move(text)});
  if (customer.seen.size() > kSeenMax) customer.seen.pop_front();
}

Result<Push> WeChatCloud::follow(const OpenId& id, Timestamp now) {
  Customer* customer = existing(id);
  if (customer == nullptr) return Error{"no such customer"};
  if (customer->following) return Error{"the customer follows the account already"};
  customer->following = true;
  customer->window = {kFollowReplies, now + kFollowWindow, true};
  const auto created = next_create_time(*customer, now);
  return Push{Push::Kind::subscribe, id, "", event_push_xml(account_, id, created, "subscribe")};
}

Result<Push> WeChatCloud::unfollow(const OpenId& id, Timestamp now) {
  Customer* customer = existing(id);
  if (customer == nullptr) return Error{"no such customer"};
  if (!customer->following) return Error{"the customer does not follow the account"};
  customer->following = false;
  customer->window = {};
  const auto created = next_create_time(*customer, now);
  return Push{Push::Kind::unsubscribe, id, "", event_push_xml(account_, id, created, "unsubscribe")};
}

Result<Push> WeChatCloud::say(const OpenId& id, std::string_view text, Timestamp now) {
  Customer* customer = existing(id);
  if (customer == nullptr) return Error{"no such customer"};
  if (!customer->following) return Error{"the customer does not follow the account"};
  if (text.empty()) return Error{"the text is empty"};
  customer->window = {kMessageReplies, now + kMessageWindow, true};
  customer->last_exchange = now;
  show(*customer, Seen::Kind::own, std::string(text), now);
  const auto msg_id = std::to_string(next_msg_id_++);
  const auto created = std::max(now.ms / 1000, customer->last_created_s);
  customer->last_created_s = created;
  return Push{Push::Kind::text, id, msg_id, text_push_xml(account_, id, created, text, msg_id)};
}

bool WeChatCloud::take_answer(const Push& push, int status, std::string_view body, Timestamp now) {
  auto text = shown_answer(account_, push, status, body);
  if (!text) return false;
  Customer* customer = existing(push.customer);
  if (customer == nullptr || !customer->following || text->empty()) return true;
  show(*customer, push.kind == Push::Kind::subscribe ? Seen::Kind::welcome : Seen::Kind::reply,
       std::move(*text), now);
  return true;
}

void WeChatCloud::give_up(const Push& push, Timestamp now) {
  Customer* customer = existing(push.customer);
  if (customer == nullptr || push.kind == Push::Kind::unsubscribe) return;
  show(*customer, Seen::Kind::fault, std::string(kFaultText), now);
}

CloudAnswer WeChatCloud::failure(std::int64_t code, std::string_view why) {
  const auto* known = std::find_if(std::begin(kErrors), std::end(kErrors),
                                   [code](const auto& row) { return row.first == code; });
  std::string text(!why.empty() ? why : known != std::end(kErrors) ? known->second : "error");
  text.append(" rid: ").append(sha1_hex(std::to_string(chance_())).substr(0, 8)).append("-");
  text.append(sha1_hex(std::to_string(chance_())).substr(0, 8)).append("-");
  text.append(sha1_hex(std::to_string(chance_())).substr(0, 8));
  return {code, dumped({{"errcode", code}, {"errmsg", text}}), false, ""};
}

std::int64_t WeChatCloud::credential_problem(std::string_view app_id, std::string_view secret) const {
  if (app_id.empty()) return 41002;
  if (secret.empty()) return 41004;
  if (app_id != account_.app_id) return 40013;
  return equal_constant_time(secret, account_.app_secret) ? 0 : 40125;
}

CloudAnswer WeChatCloud::token_answer(const AccessTokens::Given& given) {
  return {0, dumped({{"access_token", given.token}, {"expires_in", given.expires_in_s}}), true,
          "expires in " + std::to_string(given.expires_in_s) + " s"};
}

CloudAnswer WeChatCloud::stable_token(std::string_view body, Timestamp now) {
  const auto request = parse_object(body);
  if (!request) return failure(47001, "");
  if (read_text(*request, "grant_type") != "client_credential") return failure(40002, "");
  const auto problem = credential_problem(read_text(*request, "appid").value_or(""),
                                          read_text(*request, "secret").value_or(""));
  if (problem != 0) return failure(problem, "");
  return token_answer(tokens_.stable(read_flag(*request, "force_refresh"), now));
}

CloudAnswer WeChatCloud::plain_token(std::string_view grant_type, std::string_view app_id,
                                     std::string_view secret, Timestamp now) {
  if (grant_type != "client_credential") return failure(40002, "");
  const auto problem = credential_problem(app_id, secret);
  return problem != 0 ? failure(problem, "") : token_answer(tokens_.plain(now));
}

std::int64_t WeChatCloud::token_problem(std::string_view access_token, Timestamp now) const {
  switch (tokens_.check(access_token, now)) {
    case AccessTokens::Verdict::missing:
      return 41001;
    case AccessTokens::Verdict::unknown:
      return 40001;
    case AccessTokens::Verdict::expired:
      return 42001;
    case AccessTokens::Verdict::good:
      break;
  }
  return 0;
}

std::int64_t WeChatCloud::send_problem(const json& message, std::string_view raw, Timestamp now) const {
  const auto to = read_text(message, "touser");
  const Customer* customer = to ? find(OpenId(*to)) : nullptr;
  if (customer == nullptr) return 40003;
  const auto type = read_text(message, "msgtype").value_or("");
  const auto is_known = [&type](const char* known) { return type == known; };
  if (std::none_of(kMessageTypes.begin(), kMessageTypes.end(), is_known)) return 40008;
  for (const char* other : kMessageTypes) {
    if (type != other && member(message, other) != nullptr) return 45162;
  }
  const json* content = member(message, type.c_str());
  if (content == nullptr || !content->is_object()) return 44004;
  if (type == "text") {
    const auto text = read_text(*content, "content").value_or("");
    if (text.empty()) return 44004;
    if (has_escaped_text(raw)) return 40033;
    if (text.size() > kTextBytesMax) return 45002;
  }
  if (!customer->following) return 43004;
  if (!customer->window.opened || now >= customer->window.until) return 45015;
  return customer->window.left > 0 ? 0 : 45047;
}

CloudAnswer WeChatCloud::custom_send(std::string_view access_token, std::string_view body, Timestamp now) {
  if (const auto problem = token_problem(access_token, now)) return failure(problem, "");
  const auto message = parse_object(body);
  if (!message) return failure(47001, "");
  const auto to = read_text(*message, "touser").value_or("");
  const auto type = read_text(*message, "msgtype").value_or("");
  const json* content = member(*message, type.c_str());
  std::string text = "[" + type + "]";
  if (type == "text" && content != nullptr && content->is_object()) {
    text = read_text(*content, "content").value_or("");
  }
  if (const auto problem = send_problem(*message, body, now)) {
    auto answer = failure(problem, "");
    answer.summary = to + ": " + text;
    return answer;
  }
  Customer& customer = *existing(OpenId(to));
  --customer.window.left;
  customer.last_exchange = now;
  customer.typing_until = {};
  show(customer, Seen::Kind::message, text, now);
  return {0, dumped({{"errcode", 0}, {"errmsg", "ok"}}), true, to + ": " + text};
}

CloudAnswer WeChatCloud::typing(std::string_view access_token, std::string_view body, Timestamp now) {
  if (const auto problem = token_problem(access_token, now)) return failure(problem, "");
  const auto request = parse_object(body);
  if (!request) return failure(47001, "");
  const auto to = read_text(*request, "touser").value_or("");
  const auto command = read_text(*request, "command").value_or("");
  Customer* customer = existing(OpenId(to));
  if (customer == nullptr) return failure(40003, "");
  if (command != "Typing" && command != "CancelTyping") return failure(45072, "");
  if (!customer->following) return failure(43004, "");
  if (now - customer->last_exchange > kTypingAfterExchange) return failure(45080, "");
  if (command == "Typing" && now < customer->typing_until) return failure(45081, "");
  customer->typing_until = command == "Typing" ? now + kTypingLasts : Timestamp{};
  return {0, dumped({{"errcode", 0}, {"errmsg", "ok"}}), true, to + ": " + command};
}

}  // namespace kefu::sandbox
