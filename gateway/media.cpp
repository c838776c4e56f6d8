#include "gateway/media.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace kefu {
namespace {

using namespace std::chrono_literals;

constexpr auto kCleanEvery = 1h;

void clean_until_stopped(const std::stop_token& stop, media::MediaStore& store, Millis keep) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    store.forget(wall_now() - keep);
    stopped.wait_for(lock, stop, kCleanEvery, [] { return false; });
  }
}

}  // namespace

Result<std::unique_ptr<Media>> Media::open(const std::string& folder, std::string_view url, Millis keep) {
  auto store = media::open_media_folder(folder);
  if (!store) return Error{"KEFU_MEDIA_DIR: " + store.error()};
  auto key = (*store)->link_key();
  if (!key) return Error{"KEFU_MEDIA_DIR: " + key.error()};
  return std::unique_ptr<Media>(new Media(std::move(*store), std::move(*key), path_of_url(url), keep));
}

Media::Media(std::unique_ptr<media::MediaStore> store, std::string link_key, std::string prefix, Millis keep)
    : store_(std::move(store)),
      prefix_(std::move(prefix)),
      page_(*store_, std::move(link_key), prefix_),
      cleaner_([this, keep](const std::stop_token& stop) { clean_until_stopped(stop, *store_, keep); }) {}

void Media::serve_on(http::Server& server) const {
  const auto get = [this](const http::Request& request) { return page_.get(request, wall_now()); };
  server.get_below(prefix_ + "/", get);
  server.get_below("/", get);
}

}  // namespace kefu
