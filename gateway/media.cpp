#include "gateway/media.h"

#include <utility>

namespace kefu {

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
      cleaner_(*store_, keep) {}

void Media::serve_on(http::Server& server) const {
  const auto get = [this](const http::Request& request) { return page_.get(request, wall_now()); };
  server.get_below(prefix_ + "/", get);
  server.get_below("/", get);
}

}  // namespace kefu
