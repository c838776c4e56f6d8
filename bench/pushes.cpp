#include "bench/pushes.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "lib/im/callback.h"
#include "lib/wechat/signature.h"

namespace kefu::bench {
namespace {

constexpr std::string_view kNonce = "1372623149";

std::string customer_of(const PushOptions& options, std::size_t push) {
  std::array<char, 29> customer{};
  std::snprintf(customer.data(), customer.size(), "oBench%022zu", push % options.customers);
  return customer.data();
}

// A question of usual length. The number behind the # tells the stand-in for IM which push it was.
std::string text_push(const PushOptions& options, std::size_t push, const std::string& now) {
  const auto id = std::to_string(options.first_id + push);
  std::string xml = "<xml><ToUserName><![CDATA[gh_5a7d0c2e9b41]]></ToUserName><FromUserName><![CDATA[";
  xml.append(customer_of(options, push)).append("]]></FromUserName><CreateTime>").append(now);
  xml +=
      "</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[请问蓝色的还有货吗？什么时候能到？ "
      "#";
  return xml.append(id).append("]]></Content><MsgId>").append(id).append("</MsgId></xml>");
}

std::string query_of(const PushOptions& options, const std::string& now) {
  std::string query = "/?signature=" + wechat::url_signature(options.token, now, kNonce);
  return query.append("&timestamp=").append(now).append("&nonce=").append(kNonce);
}

// An answer of usual length to the customer whose turn it is.
std::string callback(const PushOptions& options, std::size_t push, const std::string& now) {
  const auto key = std::to_string(options.first_id + push) + "_1_" + now;
  std::string json = R"({"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":")";
  json.append(options.agent).append(R"(","To_Account":")").append(customer_of(options, push));
  json.append(R"(","MsgSeq":1,"MsgRandom":1,"MsgTime":)").append(now).append(R"(,"MsgKey":")").append(key);
  json +=
      R"(","OnlineOnlyFlag":0,"SendMsgResult":0,"ErrorInfo":"","UnreadMsgNum":1,"MsgBody":[{"MsgType":"TIMTextElem",)"
      R"("MsgContent":{"Text":"有货的，今天下单明天发出，三天左右到。"}}],"CloudCustomData":"","EventTime":)";
  return json.append(now).append("000}");
}

std::string callback_target(const PushOptions& options, const std::string& now) {
  std::string target = "/imcallback?SdkAppid=" + options.sdk_app_id;
  target +=
      "&CallbackCommand=C2C.CallbackAfterSendMsg&contenttype=json&ClientIP=127.0.0.1&OptPlatform=Windows";
  return target.append("&RequestTime=")
      .append(now)
      .append("&Sign=")
      .append(im::callback_sign(options.callback_token, now));
}

void append_request(std::string& to, const std::string& target, std::string_view type,
                    const std::string& body, bool keep_alive) {
  to.append("POST ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ").append(type);
  to += "\r\n";
  if (!keep_alive) to += "Connection: close\r\n";
  to.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
}

// Makes `body` the encrypted one, and says what the target needs besides.
std::string encrypt(const PushOptions& options, const std::string& now, std::string& body) {
  const auto encrypted = wechat::encrypt(*options.aes_key, options.app_id, body, "0123456789abcdef");
  body = "<xml><ToUserName><![CDATA[gh_5a7d0c2e9b41]]></ToUserName><Encrypt><![CDATA[" + encrypted +
         "]]></Encrypt></xml>";
  return "&encrypt_type=aes&msg_signature=" +
         wechat::message_signature(options.token, now, kNonce, encrypted);
}

}  // namespace

Pushes::Pushes(const PushOptions& options) : first_id_(options.first_id) {
  const auto now = std::to_string(std::time(nullptr));
  // Neither a plain push's signature nor a callback's covers the body: one holds for all.
  const auto target = options.callbacks ? callback_target(options, now) : query_of(options, now);
  const std::string_view type = options.callbacks ? "application/json" : "text/xml";
  ends_.reserve(options.count);
  for (std::size_t push = 0; push < options.count; ++push) {
    auto body = options.callbacks ? callback(options, push, now) : text_push(options, push, now);
    const bool is_encrypted = options.aes_key && !options.callbacks;
    const auto more = is_encrypted ? encrypt(options, now, body) : "";
    append_request(bytes_, target + more, type, body, options.keep_alive);
    ends_.push_back(bytes_.size());
    // All are about as long as the first: no growing by copying hundreds of megabytes.
    if (push == 0) bytes_.reserve(options.count * (bytes_.size() + 16));
  }
}

}  // namespace kefu::bench
