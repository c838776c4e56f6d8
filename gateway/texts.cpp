#include "gateway/texts.h"

#include <initializer_list>

namespace kefu {
namespace {

constexpr Texts kChinese{
    "欢迎关注！有任何问题请直接留言，客服会尽快回复您。",
    "您的消息已收到，正在为您转接客服，请稍候。",
    "[等待发送] 微信暂不允许主动联系该客户。您的回复已保存，客户再次发来消息后会自动送达。",
    "[未送达] 您的回复未能送达客户：%s",
    "[未送达] 暂时无法向微信客户转发：%s",
    "[图片]",
    "[语音]",
    "[视频]",
    "[位置]",
    "[链接]",
    "[文件]",
    "[小程序]",
    "[暂不支持的消息]"};
constexpr Texts kEnglish{
    "Thank you for following us! Just write to us here, and a colleague will answer you soon.",
    "We have received your message and are connecting you to a colleague. One moment, please.",
    "[Waiting] WeChat lets us write to this customer only after they write again. Your reply is kept and "
    "will be sent then.",
    "[Not delivered] Your reply did not reach the customer: %s",
    "[Not delivered] This cannot be carried over to WeChat yet: %s",
    "[Picture]",
    "[Voice message]",
    "[Video]",
    "[Location]",
    "[Link]",
    "[File]",
    "[Mini program]",
    "[Unsupported message]"};
constexpr Texts kJapanese{
    "フォローありがとうございます！ご質問はこちらにお書きください。担当者がすぐにお答えします。",
    "メッセージを受け取りました。担当者におつなぎしますので、少々お待ちください。",
    "[送信待ち] このお客様には、次のメッセージを受け取るまで WeChat "
    "から送信できません。返信は保存され、その後自動的に送られます。",
    "[未送信] 返信をお客様に届けられませんでした：%s",
    "[未送信] まだ WeChat に転送できない内容です：%s",
    "[画像]",
    "[音声]",
    "[動画]",
    "[位置情報]",
    "[リンク]",
    "[ファイル]",
    "[ミニプログラム]",
    "[未対応のメッセージ]"};

std::string field(const wechat::Push& push, const char* name) {
  const auto at = push.fields.find(name);
  return at == push.fields.end() ? std::string() : at->second;
}

std::string joined(std::string_view head, std::initializer_list<std::string> parts) {
  std::string note(head);
  for (const auto& part : parts) {
    if (!part.empty()) note += " " + part;
  }
  return note;
}

}  // namespace

const Texts& texts(std::string_view locale) {
  if (locale == "en") return kEnglish;
  return locale == "ja" ? kJapanese : kChinese;
}

std::string readable_note(const wechat::Push& push, const Texts& texts) {
  if (push.type == "image") return joined(texts.image, {field(push, "PicUrl")});
  if (push.type == "voice") return joined(texts.voice, {field(push, "Recognition")});
  if (push.type == "video" || push.type == "shortvideo") return std::string(texts.video);
  if (push.type == "location") {
    return joined(texts.location,
                  {field(push, "Label"), field(push, "Location_X"), field(push, "Location_Y")});
  }
  if (push.type == "link") return joined(texts.link, {field(push, "Title"), field(push, "Url")});
  if (push.type == "file") return joined(texts.file, {field(push, "Title")});
  if (push.type == "miniprogrampage")
    return joined(texts.mini_program, {field(push, "Title"), field(push, "PagePath")});
  return joined(texts.unknown, {push.type});
}

}  // namespace kefu
