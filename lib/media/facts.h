// What a file is, told by its own bytes: names and types from outside are not believed. Pure; survives
// whatever strangers send.
#pragma once

#include <cstdint>
#include <string_view>

#include "lib/base/clock.h"

namespace kefu::media {

enum class Format { unknown, jpeg, png, gif, bmp, webp, amr, speex, mp3, wav, m4a, mp4 };

struct Facts {
  Format format = Format::unknown;
  std::uint32_t width = 0;  // pixels, of images and videos; 0: not told
  std::uint32_t height = 0;
  Millis duration{0};  // of sounds and videos; 0: not told

  bool operator==(const Facts&) const = default;
};

// `bytes`: the whole file.
Facts facts_of(std::string_view bytes);

bool is_image(Format format);
bool is_sound(Format format);
std::string_view mime_type(Format format);               // "application/octet-stream" of unknown ones
std::string_view extension(Format format);               // without a dot; "bin" of unknown ones
Format format_of_extension(std::string_view extension);  // unknown, when none has it

}  // namespace kefu::media
