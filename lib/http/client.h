// HTTP calls to a cloud: keep-alive connections, a deadline over everything, and a clear word on whether a
// failed call may have acted. What a server sends is bounded: the head to 64 KiB, the body as the caller
// says, and a call that brings much more than these is ended. Over cpp-httplib (its only includer is
// client.cpp). Thread-safe: a pool keeps one connection per call in flight.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
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

// What a server says of an answer before it comes.
struct AnswerHead {
  int status = 0;
  std::string content_type;
  std::string content_disposition;
  std::string location;
  std::optional<std::uint64_t> content_length;
};

// Where an answer goes that need not fit in memory. false: no more of it is wanted, and the call ends as
// unsure. Must not throw.
struct Sink {
  std::function<bool(const AnswerHead& head)> begins;
  std::function<bool(std::string_view piece)> takes;
};

// One file as a part of multipart/form-data.
struct FilePart {
  std::string field;
  std::string filename;  // ASCII without quotes: WeChat does not understand RFC 2231 (reference: WeChat §7.1)
  std::string content_type;
  std::string path;
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
  // GETs into `sink`, whatever the status and however large; the result has no body. Follows no redirect.
  virtual CallResult download(const std::string& target, const Sink& sink,
                              std::chrono::milliseconds deadline) = 0;
  // POSTs the file as the only part, read from disk as it goes, with a Content-Length.
  virtual CallResult upload(const std::string& target, const FilePart& file,
                            std::chrono::milliseconds deadline) = 0;
};

// For a query value: everything but [A-Za-z0-9_.~-] percent-encoded.
std::string percent_encode(std::string_view text);

}  // namespace kefu::http
