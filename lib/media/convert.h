// Makes other formats of what we have, by ffmpeg, where there is one: at most four at once in a process, each
// with at most 1 GiB of memory and pictures of at most 40 million pixels. Thread-safe.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/media/facts.h"
#include "lib/media/store.h"

namespace kefu::media {

class Converter {
 public:
  // Nothing when no ffmpeg is in PATH.
  static std::optional<Converter> find();
  explicit Converter(std::string program);

  // Of the file at `from`, which is of that format; kept in `store`. Ends at `deadline` (steady_now) and when
  // it is stopped. The error is for people.
  Result<Object> to_mp3(const std::string& from, Format format, MediaStore& store, Timestamp deadline,
                        const std::stop_token& stop = {}) const;
  // A JPEG of how a video begins, of at most 480 pixels a side.
  Result<Object> first_picture(const std::string& from, Format format, MediaStore& store, Timestamp deadline,
                               const std::stop_token& stop = {}) const;

 private:
  Result<Object> convert(const std::string& from, Format format, std::vector<std::string> how, Format into,
                         MediaStore& store, Timestamp deadline, const std::stop_token& stop) const;

  std::string program_;
};

}  // namespace kefu::media
