// Names under which the gateway serves media: unguessable, and void after a time. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/media/facts.h"

namespace kefu::media {

// "<hash>-<expiry, Unix s in hex>-<HMAC-SHA-256 of both and the extension>.<extension>": the same each time.
std::string link_name(std::string_view key, std::string_view hash, Format format, Timestamp expires);

struct Linked {
  std::string hash;
  Timestamp expires{};
  Format format = Format::unknown;
};
// Nothing when it is no such name, was signed with another key, or is void at `now`. Constant time in the
// signature.
std::optional<Linked> read_link_name(std::string_view key, std::string_view name, Timestamp now);

}  // namespace kefu::media
