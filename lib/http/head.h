// The head of an HTTP/1 request as a stranger wrote it, judged by our own rules before the library sees any
// of it (RFC 9112). What could mean two things to two readers is refused: that is how requests are smuggled.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/limits.h"

namespace kefu::http {

inline constexpr std::size_t kHeadersMax = 100;
inline constexpr std::size_t kRequestLineBytesMax =
    limits::kTargetBytesMax + 64;  // method and version besides the target
inline constexpr std::size_t kHeadBytesMax = kRequestLineBytesMax + (16 << 10);

struct Head {
  int refusal = 0;  // 0: well-formed; else the status to refuse with, and nothing below counts
  std::string method;
  std::string target;  // "/path?query"
  bool keep_alive = false;
  bool chunked = false;
  std::size_t content_length = 0;
  bool expects_continue = false;
  std::string content_type;
  std::string content_encoding;  // lower case
  std::string range;             // as it came; several, joined by commas
  std::string if_range;
};

// Offset just past the empty line that ends the head; nothing while it is not there.
// The first `searched` bytes were searched before, in vain.
std::optional<std::size_t> head_end(std::string_view bytes, std::size_t searched = 0);

// The refusal for a head that is not complete yet: 414 or 431 when it is already too long, 0 when more may
// come.
int refusal_of_growing_head(std::string_view bytes);

// `text` runs to and includes the empty line.
Head parse_head(std::string_view text);

struct Target {
  std::string path;                                        // decoded
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order, with repetitions
};
Target parse_target(std::string_view target);

// "Not Found" for 404.
std::string_view reason_phrase(int status);

}  // namespace kefu::http
