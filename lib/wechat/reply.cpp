#include "lib/wechat/reply.h"

#include "lib/base/utf8.h"
#include "lib/wechat/xml.h"

namespace kefu::wechat {

std::string text_reply(const Push& push, std::string_view text) {
  std::string xml = "<xml><ToUserName>";
  xml += cdata(push.from_user.value);
  xml += "</ToUserName><FromUserName>";
  xml += cdata(push.to_user);
  xml += "</FromUserName><CreateTime>";
  xml += std::to_string(push.create_time);
  xml += "</CreateTime><MsgType><![CDATA[text]]></MsgType><Content>";
  xml += cdata(clean_utf8(text));
  xml += "</Content></xml>";
  return xml;
}

}  // namespace kefu::wechat
