#include "bench/pushes.h"

#include <cstdio>
#include <ctime>

#include "lib/wechat/signature.h"

namespace kefu::bench {
namespace {

constexpr std::string_view kNonce = "1372623149";

// A question of usual length. The number behind the # tells the stand-in for IM which push it was.
std::string text_push(const PushOptions& options, std::size_t push, const std::string& now) {
  const auto id = std::to_string(options.first_id + push);
  char customer[29];
  std::snprintf(customer, sizeof(customer), "oBench%022zu", push % options.customers);
  std::string xml = "<xml><ToUserName><![CDATA[gh_5a7d0c2e9b41]]></ToUserName><FromUserName><![CDATA[";
  xml.append(customer).append("]]></FromUserName><CreateTime>").append(now);
  xml +=
      "</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[请问蓝色的还有货吗？什么时候能到？ "
      "#";
  return xml.append(id).append("]]></Content><MsgId>").append(id).append("</MsgId></xml>");
}

std::string query_of(const PushOptions& options, const std::string& now) {
  std::string query = "/?signature=" + wechat::url_signature(options.token, now, kNonce);
  return query.append("&timestamp=").append(now).append("&nonce=").append(kNonce);
}

void append_request(std::string& to, const std::string& target, const std::string& body, bool keep_alive) {
  to.append("POST ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/xml\r\n");
  if (!keep_alive) to += "Connection: close\r\n";
  to.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
}

}  // namespace

Pushes::Pushes(const PushOptions& options) : first_id_(options.first_id) {
  const auto now = std::to_string(std::time(nullptr));
  // In plain mode the signature covers token, timestamp and nonce, not the body: one holds for all.
  const auto query = query_of(options, now);
  ends_.reserve(options.count);
  for (std::size_t push = 0; push < options.count; ++push) {
    auto body = text_push(options, push, now);
    auto target = query;
    if (options.aes_key) {
      const auto encrypted = wechat::encrypt(*options.aes_key, options.app_id, body, "0123456789abcdef");
      target += "&encrypt_type=aes&msg_signature=";
      target += wechat::message_signature(options.token, now, kNonce, encrypted);
      body = "<xml><ToUserName><![CDATA[gh_5a7d0c2e9b41]]></ToUserName><Encrypt><![CDATA[" + encrypted +
             "]]></Encrypt></xml>";
    }
    append_request(bytes_, target, body, options.keep_alive);
    ends_.push_back(bytes_.size());
    // All are about as long as the first: no growing by copying hundreds of megabytes.
    if (push == 0) bytes_.reserve(options.count * (bytes_.size() + 16));
  }
}

}  // namespace kefu::bench
