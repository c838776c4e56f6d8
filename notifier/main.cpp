// kefu-notifier: pushes the agents' replies to the customers.
#include <filesystem>

#include "lib/base/digest.h"
#include "lib/base/settings.h"
#include "lib/http/client.h"
#include "lib/media/cleaner.h"
#include "lib/media/convert.h"
#include "lib/media/download.h"
#include "lib/media/store.h"
#include "lib/ops/lifecycle.h"
#include "lib/ops/log.h"
#include "lib/wechat_client/token_cache.h"
#include "lib/wechat_client/wechat_api.h"
#include "lib/work/program.h"
#include "notifier/outgoing.h"
#include "notifier/wechat_handler.h"

using namespace kefu;

namespace {

// Its own temporary folder when the common one cannot be used: uploads are then not shared, and links are
// IM's.
Result<std::unique_ptr<media::MediaStore>> open_store(const std::string& folder, bool& shared) {
  auto store = media::open_media_folder(folder);
  shared = store.ok();
  if (shared) return store;
  std::error_code failed;
  const auto temporary = std::filesystem::temp_directory_path(failed) / ("kefu-notifier-" + random_hex(4));
  log::warning("KEFU_MEDIA_DIR cannot be used, media are kept in a temporary folder",
               {{"why", store.error()}, {"folder", temporary.string()}});
  return media::open_media_folder(temporary.string());
}

}  // namespace

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

  bool shared = false;
  const auto store = open_store(settings.text("KEFU_MEDIA_DIR"), shared);
  if (!store) return ops::cannot_start("notifier", "KEFU_MEDIA_DIR: " + store.error());
  if (const auto bad = media::AllowedHosts::problem_with(settings.list("KEFU_MEDIA_HOSTS")); !bad.empty())
    return ops::cannot_start("notifier", "KEFU_MEDIA_HOSTS: " + bad);
  const media::Cleaner cleaner(**store, settings.duration("KEFU_MEDIA_KEEP"));
  const media::Downloader downloader(
      media::AllowedHosts(settings.list("KEFU_MEDIA_HOSTS"), {settings.text("WECHAT_API")}));
  const auto& words = notifier::words(settings.text("KEFU_LOCALE"));
  notifier::Outgoing outgoing(api, tokens, downloader, **store, media::Converter::find(), words,
                              {settings.text("WECHAT_APP_ID"), shared ? settings.text("KEFU_MEDIA_URL") : "",
                               settings.duration("KEFU_MEDIA_KEEP")});

  const auto on_unknown = settings.text("KEFU_NOTIFIER_ON_UNKNOWN") == "dead" ? notifier::OnUnknown::dead
                                                                              : notifier::OnUnknown::resend;
  notifier::WechatHandler handler(api, tokens, on_unknown, &outgoing, words);
  work::Job job{v1::QUEUE_NOTIFIER,
                [&](const auto& delivery, auto deadline) { return handler.handle(delivery, deadline); }};
  job.typing = [&](const auto& typing, auto deadline) { handler.type(typing, deadline); };
  return work::run("notifier", std::move(job), settings, stop, metrics);
}
