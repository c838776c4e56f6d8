#include "gateway/program.h"

#include <memory>
#include <utility>

#include "gateway/exposure.h"
#include "gateway/journal/sqlite_journal.h"
#include "gateway/mailbox.h"
#include "gateway/media.h"
#include "gateway/options.h"
#include "gateway/web/im_webhook.h"
#include "gateway/web/wechat_webhook.h"
#include "lib/base/settings.h"
#include "lib/http/server.h"
#include "lib/ops/lifecycle.h"
#include "lib/ops/log.h"
#include "lib/ops/ops_page.h"

namespace kefu {
namespace {

// A typing notice may get lost: it takes no room from words.
void submit_callback(Mailbox& mailbox, Tally& tally, Submission submission, Mailbox::Tell tell) {
  if (std::holds_alternative<TypingNotice>(submission))
    return mailbox.submit(std::move(submission), std::move(tell));
  auto timed = [&tally, came = steady_now(), tell = std::move(tell)](const Receipt& receipt) {
    if (receipt.kind != Receipt::Kind::refused) tally.callback_took(steady_now() - came);
    tell(receipt);
  };
  mailbox.submit(std::move(submission), std::move(timed), Mailbox::Room::reserved);
}

}  // namespace

int run_gateway(int argc, char** argv, TurnHook at_point) {
  const auto start = load_settings_or_explain("gateway", argc, argv, check_gateway_settings);
  if (start.exit_status) return *start.exit_status;
  const Settings& settings = start.settings;
  const ops::StopSignals stop;
  ops::raise_descriptor_limit();
  log::set_up("gateway", settings.text("KEFU_LOG_LEVEL"), settings.text("KEFU_LOG_FORMAT"));
  for (const auto& line : settings.describe()) log::debug("setting", {{"is", line}});
  for (const auto& [setting, warning] : exposures(settings)) log::warning(warning, {{"setting", setting}});

  const auto lock = FolderLock::take(settings.text("KEFU_DATA_DIR"));
  if (!lock) return ops::cannot_start("gateway", lock.error());

  ops::Metrics metrics;
  Tally tally(metrics);
  Mailbox mailbox;
  auto loop_options = queue_loop_options(settings);
  loop_options.at_point = std::move(at_point);
  QueueLoop loop(std::move(loop_options), mailbox, tally);
  const auto endpoints = loop.start();
  if (!endpoints) return ops::cannot_start("gateway", endpoints.error());

  PushHealth push_health;
  const WeChatWebhook wechat(
      wechat_webhook_options(settings),
      [&](Submission push, Mailbox::Tell tell) { mailbox.submit(std::move(push), std::move(tell)); }, tally,
      push_health);
  const ImWebhook im(
      im_webhook_options(settings),
      [&](Submission submission, Mailbox::Tell tell) {
        submit_callback(mailbox, tally, std::move(submission), std::move(tell));
      },
      tally);
  std::unique_ptr<Media> media;
  if (settings.has("KEFU_MEDIA_URL")) {
    auto opened = Media::open(settings.text("KEFU_MEDIA_DIR"), settings.text("KEFU_MEDIA_URL"),
                              settings.duration("KEFU_MEDIA_KEEP"));
    if (!opened) return ops::cannot_start("gateway", opened.error());
    media = std::move(*opened);
  }
  // A reader of media holds a thread until the file is sent, a push of more than 64 KiB until it is on disk.
  // Other pushes and callbacks need none, and no client gets one before its request is complete.
  http::Server web({.listen = settings.text("KEFU_HTTP_LISTEN"), .threads_max = 1100});
  web.get("/", [&](const http::Request& request) { return wechat.verify(request); });
  web.post_later(
      "/",
      [&](const http::Request& request, http::Answer answer) { wechat.push(request, std::move(answer)); },
      limits::kReceiptDeadline, [&] { return wechat.late(); });
  web.post_later(
      "/imcallback",
      [&](const http::Request& request, http::Answer answer) {
        im.callback(request, wall_now(), std::move(answer));
      },
      limits::kCallbackDeadline, [&] { return im.late(); });
  web.check_early("/", [&](const http::Request& head) { return wechat.check_early(head); });
  web.check_early("/imcallback", [&](const http::Request& head) { return im.check_early(head, wall_now()); });
  if (media) media->serve_on(web);

  const auto readiness = [&] {
    auto missing = push_health.problems();
    if (auto trouble = loop.trouble(); !trouble.empty()) missing.insert(missing.begin(), std::move(trouble));
    return ops::Readiness{std::move(missing)};
  };
  ops::OpsPage page(settings.text("KEFU_OPS_LISTEN"), metrics, readiness, [&] { loop.refresh_metrics(); });
  // The page last: who reads there that we are ready finds us listening.
  const auto port = web.start();
  if (!port) return ops::cannot_start("gateway", "KEFU_HTTP_LISTEN: " + port.error());
  const auto ops_port = page.start();
  if (!ops_port) return ops::cannot_start("gateway", "KEFU_OPS_LISTEN: " + ops_port.error());
  log::info("gateway is up", {{"version", KEFU_VERSION},
                              {"http_port", *port},
                              {"queue", (*endpoints)[0]},
                              {"tap", (*endpoints)[1]},
                              {"admin", (*endpoints)[2]}});

  stop.wait();
  web.stop();
  loop.stop();
  page.stop();
  return 0;
}

}  // namespace kefu
