// The body of one request while it arrives: with the length that its head announced, or in chunks. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lib/http/chunked.h"
#include "lib/http/head.h"

namespace kefu::http {

class ArrivingBody {
 public:
  // REQUIRES: `head` is well-formed and announces no more than `bytes_max`, the most that a body may have.
  ArrivingBody(const Head& head, std::size_t bytes_max);

  // Takes those of `bytes` that belong to the body and returns how many. Memory grows with what has arrived,
  // not with what was announced.
  std::size_t take(std::string_view bytes);

  bool complete() const;
  // 0: well-formed so far; 400: malformed; 413: too large. The connection cannot go on then.
  int refusal() const;
  // What has arrived so far.
  const std::string& bytes() const { return bytes_; }
  // REQUIRES: it is not used afterwards.
  std::string release() { return std::move(bytes_); }

 private:
  std::string bytes_;
  std::size_t bytes_left_ = 0;  // of the announced length
  std::optional<ChunkDecoder> chunks_;
};

struct Unfolded {
  int refusal = 0;  // 400: not of this coding, or cut off; 413: it becomes too large
  std::string bytes;
};

// What a body with `Content-Encoding: gzip` or `deflate` holds, unless that is more than `bytes_max`.
Unfolded unfold(std::string_view compressed, std::size_t bytes_max);

}  // namespace kefu::http
