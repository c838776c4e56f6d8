// Contract §3, row by row.
#include <iterator>

#include "lib/base/limits.h"
#include "lib/base/settings.h"

namespace kefu {
namespace {

using Kind = SettingKind;

// WeChat answers the customer with an error of its own when a reply is longer (reference: WeChat §4).
constexpr std::string_view kReplyBytesMax = "2000";
static_assert(limits::kWeChatTextBytesMax == 2000);

constexpr Setting kTable[] = {
    {"KEFU_HTTP_LISTEN", "gateway", Kind::listen, "0.0.0.0:8080", true, "public HTTP: WeChat and IM"},
    {"KEFU_OPS_LISTEN", "gateway", Kind::listen, "127.0.0.1:9101", true,
     "private HTTP: /healthz, /readyz, /metrics; or off", "off"},
    {"KEFU_OPS_LISTEN", "relay", Kind::listen, "127.0.0.1:9102", true,
     "private HTTP: /healthz, /readyz, /metrics; or off", "off"},
    {"KEFU_OPS_LISTEN", "notifier", Kind::listen, "127.0.0.1:9103", true,
     "private HTTP: /healthz, /readyz, /metrics; or off", "off"},
    {"KEFU_OPS_LISTEN", "sandbox", Kind::listen, "off", true,
     "private HTTP: /healthz, /readyz, /metrics; or off", "off"},
    {"KEFU_QUEUE_LISTEN", "gateway", Kind::endpoint, "tcp://127.0.0.1:5555", true, "where workers connect"},
    {"KEFU_TAP_LISTEN", "gateway", Kind::endpoint, "tcp://127.0.0.1:5556", true,
     "PUB: every step of every event; or off", "off"},
    {"KEFU_ADMIN_LISTEN", "gateway", Kind::endpoint, "tcp://127.0.0.1:5557", true,
     "for REQ: JSON questions and repairs; or off", "off"},
    {"KEFU_ADMIN_CONNECT", "kefuctl", Kind::endpoint, "tcp://127.0.0.1:5557", true,
     "the gateway's KEFU_ADMIN_LISTEN"},
    {"KEFU_DATA_DIR", "gateway", Kind::text, "./data", true, "the journal lives here; made when missing"},
    {"KEFU_JOURNAL_ADOPT", "gateway", Kind::flag, "0", true,
     "for one start: take over a journal of another WECHAT_APP_ID or IM_SDK_APP_ID, with all that waits in "
     "it"},
    {"KEFU_JOURNAL_ACCEPT_LOSS", "gateway", Kind::flag, "0", true,
     "for one start: go on though a part of the journal is missing"},
    {"KEFU_QUEUE_CONNECT", "relay notifier", Kind::endpoints, "tcp://127.0.0.1:5555", true,
     "the gateways' KEFU_QUEUE_LISTEN, comma-separated; a host name that has several addresses means all "
     "of them"},
    {"KEFU_CONCURRENCY", "relay notifier", Kind::number, "32", true, "calls in flight at most", "1 1024"},
    {"KEFU_WORKER_SLOTS_MAX", "gateway", Kind::number, "256", true,
     "calls in flight at most at one worker, whatever its KEFU_CONCURRENCY", "1 1024"},
    {"KEFU_LOG_LEVEL", "gateway relay notifier sandbox", Kind::choice, "info", true, "how much to log",
     "debug info warning error"},
    {"KEFU_LOG_FORMAT", "gateway relay notifier sandbox", Kind::choice, "text", true,
     "text, or json: one object a line", "text json"},

    {"WECHAT_TOKEN", "gateway", Kind::secret, "", true, "the token set in the WeChat console"},
    {"WECHAT_APP_ID", "gateway notifier", Kind::text, "", true, "the Official Account's AppID"},
    {"WECHAT_AES_KEY", "gateway", Kind::secret, "", false,
     "EncodingAESKey (43 characters): when set, only authenticated encrypted pushes are taken"},
    {"WECHAT_AES_KEY_PREVIOUS", "gateway", Kind::secret, "", false,
     "the key before, still taken during a rotation"},
    {"WECHAT_APP_SECRET", "notifier", Kind::secret, "", true, "the Official Account's AppSecret"},
    {"WECHAT_APP_ID", "relay", Kind::text, "", false,
     "the Official Account's AppID: with it and the AppSecret the relay fetches customers' media"},
    {"WECHAT_APP_SECRET", "relay", Kind::secret, "", false, "the Official Account's AppSecret"},
    {"WECHAT_API", "relay notifier", Kind::url, "https://api.weixin.qq.com", true,
     "base URL of the WeChat API"},

    {"IM_SDK_APP_ID", "gateway relay", Kind::number, "", true, "the IM app's SDKAppID", "1 4294967295"},
    {"IM_SECRET_KEY", "relay", Kind::secret, "", true, "the IM app's key, with which UserSigs are made"},
    {"IM_ADMIN", "relay", Kind::text, "", true, "App admin account that calls the REST API"},
    {"IM_AGENTS", "gateway", Kind::accounts, "", true, "IM accounts of the agents, comma-separated"},
    {"IM_API", "relay", Kind::url, "https://console.tim.qq.com", true, "base URL of the IM REST API"},
    {"IM_CALLBACK_TOKEN", "gateway", Kind::secret, "", false,
     "callback authentication token of the IM console; required unless IM_CALLBACK_INSECURE=1"},
    {"IM_CALLBACK_INSECURE", "gateway", Kind::flag, "0", true,
     "take callbacks that nobody has signed: only behind a firewall"},
    {"IM_ON_UNSUBSCRIBE", "gateway", Kind::choice, "delete", true,
     "what becomes of the customer's IM account", "delete keep"},

    {"KEFU_LOCALE", "gateway relay notifier sandbox", Kind::choice, "zh-CN", true,
     "language of the built-in texts", "zh-CN en ja"},
    {"KEFU_REPLY_SUBSCRIBE", "gateway", Kind::text, "", false,
     "the welcome; by default as the locale has it; empty: none", kReplyBytesMax},
    {"KEFU_REPLY_TRANSFER", "gateway", Kind::text, "", false,
     "the please-wait text; by default as the locale has it; empty: none", kReplyBytesMax},
    {"KEFU_REPLY_OFFLINE", "gateway", Kind::text, "", false,
     "said once in a conversation when no agent is at the desk; by default as the locale has it; empty: "
     "nothing",
     kReplyBytesMax},
    {"KEFU_REPLY_TRANSFER_WHEN", "gateway", Kind::choice, "session", true,
     "always, or session: at the first message after 30 idle minutes", "always session"},

    {"KEFU_FORWARD_EVENTS", "gateway", Kind::text, "CLICK,SCAN,subscribe", false,
     "events of WeChat that reach the agent as a note, comma-separated; subscribe: when it names a scene; "
     "empty: "
     "none"},
    {"KEFU_SWEEP", "gateway", Kind::duration, "60s", true,
     "how often IM is asked for agents' messages whose callback never came; 0s: never"},
    {"KEFU_MEDIA_DIR", "gateway relay notifier", Kind::text, "./media", true,
     "where media are kept, the same folder for all; made when missing"},
    {"KEFU_MEDIA_URL", "gateway relay notifier", Kind::url, "", false,
     "where agents reach the gateway's media, such as https://your.domain/media; without it media arrive as "
     "a note"},
    {"KEFU_MEDIA_KEEP", "gateway relay notifier", Kind::duration, "7d", true,
     "how long media are kept and their links hold", "1h"},
    {"KEFU_MEDIA_HOSTS", "relay notifier", Kind::text, "", false,
     "hosts besides Tencent's from which media may be fetched, comma-separated; .example.com: any below it"},

    {"KEFU_RETRY_FIRST", "gateway", Kind::duration, "1s", true,
     "wait before the second attempt; doubles from there"},
    {"KEFU_RETRY_MAX", "gateway", Kind::duration, "5m", true, "longest wait between attempts"},
    {"KEFU_RETRY_FOR", "gateway", Kind::duration, "24h", true,
     "an event not delivered for so long while its queue was open is given up; replies when the window ends"},
    {"KEFU_RETRY_ATTEMPTS", "gateway", Kind::number, "100", true, "an event that failed so often is given up",
     "1 1000000"},
    {"KEFU_NOTIFIER_ON_UNKNOWN", "gateway notifier", Kind::choice, "resend", true,
     "a reply that may have been delivered though WeChat did not answer: resend (the customer may get it "
     "twice), or dead (it may be lost)",
     "resend dead"},
    {"KEFU_RATE_IM_SEND", "gateway", Kind::number, "200", true,
     "calls of sendmsg a second that the IM app may make; 0: no limit", "0 100000"},
    {"KEFU_RATE_IM_IMPORT", "gateway", Kind::number, "200", true, "the same for account_import", "0 100000"},
    {"KEFU_RATE_IM_DELETE", "gateway", Kind::number, "100", true, "the same for account_delete", "0 100000"},
    {"KEFU_RATE_WECHAT_SEND", "gateway", Kind::number, "100", true,
     "the same for custom/send of the Official Account", "0 100000"},
    {"KEFU_KEEP_DONE", "gateway", Kind::duration, "72h", true, "how long finished events stay in the journal",
     "1m"},

    {"KEFU_SANDBOX_LISTEN", "sandbox", Kind::listen, "127.0.0.1:8000", true,
     "the page, and both clouds' APIs"},
    {"KEFU_SANDBOX_URL", "sandbox", Kind::url, "http://127.0.0.1:8000", true,
     "where the programs reach it, in the addresses of media"},
    // The sandbox needs no credentials; these stand for what a console would have shown, and the other
    // programs are given the same.
    {"WECHAT_TOKEN", "sandbox", Kind::secret, "demo-token", true, "with which pushes are signed"},
    {"WECHAT_APP_ID", "sandbox", Kind::text, "wxdemo0000000000", true, "AppID of the account it plays"},
    {"WECHAT_APP_SECRET", "sandbox", Kind::secret, "demo-app-secret", true,
     "AppSecret of the account it plays"},
    {"WECHAT_AES_KEY", "sandbox", Kind::secret, "", false, "EncodingAESKey: when set, pushes are encrypted"},
    {"IM_SDK_APP_ID", "sandbox", Kind::number, "1400000000", true, "SDKAppID of the IM app it plays",
     "1 4294967295"},
    {"IM_SECRET_KEY", "sandbox", Kind::secret, "demo-im-secret-key", true, "with which UserSigs are checked"},
    {"IM_ADMIN", "sandbox", Kind::text, "administrator", true, "App admin account of the IM app it plays"},
    {"IM_AGENTS", "sandbox", Kind::accounts, "agent-1,agent-2", true, "the agents, comma-separated"},
    {"IM_CALLBACK_TOKEN", "sandbox", Kind::secret, "demo-callback-token", true,
     "with which callbacks are signed"},
    {"KEFU_GATEWAY_URL", "sandbox", Kind::url, "http://127.0.0.1:8080", true,
     "where the gateway takes pushes and callbacks"},
};

}  // namespace

const std::vector<Setting>& all_settings() {
  static const std::vector<Setting> table(std::begin(kTable), std::end(kTable));
  return table;
}

}  // namespace kefu
