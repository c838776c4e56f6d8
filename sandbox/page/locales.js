// Every word on the page. A key that a language lacks would show as the key: tests/browser looks for that.
export const locales = {
  'zh-CN': {
    name: '中文',
    sandbox: '沙盒',
    live: '已连接', offline: '正在重新连接…',
    choose_language: '语言',
    hop_customer: '顾客', hop_wechat: '微信公众号', hop_agent: '客服', hop_im: '腾讯云 IM',
    customers: '顾客', phone: '顾客的手机', new_customer: '新顾客',
    shop: '山茶小店', shop_about: '一家小小的花草与茶器铺子。关注后即可留言，客服会在这里回复。',
    follow: '关注公众号', unfollow: '取消关注',
    hint_new: '从这里开始：先关注，再留言。', hint_left: '您已取消关注。重新关注即可继续对话。',
    send: '发送', write_customer: '给小店留言', write_agent: '回复 {name}',
    typing: '对方正在输入…', fault: '微信提示',
    ideas: ['请问今天营业到几点？', '山茶花苗还有货吗？🌺', '想退换一套茶具，怎么办理？'],
    desk: '客服工作台', agents: '客服账号', all_agents: '全部', conversations: '会话列表',
    no_conversations: '还没有会话。顾客留言后会出现在这里。',
    welcome_title: '来一场完整的对话', step_follow: '在左边的手机上关注公众号', step_say: '以顾客身份写一条消息', step_answer: '在这里以客服身份回复',
    keys: 'Enter 发送 · Shift + Enter 换行',
    window_open: '还可回复 {left} 条 · 剩 {time}', window_full: '本轮 5 条已用完，等待顾客再次留言', window_closed: '超过 48 小时，等待顾客再次留言', window_gone: '已取消关注',
    hours: '{n} 小时', minutes: '{n} 分钟', seconds: '{n} 秒',
    notice: '系统通知', recalled: '消息已撤回', unread: '{n} 条未读', back_to_list: '返回会话列表',
    not_sent: '没有发出：{why}', no_sandbox: '沙盒没有响应',
    nicks: ['小满', '阿禾', '清和', '知夏', '云舒', '南星', '白露', '景行'],
    customer: '顾客', yesterday: '昨天',
    attach: '发送图片、语音等', enlarge: '查看大图', play: '播放', cannot_play: '浏览器无法播放这种语音', too_large: '文件不能超过 10 MB', recall: '撤回', edited: '已编辑', did_event: '操作',
    part_image: '图片', part_voice: '语音', part_video: '视频', part_location: '位置', part_link: '链接', part_mini: '小程序', part_music: '音乐', part_file: '文件', part_merged: '聊天记录', part_menu: '菜单', part_card: '卡片', part_custom: '自定义消息',
    send_image: '图片', send_voice: '语音', send_video: '视频', send_location: '位置', send_link: '链接', send_miniprogrampage: '小程序', send_file: '文件', send_click: '点菜单', send_scan: '扫二维码', send_own: '选择文件…',
    send_sound: '语音', send_face: '表情', send_card: '图文卡片', send_several: '图文并茂', card_title: '山茶养护指南', card_text: '半阴、酸性土，不要用硬水浇。',
  },
  en: {
    name: 'English',
    sandbox: 'sandbox',
    live: 'live', offline: 'reconnecting…',
    choose_language: 'Language',
    hop_customer: 'Customer', hop_wechat: 'WeChat account', hop_agent: 'Agent', hop_im: 'Tencent IM',
    customers: 'Customers', phone: "The customer's phone", new_customer: 'New customer',
    shop: 'Camellia & Co.', shop_about: 'A small shop for plants and tea ware. Follow us to write: our people answer right here.',
    follow: 'Follow', unfollow: 'Unfollow',
    hint_new: 'Start here: follow the account, then write something.', hint_left: 'You no longer follow this account. Follow again to go on.',
    send: 'Send', write_customer: 'Write to the shop', write_agent: 'Answer {name}',
    typing: 'typing…', fault: 'Notice by WeChat',
    ideas: ['How late are you open today?', 'Are camellia saplings in stock? 🌺', "I'd like to return a tea set."],
    desk: "Agent's desk", agents: 'Agents', all_agents: 'All', conversations: 'Conversations',
    no_conversations: 'No conversations yet. They appear as soon as a customer writes.',
    welcome_title: 'Hold a whole conversation', step_follow: 'Follow the account on the phone to the left', step_say: 'Write something as the customer', step_answer: 'Answer here as the agent',
    keys: 'Enter sends · Shift + Enter for a new line',
    window_open: '{left} replies left · {time}', window_full: 'All 5 replies used: waiting for the customer', window_closed: 'Over 48 hours: waiting for the customer', window_gone: 'no longer follows',
    hours: '{n} h', minutes: '{n} min', seconds: '{n} s',
    notice: 'Notice', recalled: 'message recalled', unread: '{n} unread', back_to_list: 'Back to the conversations',
    not_sent: 'Not sent: {why}', no_sandbox: 'the sandbox does not answer',
    nicks: ['Maya', 'Jonas', 'Lin', 'Amara', 'Theo', 'Ines', 'Oskar', 'Wren'],
    customer: 'Customer', yesterday: 'Yesterday',
    attach: 'Send a picture, a voice…', enlarge: 'Enlarge the picture', play: 'Play', cannot_play: 'Browsers cannot play this kind of sound', too_large: 'A file has at most 10 MB', recall: 'Recall', edited: 'edited', did_event: 'Did',
    part_image: 'picture', part_voice: 'voice', part_video: 'video', part_location: 'location', part_link: 'link', part_mini: 'mini program', part_music: 'music', part_file: 'file', part_merged: 'chat history', part_menu: 'menu', part_card: 'card', part_custom: 'custom message',
    send_image: 'Picture', send_voice: 'Voice', send_video: 'Video', send_location: 'Location', send_link: 'Link', send_miniprogrampage: 'Mini program', send_file: 'File', send_click: 'Tap the menu', send_scan: 'Scan a code', send_own: 'A file of mine…',
    send_sound: 'Voice', send_face: 'Emoticon', send_card: 'Article card', send_several: 'Several in one', card_title: 'How to keep camellias', card_text: 'Half shade, acid soil, and no lime in the water.',
  },
  ja: {
    name: '日本語',
    sandbox: 'サンドボックス',
    live: '接続中', offline: '再接続しています…',
    choose_language: '言語',
    hop_customer: 'お客様', hop_wechat: 'WeChat 公式アカウント', hop_agent: '担当者', hop_im: 'Tencent IM',
    customers: 'お客様', phone: 'お客様のスマートフォン', new_customer: '新しいお客様',
    shop: 'つばき商店', shop_about: '植物と茶器の小さなお店です。フォローするとメッセージを送れます。担当者がここでお答えします。',
    follow: 'フォローする', unfollow: 'フォロー解除',
    hint_new: 'まずフォローして、メッセージを送ってみましょう。', hint_left: 'フォローを解除しました。もう一度フォローすると続けられます。',
    send: '送信', write_customer: 'お店にメッセージを書く', write_agent: '{name} に返信',
    typing: '入力中…', fault: 'WeChat からのお知らせ',
    ideas: ['今日は何時まで営業していますか？', '椿の苗はまだありますか？🌺', '茶器を返品したいのですが。'],
    desk: '担当者デスク', agents: '担当者', all_agents: 'すべて', conversations: '会話一覧',
    no_conversations: 'まだ会話はありません。お客様のメッセージが届くと表示されます。',
    welcome_title: '会話をひととおり試す', step_follow: '左のスマートフォンでアカウントをフォローする', step_say: 'お客様としてメッセージを書く', step_answer: '担当者としてここで返信する',
    keys: 'Enter で送信 · Shift + Enter で改行',
    window_open: 'あと {left} 通 · 残り {time}', window_full: '5 通を使い切りました。お客様の返信待ちです', window_closed: '48 時間を過ぎました。お客様の返信待ちです', window_gone: 'フォロー解除済み',
    hours: '{n} 時間', minutes: '{n} 分', seconds: '{n} 秒',
    notice: 'お知らせ', recalled: 'メッセージは取り消されました', unread: '未読 {n} 件', back_to_list: '会話一覧に戻る',
    not_sent: '送信できませんでした：{why}', no_sandbox: 'サンドボックスが応答しません',
    nicks: ['はるか', 'そうた', 'みお', 'れん', 'ひなた', 'つむぎ', 'あおい', 'ゆづき'],
    customer: 'お客様', yesterday: '昨日',
    attach: '画像や音声などを送る', enlarge: '画像を拡大', play: '再生', cannot_play: 'この音声はブラウザで再生できません', too_large: 'ファイルは 10 MB までです', recall: '取り消す', edited: '編集済み', did_event: '操作',
    part_image: '画像', part_voice: '音声', part_video: '動画', part_location: '位置情報', part_link: 'リンク', part_mini: 'ミニプログラム', part_music: '音楽', part_file: 'ファイル', part_merged: 'チャット履歴', part_menu: 'メニュー', part_card: 'カード', part_custom: 'カスタムメッセージ',
    send_image: '画像', send_voice: '音声', send_video: '動画', send_location: '位置情報', send_link: 'リンク', send_miniprogrampage: 'ミニプログラム', send_file: 'ファイル', send_click: 'メニューを押す', send_scan: 'QR コードを読む', send_own: 'ファイルを選ぶ…',
    send_sound: '音声', send_face: '顔文字', send_card: '記事カード', send_several: 'まとめて送る', card_title: '椿の育て方', card_text: '半日陰、酸性の土、石灰分の少ない水で。',
  },
};

const aliases = { zh: 'zh-CN', en: 'en', ja: 'ja' };
let current = 'zh-CN';

// What the visitor chose before, then the browser's languages, then what the sandbox was started with (KEFU_LOCALE).
export function choose(given) {
  const asked = new URLSearchParams(location.search).get('lang');
  const stored = (() => { try { return localStorage.getItem('kefu-locale'); } catch { return null; } })();
  const candidates = [asked, stored, ...navigator.languages, given];
  for (const candidate of candidates) {
    const name = candidate && (locales[candidate] ? candidate : aliases[candidate.toLowerCase().split('-')[0]]);
    if (name) return set(name);
  }
  return set('en');
}

export function set(name, remember = false) {
  current = name;
  document.documentElement.lang = name;
  if (remember) { try { localStorage.setItem('kefu-locale', name); } catch { /* private browsing */ } }
  return name;
}

export const locale = () => current;

export function t(key, values = {}) {
  const text = locales[current][key] ?? key;
  return typeof text === 'string' ? text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '') : text;
}

export function translate(root = document) {
  for (const element of root.querySelectorAll('[data-text]')) element.textContent = t(element.dataset.text);
}
