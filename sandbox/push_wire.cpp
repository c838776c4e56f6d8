#include "sandbox/push_wire.h"

#include "lib/base/digest.h"
#include "lib/base/utf8.h"
#include "lib/http/client.h"
#include "lib/wechat/push.h"
#include "lib/wechat/signature.h"

namespace kefu::sandbox {
namespace {

constexpr std::size_t kReplyTextBytesMax = 2048;

std::string head(const WeChatAccount& account, const OpenId& from, std::int64_t create_time_s,
                 std::string_view type) {
  return cdata("ToUserName", account.original_id) + cdata("FromUserName", from.value) +
         element("CreateTime", std::to_string(create_time_s)) + cdata("MsgType", type);
}

std::optional<std::string> opened_reply(const WeChatAccount& account, std::string_view body) {
  const auto encrypt = wechat::encrypted_part(body);
  if (!encrypt) return std::nullopt;
  const auto expected = wechat::message_signature(account.token, content_of(body, "TimeStamp"),
                                                  content_of(body, "Nonce"), *encrypt);
  if (!equal_constant_time(expected, content_of(body, "MsgSignature"))) return std::nullopt;
  auto xml = wechat::decrypt(*account.aes_key, account.app_id, *encrypt);
  return xml ? std::optional(std::move(*xml)) : std::nullopt;
}

bool is_xml_root(std::string_view body) {
  constexpr std::string_view kOpen = "<xml>", kClose = "</xml>";
  while (!body.empty() && (body.back() == '\n' || body.back() == '\r' || body.back() == ' ')) {
    body.remove_suffix(1);
  }
  return body.substr(0, kOpen.size()) == kOpen && body.size() > kClose.size() &&
         body.substr(body.size() - kClose.size()) == kClose;
}

}  // namespace

std::string message_push_xml(const WeChatAccount& account, const OpenId& from, std::int64_t create_time_s,
                             std::string_view type, std::string_view fields, std::string_view msg_id) {
  return element("xml",
                 head(account, from, create_time_s, type) + std::string(fields) + element("MsgId", msg_id));
}

std::string text_push_xml(const WeChatAccount& account, const OpenId& from, std::int64_t create_time_s,
                          std::string_view text, std::string_view msg_id) {
  return message_push_xml(account, from, create_time_s, "text", cdata("Content", text), msg_id);
}

std::string event_push_xml(const WeChatAccount& account, const OpenId& from, std::int64_t create_time_s,
                           std::string_view event, std::string_view fields) {
  return element("xml",
                 head(account, from, create_time_s, "event") + cdata("Event", event) + std::string(fields));
}

WirePush wire_push(const WeChatAccount& account, std::string_view xml, const OpenId& from, Timestamp wall_now,
                   std::string_view nonce, std::string_view random16) {
  const auto timestamp = std::to_string(wall_now.ms / 1000);
  WirePush wire;
  wire.query = {{"signature", wechat::url_signature(account.token, timestamp, nonce)},
                {"timestamp", timestamp},
                {"nonce", std::string(nonce)},
                {"openid", from.value}};
  if (!account.aes_key) {
    wire.body = xml;
    return wire;
  }
  const auto encrypt = wechat::encrypt(*account.aes_key, account.app_id, xml, random16);
  wire.query.emplace_back("encrypt_type", "aes");
  wire.query.emplace_back("msg_signature",
                          wechat::message_signature(account.token, timestamp, nonce, encrypt));
  wire.body = element("xml", cdata("ToUserName", account.original_id) + cdata("Encrypt", encrypt));
  return wire;
}

std::string target_of(const std::vector<std::pair<std::string, std::string>>& query) {
  std::string target = "/";
  for (const auto& [name, value] : query) {
    target.append(target.size() == 1 ? "?" : "&")
        .append(name)
        .append("=")
        .append(http::percent_encode(value));
  }
  return target;
}

std::optional<Answer> shown_answer(const WeChatAccount& account, const Push& push, int status,
                                   std::string_view body) {
  if (status != 200) return std::nullopt;
  if (body.empty() || body == "success") return Answer{};
  if (!is_xml_root(body)) return std::nullopt;
  std::string xml(body);
  if (account.aes_key) {
    auto opened = opened_reply(account, body);
    if (!opened) return std::nullopt;
    xml = std::move(*opened);
  }
  const auto reply = wechat::parse_push(xml);
  if (!reply || reply->to_user != push.customer.value || reply->from_user.value != account.original_id) {
    return std::nullopt;
  }
  if (reply->type == "transfer_customer_service") return Answer{};
  if (reply->type != "text") return Answer{reply->type, "", std::move(xml)};
  if (reply->content.empty() || reply->content.size() > kReplyTextBytesMax) return std::nullopt;
  return Answer{"text", reply->content, ""};
}

}  // namespace kefu::sandbox
