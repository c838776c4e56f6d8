// What a file is, by its own bytes, as a cloud or a client finds out. Pure; the sandbox's own, so that it
// shares no misreading with the services.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kefu::sandbox {

struct MediaFacts {
  std::string extension = "bin";  // "jpg", "png", "gif", "amr", "mp3", "mp4", "txt"
  std::string mime = "application/octet-stream";
  std::uint32_t width = 0;  // pixels; of images
  std::uint32_t height = 0;
  double seconds = 0;  // of sounds and videos
};

MediaFacts facts_of(std::string_view bytes);

}  // namespace kefu::sandbox
