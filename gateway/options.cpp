#include "gateway/options.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "gateway/journal/sqlite_journal.h"
#include "gateway/reply_rules.h"
#include "gateway/wechat_events.h"

namespace kefu {
namespace {

// Unset: by locale. Set, if only to nothing: as it is.
std::string reply_text(const Settings& settings, std::string_view name, std::string_view by_locale) {
  return settings.is_set(name) ? settings.text(name) : std::string(by_locale);
}

// WeChat drops no repeats: so often may a customer read one reply, at the very most.
constexpr std::uint32_t kUnsureReplies = 5;
// The longest reply window (reference: WeChat §6.4); none can be delivered later.
constexpr Millis kReplyFor = std::chrono::hours(48);

// Of 200 that IM allows (reference: IM §1.4): relays ask on their own behalf, too.
constexpr double kLookupsPerSecond = 100;

queue::Rules relay_rules(const Settings& settings) {
  queue::Rules rules;
  rules.retry.first = settings.duration("KEFU_RETRY_FIRST");
  rules.retry.max = settings.duration("KEFU_RETRY_MAX");
  rules.retry.give_up_after = settings.duration("KEFU_RETRY_FOR");
  rules.retry.attempts_max = static_cast<std::uint32_t>(settings.number("KEFU_RETRY_ATTEMPTS"));
  const auto limit = [&](queue::Kind kind, const char* setting) {
    rules.limits[static_cast<std::size_t>(kind)] = static_cast<double>(settings.number(setting));
  };
  limit(queue::Kind::message, "KEFU_RATE_IM_SEND");
  limit(queue::Kind::import_account, "KEFU_RATE_IM_IMPORT");
  limit(queue::Kind::delete_account, "KEFU_RATE_IM_DELETE");
  limit(queue::Kind::reply, "KEFU_RATE_WECHAT_SEND");
  rules.limits[static_cast<std::size_t>(queue::Kind::lookup)] = kLookupsPerSecond;
  return rules;
}

queue::Rules notifier_rules(const Settings& settings) {
  auto rules = relay_rules(settings);
  if (!settings.is_set("KEFU_RETRY_FOR")) rules.retry.give_up_after = kReplyFor;
  rules.retry.unsure_max = settings.text("KEFU_NOTIFIER_ON_UNKNOWN") == "dead" ? 1 : kUnsureReplies;
  return rules;
}

ReplyRules reply_rules(const Settings& settings) {
  const auto& tables = settings.tables();
  return read_reply_rules(tables.text, tables.file, tables.lines_before);
}

}  // namespace

QueueLoopOptions queue_loop_options(const Settings& settings) {
  QueueLoopOptions options;
  options.queue_listen = settings.text("KEFU_QUEUE_LISTEN");
  options.tap_listen = settings.text("KEFU_TAP_LISTEN");
  options.admin_listen = settings.text("KEFU_ADMIN_LISTEN");
  SqliteJournalOptions journal;
  journal.file = settings.text("KEFU_DATA_DIR") + "/journal.db";
  journal.accounts = {settings.text("WECHAT_APP_ID"), settings.text("IM_SDK_APP_ID")};
  journal.adopt = settings.flag("KEFU_JOURNAL_ADOPT");
  journal.accept_loss = settings.flag("KEFU_JOURNAL_ACCEPT_LOSS");
  options.open_journal = [journal] { return open_sqlite_journal(journal); };
  options.dispatcher.agents = settings.list("IM_AGENTS");
  options.dispatcher.delete_on_unfollow = settings.text("IM_ON_UNSUBSCRIBE") == "delete";
  options.dispatcher.please_wait_always = settings.text("KEFU_REPLY_TRANSFER_WHEN") == "always";
  options.dispatcher.notices = &texts(settings.text("KEFU_LOCALE"));
  options.dispatcher.sweep_every = settings.duration("KEFU_SWEEP");
  options.dispatcher.keep_done = settings.duration("KEFU_KEEP_DONE");
  options.dispatcher.worker_slots_max = static_cast<std::uint32_t>(settings.number("KEFU_WORKER_SLOTS_MAX"));
  options.dispatcher.read_again = [wechat = wechat_webhook_options(settings),
                                   im = im_webhook_options(settings)](const QuarantinedPush& push) {
    return push.source == "im" ? read_again(im, push) : read_again(wechat, push);
  };
  options.dispatcher.relay = relay_rules(settings);
  options.dispatcher.notifier = notifier_rules(settings);
  return options;
}

void check_gateway_settings(const Settings& settings, std::vector<std::string>& problems) {
  const auto events = forwarded_events(settings.list("KEFU_FORWARD_EVENTS"));
  if (!events) problems.push_back("KEFU_FORWARD_EVENTS " + events.error());
  auto replies = reply_rules(settings);
  std::move(replies.problems.begin(), replies.problems.end(), std::back_inserter(problems));
}

WeChatWebhookOptions wechat_webhook_options(const Settings& settings) {
  WeChatWebhookOptions options;
  options.token = settings.text("WECHAT_TOKEN");
  options.app_id = settings.text("WECHAT_APP_ID");
  for (const auto* name : {"WECHAT_AES_KEY", "WECHAT_AES_KEY_PREVIOUS"}) {
    if (!settings.has(name)) continue;
    if (const auto key = wechat::parse_aes_key(settings.text(name))) options.aes_keys.push_back(*key);
  }
  if (auto events = forwarded_events(settings.list("KEFU_FORWARD_EVENTS")))
    options.forward_events = std::move(*events);
  options.replies = reply_rules(settings).rules;
  options.texts = &texts(settings.text("KEFU_LOCALE"));
  options.welcome = reply_text(settings, "KEFU_REPLY_SUBSCRIBE", options.texts->welcome);
  options.please_wait = reply_text(settings, "KEFU_REPLY_TRANSFER", options.texts->please_wait);
  options.offline = reply_text(settings, "KEFU_REPLY_OFFLINE", options.texts->offline);
  return options;
}

ImWebhookOptions im_webhook_options(const Settings& settings) {
  const auto agents = settings.list("IM_AGENTS");
  return {settings.text("IM_SDK_APP_ID"), settings.text("IM_CALLBACK_TOKEN"), {agents.begin(), agents.end()}};
}

}  // namespace kefu
