// kefu-notifier: pushes the agents' replies to the customers.
#include "lib/base/settings.h"
#include "lib/http/client.h"
#include "lib/ops/lifecycle.h"
#include "lib/ops/log.h"
#include "lib/ops/ops_page.h"
#include "lib/work/worker.h"
#include "notifier/token_cache.h"
#include "notifier/wechat_api.h"
#include "notifier/wechat_handler.h"

using namespace kefu;

int main(int argc, char** argv) {
  const ops::StopSignals stop;
  const auto [exit_status, settings] = load_settings_or_explain("notifier", argc, argv);
  if (exit_status) return *exit_status;
  log::set_up("notifier", settings.text("KEFU_LOG_LEVEL"), settings.text("KEFU_LOG_FORMAT"));

  ops::Metrics metrics;
  const auto client = http::Client::make(settings.text("WECHAT_API"));
  if (!client) return ops::cannot_start("notifier", "WECHAT_API: " + client.error());
  notifier::WechatApi api(**client, settings.text("WECHAT_APP_ID"), settings.text("WECHAT_APP_SECRET"),
                          metrics);
  notifier::TokenCache tokens(
      [&](bool force, Timestamp deadline) { return api.fetch_token(force, deadline); }, steady_now);
  const auto on_unknown = settings.text("KEFU_NOTIFIER_ON_UNKNOWN") == "dead" ? notifier::OnUnknown::dead
                                                                              : notifier::OnUnknown::resend;
  notifier::WechatHandler handler(api, tokens, on_unknown);
  work::Worker worker(
      {v1::QUEUE_NOTIFIER, settings.list("KEFU_QUEUE_CONNECT"),
       static_cast<std::uint32_t>(settings.number("KEFU_CONCURRENCY"))},
      [&](const auto& delivery, auto deadline) { return handler.handle(delivery, deadline); }, metrics);
  ops::OpsPage page(settings.text("KEFU_OPS_LISTEN"), metrics,
                    [&] { return ops::Readiness{worker.missing()}; });

  for (const auto& line : settings.describe()) log::debug(line);
  if (const auto port = page.start(); !port)
    return ops::cannot_start("notifier", "KEFU_OPS_LISTEN: " + port.error());
  worker.start();
  log::info("notifier is up", {{"version", KEFU_VERSION}});
  stop.wait();
  worker.stop();
  page.stop();
  return 0;
}
