// kefu-relay: imports and deletes IM accounts and sends the customers' messages to the agents.
#include "lib/base/settings.h"
#include "lib/http/client.h"
#include "lib/ops/lifecycle.h"
#include "lib/ops/log.h"
#include "lib/work/program.h"
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
  return work::run(
      "relay",
      {v1::QUEUE_RELAY,
       [&](const auto& delivery, auto deadline) { return handler.handle(delivery, deadline); },
       [&](auto deliveries, auto deadline) { return handler.handle_together(deliveries, deadline); }},
      settings, stop, metrics);
}
