#include "gateway/texts.h"

namespace kefu {
namespace {

constexpr Texts kChinese{
    .welcome = "欢迎关注！有任何问题请直接留言，客服会尽快回复您。",
    .please_wait = "您的消息已收到，正在为您转接客服，请稍候。",
    .offline = "您好，目前没有客服在线。您的留言已经收到，客服上线后会尽快回复您。",
    .waits_window_closed =
        "[等待发送] 微信现在不允许联系该客户：客户超过 48 小时没有发来消息，或已取消关注。",
    .waits_replies_used_up = "[等待发送] 客户每发来一条消息，微信最多允许回复 5 条，现已用完。",
    .waits = "[等待发送] 微信暂不允许联系该客户{code}。",
    .waits_for = "未发出的回复已保存，最多保留 {time}；客户再次发来消息或点击菜单后，会按顺序自动送达。",
    .hours = "{n} 小时",
    .hour = "{n} 小时",
    .minutes = "{n} 分钟",
    .minute = "{n} 分钟",
    .code = "（代码 {n}）",
    .dead = "[未送达] 您的回复“{reply}”未能送达客户：{why}。",
    .died_window_over = "客户没有在微信规定的时间内再次发来消息",
    .died_customer_gone = "客户已取消关注、拉黑了本公众号，或不接收消息",
    .died_too_long = "内容太长",
    .died_maybe_sent = "微信没有确认，客户可能已经收到，为避免重复不再发送",
    .died_given_up = "多次尝试都没有成功，请稍后重新发送",
    .died_withdrawn = "管理员取消了发送",
    .died_refused = "微信拒绝了这条内容{code}",
    .left_out = "[未送达] 暂时无法向微信客户转发：{what}",
    .not_recalled = "[无法撤回] 微信不支持撤回，“{reply}”已经发给客户，或正在发送。",
    .not_edited = "[未修改] 微信不支持修改，客户看到的“{reply}”仍是原文。",
    .edit_of_dead = "[未送达] “{reply}”没有送达客户，修改后的内容也不会送达，请重新发送。",
    .delivered_late = "[已送达] 此前提示未送达的回复“{reply}”，现已确认送达客户。",
    .image = "[图片]",
    .voice = "[语音]",
    .video = "[视频]",
    .location = "[位置]",
    .link = "[链接]",
    .file = "[文件]",
    .mini_program = "[小程序]",
    .sticker = "[表情]",
    .merged = "[聊天记录]",
    .card = "[卡片]",
    .unknown = "[暂不支持的消息]",
    .followed_by_scene = "[扫码关注] 场景值：",
    .unfollowed = "[取消关注]",
    .scanned_scene = "[扫描二维码] 场景值：",
    .clicked = "[点击菜单]",
    .opened_page = "[点击菜单链接]",
    .opened_mini_program = "[打开小程序]",
    .scanned_code = "[扫一扫]",
    .chose_pictures = "[菜单发图] 张数：",
    .chose_place = "[选择位置]",
    .is_at = "[上报位置]",
    .reported = "[微信通知]"};
constexpr Texts kEnglish{
    .welcome = "Thank you for following us! Just write to us here, and a colleague will answer you soon.",
    .please_wait = "We have received your message and are connecting you to a colleague. One moment, please.",
    .offline =
        "Nobody is at the desk at the moment. We have received your message and will answer when a colleague "
        "is back.",
    .waits_window_closed =
        "[Waiting] WeChat does not let us write to this customer now: they have not written for 48 "
        "hours, or have left. ",
    .waits_replies_used_up =
        "[Waiting] WeChat lets us send 5 replies to each message of a customer, and they are used up. ",
    .waits = "[Waiting] WeChat does not let us write to this customer now{code}. ",
    .waits_for =
        "Your replies are kept for {time} at most and go out in order when the customer writes again or taps "
        "the menu.",
    .hours = "{n} hours",
    .hour = "{n} hour",
    .minutes = "{n} minutes",
    .minute = "{n} minute",
    .code = " (code {n})",
    .dead = "[Not delivered] Your reply “{reply}” did not reach the customer: {why}.",
    .died_window_over = "they did not write again in the time that WeChat gives",
    .died_customer_gone = "they have left, blocked us, or take no messages",
    .died_too_long = "it is too long",
    .died_maybe_sent =
        "WeChat did not confirm it; it may have arrived, and is not sent again to avoid a repeat",
    .died_given_up = "it failed again and again; please send it again later",
    .died_withdrawn = "an administrator withdrew it",
    .died_refused = "WeChat refuses what it says{code}",
    .left_out = "[Not delivered] This cannot be carried over to WeChat yet: {what}",
    .not_recalled =
        "[Not recalled] WeChat can take nothing back: “{reply}” has gone to the customer, or is just going "
        "out.",
    .not_edited = "[Not changed] WeChat can change nothing: the customer still reads “{reply}” as it was.",
    .edit_of_dead =
        "[Not delivered] “{reply}” did not reach the customer, and neither does your change. Please send it "
        "again.",
    .delivered_late =
        "[Delivered] Your reply “{reply}”, which was given up, has reached the customer after all.",
    .image = "[Picture]",
    .voice = "[Voice message]",
    .video = "[Video]",
    .location = "[Location]",
    .link = "[Link]",
    .file = "[File]",
    .mini_program = "[Mini program]",
    .sticker = "[Sticker]",
    .merged = "[Chat history]",
    .card = "[Card]",
    .unknown = "[Unsupported message]",
    .followed_by_scene = "[Followed through a QR code] Scene:",
    .unfollowed = "[Unfollowed]",
    .scanned_scene = "[Scanned a QR code] Scene:",
    .clicked = "[Tapped the menu]",
    .opened_page = "[Opened a page from the menu]",
    .opened_mini_program = "[Opened a mini program]",
    .scanned_code = "[Scanned]",
    .chose_pictures = "[Pictures from the menu] Number:",
    .chose_place = "[Chose a place]",
    .is_at = "[Reported a position]",
    .reported = "[WeChat reports]"};
constexpr Texts kJapanese{
    .welcome = "フォローありがとうございます！ご質問はこちらにお書きください。担当者がすぐにお答えします。",
    .please_wait = "メッセージを受け取りました。担当者におつなぎしますので、少々お待ちください。",
    .offline = "ただいま担当者が席を外しております。メッセージは受け取りましたので、戻りしだいお答えします。",
    .waits_window_closed =
        "[送信待ち] 現在 WeChat からこのお客様に送信できません。48 "
        "時間以上メッセージがないか、フォローが解除されています。",
    .waits_replies_used_up =
        "[送信待ち] WeChat ではお客様のメッセージ 1 件につき返信は 5 件までで、すべて使い切りました。",
    .waits = "[送信待ち] 現在 WeChat からこのお客様に送信できません{code}。",
    .waits_for =
        "返信は最長{time}保存され、お客様が再びメッセージを送るかメニューを押すと、順番に自動で送られます。",
    .hours = "{n}時間",
    .hour = "{n}時間",
    .minutes = "{n}分間",
    .minute = "{n}分間",
    .code = "（コード {n}）",
    .dead = "[未送信] 返信「{reply}」をお客様に届けられませんでした：{why}。",
    .died_window_over = "WeChat の定める時間内にお客様から次のメッセージがありませんでした",
    .died_customer_gone = "お客様がフォローを解除したか、ブロックしたか、受信を拒否しています",
    .died_too_long = "内容が長すぎます",
    .died_maybe_sent = "WeChat の確認がなく、届いている可能性があるため、重複を避けて再送しません",
    .died_given_up = "何度試しても送信できませんでした。後でもう一度お送りください",
    .died_withdrawn = "管理者が送信を取り消しました",
    .died_refused = "WeChat がこの内容を拒否しました{code}",
    .left_out = "[未送信] まだ WeChat に転送できない内容です：{what}",
    .not_recalled =
        "[取り消し不可] WeChat では取り消せません。「{reply}」はすでにお客様に送信されたか、送信中です。",
    .not_edited = "[変更不可] WeChat では変更できません。お客様には「{reply}」が元のまま表示されます。",
    .edit_of_dead =
        "[未配信] 「{reply}」はお客様に届いていないため、変更後の内容も届きません。もう一度お送りください。",
    .delivered_late =
        "[配信済み] 未配信とお知らせした返信「{reply}」が、お客様に届いていたことを確認しました。",
    .image = "[画像]",
    .voice = "[音声]",
    .video = "[動画]",
    .location = "[位置情報]",
    .link = "[リンク]",
    .file = "[ファイル]",
    .mini_program = "[ミニプログラム]",
    .sticker = "[スタンプ]",
    .merged = "[チャット履歴]",
    .card = "[カード]",
    .unknown = "[未対応のメッセージ]",
    .followed_by_scene = "[QR コードからフォロー] シーン：",
    .unfollowed = "[フォロー解除]",
    .scanned_scene = "[QR コードをスキャン] シーン：",
    .clicked = "[メニューをタップ]",
    .opened_page = "[メニューのリンクを開く]",
    .opened_mini_program = "[ミニプログラムを開く]",
    .scanned_code = "[スキャン]",
    .chose_pictures = "[メニューから画像] 枚数：",
    .chose_place = "[場所を選択]",
    .is_at = "[位置を報告]",
    .reported = "[WeChat からの通知]"};

}  // namespace

const Texts& texts(std::string_view locale) {
  if (locale == "en") return kEnglish;
  return locale == "ja" ? kJapanese : kChinese;
}

std::string joined(std::initializer_list<std::string_view> words) {
  std::string line;
  for (const auto word : words) {
    if (!word.empty()) line.append(line.empty() ? "" : " ").append(word);
  }
  return line;
}

std::string point(std::string_view latitude, std::string_view longitude) {
  if (latitude.empty() || longitude.empty()) return "";
  return "(" + std::string(latitude) + ", " + std::string(longitude) + ")";
}

}  // namespace kefu
