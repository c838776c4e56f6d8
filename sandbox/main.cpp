#include "lib/base/settings.h"
#include "lib/http/server.h"
#include "lib/ops/lifecycle.h"
#include "lib/ops/log.h"
#include "lib/ops/ops_page.h"
#include "sandbox/api.h"
#include "sandbox/sandbox.h"

namespace {

using namespace kefu;

// Of uploads under way, all together: as many as the programs make at once.
constexpr std::size_t kBodiesBytesMax = 1 << 30;

std::string without_slash(std::string url) {
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url;
}

Result<sandbox::SandboxOptions> sandbox_options(const Settings& settings) {
  sandbox::SandboxOptions options;
  options.wechat.app_id = settings.text("WECHAT_APP_ID");
  options.wechat.app_secret = settings.text("WECHAT_APP_SECRET");
  options.wechat.token = settings.text("WECHAT_TOKEN");
  if (settings.has("WECHAT_AES_KEY")) {
    const auto key = wechat::parse_aes_key(settings.text("WECHAT_AES_KEY"));
    if (!key) return Error{"WECHAT_AES_KEY: " + key.error()};
    options.wechat.aes_key = *key;
  }
  options.wechat.public_url = without_slash(settings.text("KEFU_SANDBOX_URL"));
  options.im.public_url = options.wechat.public_url;
  options.im.sdk_app_id = static_cast<std::uint32_t>(settings.number("IM_SDK_APP_ID"));
  options.im.secret_key = settings.text("IM_SECRET_KEY");
  options.im.admin = settings.text("IM_ADMIN");
  options.im.agents = settings.list("IM_AGENTS");
  options.im.callback_token = settings.text("IM_CALLBACK_TOKEN");
  options.gateway_url = settings.text("KEFU_GATEWAY_URL");
  options.locale = settings.text("KEFU_LOCALE");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const auto start = load_settings_or_explain("sandbox", argc, argv);
  if (start.exit_status) return *start.exit_status;
  const Settings& settings = start.settings;
  const ops::StopSignals stop;
  log::set_up("sandbox", settings.text("KEFU_LOG_LEVEL"), settings.text("KEFU_LOG_FORMAT"));

  auto options = sandbox_options(settings);
  if (!options) return ops::cannot_start("sandbox", options.error());
  const auto sandbox = sandbox::Sandbox::make(std::move(*options));
  if (!sandbox) return ops::cannot_start("sandbox", sandbox.error());

  ops::Metrics metrics;
  ops::OpsPage page(settings.text("KEFU_OPS_LISTEN"), metrics, [] { return ops::Readiness{}; });
  http::Server web({.listen = settings.text("KEFU_SANDBOX_LISTEN"),
                    .body_bytes_max = sandbox::kBodyBytesMax,
                    .unauthenticated_bytes_max = kBodiesBytesMax});
  sandbox::serve(web, **sandbox);
  const auto port = web.start();
  if (!port) return ops::cannot_start("sandbox", "KEFU_SANDBOX_LISTEN: " + port.error());
  const auto ops_port = page.start();
  if (!ops_port) return ops::cannot_start("sandbox", "KEFU_OPS_LISTEN: " + ops_port.error());
  log::info("sandbox is up", {{"version", KEFU_VERSION}, {"http_port", *port}});

  stop.wait();
  (*sandbox)->stop();
  web.stop();
  page.stop();
  return 0;
}
