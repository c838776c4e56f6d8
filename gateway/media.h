// The gateway's part in media: serves what the workers have kept, and lets go of it when its time is over.
#pragma once

#include <memory>
#include <string>

#include "gateway/web/media_page.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/media/cleaner.h"
#include "lib/media/store.h"

namespace kefu {

class Media {
 public:
  // `url`: KEFU_MEDIA_URL. The error names the setting.
  static Result<std::unique_ptr<Media>> open(const std::string& folder, std::string_view url, Millis keep);

  // Before server.start(); must outlive the server.
  void serve_on(http::Server& server) const;

 private:
  Media(std::unique_ptr<media::MediaStore> store, std::string link_key, std::string prefix, Millis keep);

  const std::unique_ptr<media::MediaStore> store_;
  const std::string prefix_;
  const MediaPage page_;
  const media::Cleaner cleaner_;  // the last, so that it stops first
};

}  // namespace kefu
