// kefu-relay: imports and deletes IM accounts and sends the customers' messages to the agents.
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "lib/base/settings.h"
#include "lib/http/client.h"
#include "lib/media/convert.h"
#include "lib/media/download.h"
#include "lib/media/store.h"
#include "lib/ops/lifecycle.h"
#include "lib/ops/log.h"
#include "lib/wechat_client/media.h"
#include "lib/work/program.h"
#include "relay/customer_media.h"
#include "relay/im_api.h"
#include "relay/im_handler.h"
#include "relay/usersig_source.h"

using namespace kefu;
using namespace std::chrono_literals;

namespace {

// What it takes to fetch customers' media.
struct MediaParts {
  std::unique_ptr<http::Client> client;
  wechat_client::WechatApi api;
  wechat_client::TokenCache tokens;
  media::Downloader downloader;
  wechat_client::Media wechat{api, tokens, downloader};
  std::unique_ptr<media::MediaStore> store;
  std::unique_ptr<relay::CustomerMedia> customer_media{};

  MediaParts(const Settings& settings, std::unique_ptr<http::Client> http_client,
             std::unique_ptr<media::MediaStore> opened, ops::Metrics& metrics)
      : client(std::move(http_client)),
        api(*client, settings.text("WECHAT_APP_ID"), settings.text("WECHAT_APP_SECRET"), metrics),
        tokens([this](bool force, Timestamp deadline) { return api.fetch_token(force, deadline); },
               steady_now),
        downloader(media::AllowedHosts(settings.list("KEFU_MEDIA_HOSTS"), {settings.text("WECHAT_API")})),
        store(std::move(opened)) {}

  // The error names the setting.
  static Result<std::unique_ptr<MediaParts>> make(const Settings& settings, ops::Metrics& metrics) {
    auto client = http::Client::make(settings.text("WECHAT_API"));
    if (!client) return Error{"WECHAT_API: " + client.error()};
    if (const auto bad = media::AllowedHosts::problem_with(settings.list("KEFU_MEDIA_HOSTS")); !bad.empty())
      return Error{"KEFU_MEDIA_HOSTS: " + bad};
    auto store = media::open_media_folder(settings.text("KEFU_MEDIA_DIR"));
    if (!store) return Error{"KEFU_MEDIA_DIR: " + store.error()};
    auto parts = std::make_unique<MediaParts>(settings, std::move(*client), std::move(*store), metrics);
    relay::CustomerMediaOptions options;
    options.app_id = settings.text("WECHAT_APP_ID");
    options.locale = settings.text("KEFU_LOCALE");
    options.url = settings.text("KEFU_MEDIA_URL");
    options.keep = settings.duration("KEFU_MEDIA_KEEP");
    options.waiting_max = static_cast<std::size_t>(settings.number("KEFU_CONCURRENCY") + 1) / 2;
    auto made = relay::CustomerMedia::make(
        *parts->store,
        [&wechat = parts->wechat](const auto& media_id, auto& into, auto deadline) {
          return wechat.get(media_id, into, deadline);
        },
        media::Converter::find(), std::move(options), metrics);
    if (!made) return Error{"KEFU_MEDIA_DIR: " + made.error()};
    parts->customer_media = std::move(*made);
    return parts;
  }
};

bool wants_media(const Settings& settings) {
  const bool url = settings.has("KEFU_MEDIA_URL");
  const bool wechat = settings.has("WECHAT_APP_ID") && settings.has("WECHAT_APP_SECRET");
  if (url != wechat) {
    log::warning("customers' media will arrive as a note",
                 {{"missing", url ? "WECHAT_APP_ID or WECHAT_APP_SECRET" : "KEFU_MEDIA_URL"}});
  }
  return url && wechat;
}

}  // namespace

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
  std::unique_ptr<MediaParts> media;
  if (wants_media(settings)) {
    auto made = MediaParts::make(settings, metrics);
    if (!made) return ops::cannot_start("relay", made.error());
    media = std::move(*made);
  }
  auto* const customer_media = media ? media->customer_media.get() : nullptr;
  relay::ImHandler handler(api, relay::nick_word(settings.text("KEFU_LOCALE")), {}, customer_media);
  const int status = work::run(
      "relay",
      {v1::QUEUE_RELAY,
       [&](const auto& delivery, auto deadline) { return handler.handle(delivery, deadline); },
       [&](auto deliveries, auto deadline) { return handler.handle_together(deliveries, deadline); },
       {},
       true,
       true},
      settings, stop, metrics);
  // A download in which nothing comes any more can be ended by nobody; what it had will be fetched again.
  if (customer_media != nullptr && !customer_media->stop(300ms)) std::_Exit(status);
  return status;
}
