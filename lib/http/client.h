// HTTP calls to a cloud: keep-alive connections, a deadline over everything, and a clear word on whether a
// failed call may have acted. Over cpp-httplib (its only includer is client.cpp). Thread-safe: a pool keeps
// one connection per call in flight.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/limits.h"
#include "lib/base/result.h"

namespace kefu::http {

struct CallResult {
  enum class Kind {
    answered,  // status and body are the server's
    not_sent,  // it cannot have acted: repeat freely
    unsure,    // it may have acted: time-out, reset or half an answer after the request went out
  };
  Kind kind = Kind::not_sent;
  int status = 0;
  std::string body;
  std::string error;  // for people; without the query string, which may hold secrets
};

struct ClientOptions {
  std::chrono::milliseconds connect_timeout{2000};
  std::size_t answer_bytes_max = limits::kCloudAnswerBytesMax;
  std::size_t idle_connections_max = 64;
  std::string user_agent{};  // empty: the library's
};

class Client {
 public:
  // `base_url` is "https://host[:port][/prefix]" or http. The error says what is wrong with it.
  static Result<std::unique_ptr<Client>> make(std::string_view base_url, ClientOptions options = {});
  virtual ~Client() = default;

  // POSTs `body` to prefix + `target` ("/path?query"). Ends by itself after `deadline`, whatever the server
  // does.
  virtual CallResult post(const std::string& target, const std::string& body, const std::string& content_type,
                          std::chrono::milliseconds deadline) = 0;
  virtual CallResult get(const std::string& target, std::chrono::milliseconds deadline) = 0;
};

// For a query value: everything but [A-Za-z0-9_.~-] percent-encoded.
std::string percent_encode(std::string_view text);

}  // namespace kefu::http
