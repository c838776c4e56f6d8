#include "sandbox/wechat_cloud.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/digest.h"
#include "lib/base/utf8.h"
#include "sandbox/json_read.h"
#include "sandbox/multipart.h"

namespace kefu::sandbox {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr Millis kMessageWindow = 48h;
constexpr int kMessageReplies = 5;
constexpr Millis kFollowWindow = 1min;
constexpr int kFollowReplies = 3;   // also of a tap
constexpr Millis kMediaKept = 72h;  // reference: §7.1
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
    {40004, "invalid media type"},
    {40005, "invalid file type"},
    {40007, "invalid media_id"},
    {40008, "invalid message type"},
    {40009, "invalid image size"},
    {40010, "invalid voice size"},
    {40011, "invalid video size"},
    {40012, "invalid thumb size"},
    {40013, "invalid appid"},
    {40014, "invalid access_token"},
    {40033, "invalid charset. please check your request, if include \\uxxxx will create fail!"},
    {40035, "invalid parameter"},
    {40113, "unsupported file type"},
    {40125, "invalid appsecret"},
    {40164, "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist"},
    {41001, "access_token missing"},
    {41002, "appid missing"},
    {41004, "appsecret missing"},
    {41005, "media data missing"},
    {42001, "access_token expired"},
    {43002, "require POST method"},
    {43004, "require subscribe"},
    {44001, "empty media data"},
    {44003, "empty news data"},
    {44004, "empty content"},
    {45002, "content size out of limit"},
    {45007, "playtime out of limit"},
    {45008, "article size out of limit"},
    {45009, "reach max api daily quota limit"},
    {45011, "api minute-quota reach limit, must slower"},
    {45015, "response out of time limit or subscription is canceled"},
    {45047, "out of response count limit"},
    {45072, "command not in allowed range"},
    {45080, "have not message exchange in 30 seconds"},
    {45081, "already typing"},
    {45098, "too many items in the menu"},
    {45162, "fields do not match msgtype"},
    {47001, "data format error"},
    {48001, "api unauthorized"},
    {50002, "user limited"},
};

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
      media_("/wechat-media/", kMediaKept, chance_),
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

void WeChatCloud::show(Customer& customer, Seen::Kind kind, Shown shown, Timestamp now) {
  customer.seen.push_back(
      {now, kind, std::move(shown.text), std::move(shown.type), std::move(shown.content)});
  if (customer.seen.size() > kSeenMax) customer.seen.pop_front();
}

void WeChatCloud::grant(Customer& customer, Grant grant, Timestamp now) const {
  if (grant == Grant::message) customer.window = {kMessageReplies, now + kMessageWindow, true};
  const bool lasts = customer.window.open(now) && customer.window.until > now + kFollowWindow;
  if (grant == Grant::tap && !lasts) customer.window = {kFollowReplies, now + kFollowWindow, true};
}

Result<Push> WeChatCloud::follow(const OpenId& id, Timestamp now, std::string_view scene) {
  Customer* customer = existing(id);
  if (customer == nullptr) return Error{"no such customer"};
  if (customer->following) return Error{"the customer follows the account already"};
  customer->following = true;
  customer->window = {kFollowReplies, now + kFollowWindow, true};
  const auto created = next_create_time(*customer, now);
  std::string fields = cdata("EventKey", "");
  if (!scene.empty())
    fields = cdata("EventKey", "qrscene_" + std::string(scene)) +
             cdata("Ticket", "TICKET" + std::to_string(chance_()));
  return Push{Push::Kind::subscribe, id, "", event_push_xml(account_, id, created, "subscribe", fields)};
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
  return send(id, {{"type", "text"}, {"text", text}}, now);
}

Push WeChatCloud::push_of(Customer& customer, const Composed& composed, Timestamp now) {
  grant(customer, composed.grant, now);
  show(customer, Seen::Kind::own, composed.shown, now);
  if (composed.shown.type == "event") {
    const auto created = next_create_time(customer, now);
    return {Push::Kind::event, customer.id, "",
            event_push_xml(account_, customer.id, created, composed.type, composed.fields)};
  }
  customer.last_exchange = now;
  const auto msg_id = std::to_string(next_msg_id_++);
  const auto created = std::max(now.ms / 1000, customer.last_created_s);
  customer.last_created_s = created;
  return {Push::Kind::message, customer.id, msg_id,
          message_push_xml(account_, customer.id, created, composed.type, composed.fields, msg_id)};
}

Result<Push> WeChatCloud::send(const OpenId& id, const json& request, Timestamp now) {
  Customer* customer = existing(id);
  if (customer == nullptr) return Error{"no such customer"};
  if (!customer->following) return Error{"the customer does not follow the account"};
  const auto composed = compose_message(request, room(now));
  if (!composed) return Error{composed.error()};
  return push_of(*customer, *composed, now);
}

Result<Push> WeChatCloud::event(const OpenId& id, const json& request, Timestamp now) {
  Customer* customer = existing(id);
  if (customer == nullptr) return Error{"no such customer"};
  if (!customer->following) return Error{"the customer does not follow the account"};
  const auto composed = compose_event(request, chance_());
  if (!composed) return Error{composed.error()};
  return push_of(*customer, *composed, now);
}

bool WeChatCloud::take_answer(const Push& push, int status, std::string_view body, Timestamp now) {
  const auto answer = shown_answer(account_, push, status, body);
  if (!answer) return false;
  Shown shown{answer->type, answer->text, ""};
  if (!answer->xml.empty()) {
    auto reply = read_reply(answer->type, answer->xml, room(now));
    if (!reply) return false;
    shown = std::move(*reply);
  }
  Customer* customer = existing(push.customer);
  if (customer == nullptr || !customer->following || shown.text.empty()) return true;
  show(*customer, push.kind == Push::Kind::subscribe ? Seen::Kind::welcome : Seen::Kind::reply,
       std::move(shown), now);
  return true;
}

void WeChatCloud::give_up(const Push& push, Timestamp now) {
  Customer* customer = existing(push.customer);
  if (customer == nullptr || push.kind == Push::Kind::unsubscribe) return;
  show(*customer, Seen::Kind::fault, {"text", std::string(kFaultText), ""}, now);
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

std::int64_t WeChatCloud::receiver_problem(const Customer& customer, Timestamp now) const {
  if (!customer.following) return 43004;
  if (!customer.window.opened || now >= customer.window.until) return 45015;
  return customer.window.left > 0 ? 0 : 45047;
}

CloudAnswer WeChatCloud::custom_send(std::string_view access_token, std::string_view body, Timestamp now) {
  if (const auto problem = token_problem(access_token, now)) return failure(problem, "");
  const auto message = parse_object(body);
  if (!message) return failure(47001, "");
  const auto to = read_text(*message, "touser").value_or("");
  Customer* customer = existing(OpenId(to));
  if (customer == nullptr) return failure(40003, "");
  auto judged = judge_message(*message, body, room(now));
  if (judged.code == 0) judged.code = receiver_problem(*customer, now);
  if (judged.code != 0) {
    auto answer = failure(judged.code, "");
    answer.summary = to + ": " + judged.shown.text;
    return answer;
  }
  --customer->window.left;
  customer->last_exchange = now;
  customer->typing_until = {};
  auto summary = to + ": " + judged.shown.text;
  show(*customer, Seen::Kind::message, std::move(judged.shown), now);
  return {0, dumped({{"errcode", 0}, {"errmsg", "ok"}}), true, std::move(summary)};
}

CloudAnswer WeChatCloud::media_upload(std::string_view access_token, std::string_view type,
                                      std::string_view content_type, std::string_view body, Timestamp now) {
  if (const auto problem = token_problem(access_token, now)) return failure(problem, "");
  const auto upload = read_upload(content_type, body, "media");
  if (upload.problem != UploadProblem::none)
    return failure(upload.problem == UploadProblem::no_boundary ? 44001 : 41005, "");
  if (const auto problem = upload_problem(type, upload.part.filename, upload.part.content))
    return failure(problem, "");
  const auto& file =
      media_.put(std::string(type), upload.part.filename, std::string(upload.part.content), now);
  return {
      0,
      dumped({{"type", type},
              {type == "thumb" ? "thumb_media_id" : "media_id", file.id},
              {"created_at", now.ms / 1000}}),
      true,
      "media " + std::string(type) + " " + file.name + ", " + std::to_string(file.bytes->size()) + " bytes"};
}

// Errors come as text, a video as the address where it lies (reference: §7.2).
CloudAnswer WeChatCloud::media_get(std::string_view access_token, std::string_view media_id, Timestamp now) {
  const auto problem = token_problem(access_token, now);
  const StoredFile* file = problem == 0 ? media_.find(media_id, now) : nullptr;
  if (file == nullptr) {
    auto answer = failure(problem != 0 ? problem : 40007, "");
    answer.content_type = "text/plain";
    return answer;
  }
  const auto path = media_.path_of(*file);
  if (file->kind == "video")
    return {0, dumped({{"video_url", account_.public_url + path}}), false, "media video", 200, "text/plain"};
  return {0,
          *file->bytes,
          false,
          "media " + file->kind + ", " + std::to_string(file->bytes->size()) + " bytes",
          200,
          file->facts.mime,
          "attachment; filename=\"" + path.substr(path.rfind('/') + 1) + "\""};
}

CloudAnswer WeChatCloud::own_addresses(std::string_view access_token, Timestamp now) {
  if (const auto problem = token_problem(access_token, now)) return failure(problem, "");
  return {0, dumped({{"ip_list", {"127.0.0.1"}}}), false, ""};
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
  if (!customer->window.opened || now >= customer->window.until) return failure(45015, "");
  if (now - customer->last_exchange > kTypingAfterExchange) return failure(45080, "");
  if (command == "Typing" && now < customer->typing_until) return failure(45081, "");
  customer->typing_until = command == "Typing" ? now + kTypingLasts : Timestamp{};
  return {0, dumped({{"errcode", 0}, {"errmsg", "ok"}}), true, to + ": " + command};
}

}  // namespace kefu::sandbox
