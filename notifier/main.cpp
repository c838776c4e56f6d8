// kefu-notifier: pushes the agents' replies to the customers.
#include "lib/base/settings.h"
#include "lib/http/client.h"
#include "lib/ops/lifecycle.h"
#include "lib/ops/log.h"
#include "lib/wechat_client/token_cache.h"
#include "lib/wechat_client/wechat_api.h"
#include "lib/work/program.h"
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
  wechat_client::WechatApi api(**client, settings.text("WECHAT_APP_ID"), settings.text("WECHAT_APP_SECRET"),
                               metrics);
  wechat_client::TokenCache tokens(
      [&](bool force, Timestamp deadline) { return api.fetch_token(force, deadline); }, steady_now);
  const auto on_unknown = settings.text("KEFU_NOTIFIER_ON_UNKNOWN") == "dead" ? notifier::OnUnknown::dead
                                                                              : notifier::OnUnknown::resend;
  notifier::WechatHandler handler(api, tokens, on_unknown);
  return work::run("notifier",
                   {v1::QUEUE_NOTIFIER,
                    [&](const auto& delivery, auto deadline) { return handler.handle(delivery, deadline); }},
                   settings, stop, metrics);
}
