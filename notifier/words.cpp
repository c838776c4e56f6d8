#include "notifier/words.h"

namespace kefu::notifier {
namespace {

constexpr Words kChinese{
    .image = "[图片]",
    .sound = "[语音]",
    .video = "[视频]",
    .file = "[文件]",
    .location = "[位置]",
    .face = "[表情]",
    .merged = "[聊天记录]",
    .card = "[卡片]",
    .too_large = "太大，微信最多接收 {limit}",
    .wrong_format = "格式不对，微信只接收 {formats}",
    .gone = "已无法下载",
    .not_allowed = "不允许从该地址下载（KEFU_MEDIA_HOSTS）",
    .slow = "多次上传或下载超时",
    .refused = "微信拒绝接收（代码 {code}）",
    .card_problem = "内容不对：{problem}",
    .open = "点击打开",
    .and_also = "；",
};
constexpr Words kEnglish{
    .image = "[Picture]",
    .sound = "[Voice message]",
    .video = "[Video]",
    .file = "[File]",
    .location = "[Location]",
    .face = "[Sticker]",
    .merged = "[Chat history]",
    .card = "[Card]",
    .too_large = "is too large: WeChat takes {limit} at most",
    .wrong_format = "has the wrong format: WeChat takes {formats}",
    .gone = "can no longer be downloaded",
    .not_allowed = "lies where nothing may be fetched from (KEFU_MEDIA_HOSTS)",
    .slow = "took too long to carry over, again and again",
    .refused = "is refused by WeChat (code {code})",
    .card_problem = "is not right: {problem}",
    .open = "open",
    .and_also = "; ",
};
constexpr Words kJapanese{
    .image = "[画像]",
    .sound = "[音声]",
    .video = "[動画]",
    .file = "[ファイル]",
    .location = "[位置情報]",
    .face = "[スタンプ]",
    .merged = "[チャット履歴]",
    .card = "[カード]",
    .too_large = "大きすぎます（WeChat の上限は {limit}）",
    .wrong_format = "形式が違います（WeChat が受け取るのは {formats}）",
    .gone = "ダウンロードできなくなりました",
    .not_allowed = "このアドレスからの取得は許可されていません（KEFU_MEDIA_HOSTS）",
    .slow = "転送が何度も時間切れになりました",
    .refused = "WeChat に拒否されました（コード {code}）",
    .card_problem = "内容が正しくありません：{problem}",
    .open = "開く",
    .and_also = "；",
};

}  // namespace

const Words& words(std::string_view locale) {
  if (locale == "en") return kEnglish;
  return locale == "ja" ? kJapanese : kChinese;
}

std::string left_out(std::string_view what, std::string_view why) {
  return std::string(what).append(" ").append(why);
}

std::string filled(std::string_view text, std::string_view name, std::string_view value) {
  std::string made(text);
  if (const auto at = made.find(name); at != std::string::npos) made.replace(at, name.size(), value);
  return made;
}

std::string shown_size(std::uint64_t bytes) {
  if (bytes == 0) return {};
  constexpr std::uint64_t kKilo = 1024;
  if (bytes < kKilo * kKilo) return std::to_string((bytes + kKilo - 1) / kKilo) + " KB";
  const auto tenths = bytes * 10 / (kKilo * kKilo);
  return std::to_string(tenths / 10) + (tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10)) + " MB";
}

}  // namespace kefu::notifier
