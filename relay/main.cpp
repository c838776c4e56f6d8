// kefu-relay: imports and deletes IM accounts and sends the customers' messages to the agents.
#include "lib/base/settings.h"
#include "lib/http/client.h"
#include "lib/ops/lifecycle.h"
#include "lib/ops/log.h"
#include "lib/ops/ops_page.h"
#include "lib/work/worker.h"
#include "relay/im_api.h"
#include "relay/im_handler.h"
#include "relay/usersig_source.h"

using namespace kefu;

int main(int argc, char** argv) {
  const ops::StopSignals stop;
  const auto [exit_status, settings] = load_settings_or_explain("relay", argc, argv);
  if (exit_status) return *exit_status;
  log::set_up("relay", settings.text("KEFU_LOG_LEVEL"), settings.text("KEFU_LOG_FORMAT"));

  ops::Metrics metrics;
  const auto client = http::Client::make(settings.text("IM_API"));
  if (!client) return ops::cannot_start("relay", "IM_API: " + client.error());
  const auto app = static_cast<std::uint32_t>(settings.number("IM_SDK_APP_ID"));
  relay::UserSigSource usersig(app, settings.text("IM_SECRET_KEY"), settings.text("IM_ADMIN"));
  relay::ImApi api(**client, usersig, app, settings.text("IM_ADMIN"), metrics);
  relay::ImHandler handler(api, relay::nick_word(settings.text("KEFU_LOCALE")));
  work::WorkerOptions options;
  options.queue = v1::QUEUE_RELAY;
  options.connect = settings.list("KEFU_QUEUE_CONNECT");
  options.slots = static_cast<std::uint32_t>(settings.number("KEFU_CONCURRENCY"));
  options.bundle_handler = [&](auto deliveries, auto deadline) {
    return handler.handle_together(deliveries, deadline);
  };
  work::Worker worker(
      std::move(options),
      [&](const auto& delivery, auto deadline) { return handler.handle(delivery, deadline); }, metrics);
  ops::OpsPage page(settings.text("KEFU_OPS_LISTEN"), metrics,
                    [&] { return ops::Readiness{worker.missing()}; });

  for (const auto& line : settings.describe()) log::debug(line);
  if (const auto port = page.start(); !port)
    return ops::cannot_start("relay", "KEFU_OPS_LISTEN: " + port.error());
  worker.start();
  log::info("relay is up", {{"version", KEFU_VERSION}});
  stop.wait();
  worker.stop();
  page.stop();
  return 0;
}
