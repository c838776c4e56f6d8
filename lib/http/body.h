// The bodies of requests, as strangers send them.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "lib/http/connection.h"
#include "lib/http/head.h"

namespace kefu::http {

struct BodyLimits {
  std::size_t bytes_max = 0;                 // of what it unfolds to
  Connection::Deadline deadline;             // for all of it
  std::chrono::milliseconds read_timeout{};  // for each piece
};

struct Body {
  int refusal = 0;  // 400: broken, or it did not come in time; 413: too large; the connection cannot go on
  std::string bytes;
};

// Reads bodies in chunks and compressed ones with cpp-httplib (body.cpp is its only includer in the server).
// Thread-safe.
class BodyReader {
 public:
  BodyReader();
  ~BodyReader();
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  // `connection` stands behind the head, and then behind the body.
  Body read(Connection& connection, const Head& head, const BodyLimits& limits);

 private:
  class Library;
  const std::unique_ptr<Library> library_;
};

}  // namespace kefu::http
