// GET of media under KEFU_MEDIA_URL: names that we have signed (lib/media/links.h), and nothing else.
// Thread-safe: it never touches the journal, and of many slow readers only so many are served that pushes
// get through.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/http/server.h"
#include "lib/media/store.h"

namespace kefu {

// "/media" of "https://your.domain/media/"; empty when there is none.
std::string path_of_url(std::string_view url);

class MediaPage {
 public:
  static constexpr std::size_t kReadersMax = 200;

  // `store` must live longer. `prefix`: of the paths, such as "/media"; a proxy may have taken it off.
  MediaPage(media::MediaStore& store, std::string link_key, std::string prefix,
            std::size_t readers_max = kReadersMax);

  // 200 with the file; 404 for a name that we have not given, 410 when its time is over, 503 past
  // `readers_max`. `now`: Unix.
  http::Response get(const http::Request& request, Timestamp now) const;

 private:
  // Counts while it lives; nothing when there are too many.
  std::shared_ptr<const void> one_more_reader() const;

  media::MediaStore& store_;
  const std::string link_key_;
  const std::string prefix_;
  const std::size_t readers_max_;
  const std::shared_ptr<std::atomic<std::size_t>> readers_;  // a reader may outlive the page
};

}  // namespace kefu
