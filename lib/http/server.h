// An HTTP server with the caps of contract §4.
//
// One thread holds the connections that wait. Handlers run concurrently on pool threads and must be
// thread-safe. Every answer goes out without a version
// banner; an exception in a handler becomes a bare 500 and a log line. See PITFALLS §2 for why each guard is
// there.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/limits.h"
#include "lib/base/result.h"

namespace kefu::http {

struct Request {
  std::string method;
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;  // decoded, from the request target alone
  std::string body;
  std::string remote_address;
  std::string content_type;
  bool chunked = false;  // the client did not say how long the body is

  // The value, when the parameter is there exactly once; nothing when it is missing or repeated.
  std::optional<std::string> parameter(std::string_view name) const;
};

// A file as a body, or the part of it that the request asks for (one range); streamed, never held whole.
struct FileBody {
  std::string path;
  std::string etag{};                        // with its quotes; empty: none
  std::shared_ptr<const void> while_sent{};  // let go of when it was sent
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers{};
  bool hang_up =
      false;  // no answer at all, the connection is reset: for stand-ins that play a failing server
  std::optional<FileBody> file{};  // instead of `body`, when the status is 200; 404 when it cannot be opened
};

// Of the bodies that one path takes.
struct BodyRules {
  std::size_t bytes_max = 0;  // 0: as the server's options say
  bool multipart = false;     // may be multipart/…, handed over as it came
};

// Where a stream's bytes go. False: the client is gone or the server stops, return. An empty text only asks.
using StreamSink = std::function<bool(std::string_view)>;

using Handler = std::function<Response(const Request&)>;
// Gives the answer, once; from any thread, also after the server has ended.
using Answer = std::function<void(Response)>;
// Called on the one thread that reads all connections: must not wait for anything. No file, no hanging up.
using LaterHandler = std::function<void(const Request&, Answer)>;
// Called on the connection's thread; writes until it returns. For server-sent events.
using StreamHandler = std::function<void(const Request&, const StreamSink&)>;

struct ServerOptions {
  std::string listen;                  // "127.0.0.1:8080", "[::1]:8080", port 0 picks a free one
  std::size_t connections_max = 4000;  // past that: 503 at once
  std::size_t threads = 64;            // for handlers; so many are kept once they were needed
  std::size_t threads_max = 512;       // grown to under load; past that: 503 at once
  std::size_t body_bytes_max = limits::kBodyBytesMax;
  std::chrono::milliseconds read_timeout{3000};      // for the head; for each piece of the body
  std::chrono::milliseconds request_timeout{10000};  // for the whole request to arrive
  std::chrono::milliseconds keep_alive_timeout{5000};
  std::size_t keep_alive_requests_max = 1000000;
};

class Server {
 public:
  explicit Server(ServerOptions options);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Before start(). A path with another method than the ones given answers 405, an unknown path 404.
  void get(std::string path, Handler handler);
  void post(std::string path, Handler handler, BodyRules rules = {});
  // For handlers that hand their work to another thread: waiting takes none. When no answer came within
  // `patience`, it is `when_late()`, called on any thread.
  void post_later(std::string path, LaterHandler handler, std::chrono::milliseconds patience,
                  std::function<Response()> when_late);
  void stream(std::string path, StreamHandler handler);  // GET, text/event-stream
  // Every path that begins with `prefix` and has no route of its own; with another method it is unknown.
  void get_below(std::string prefix, Handler handler);
  // For every method and path that matches no other route (the sandbox's cloud APIs with parameters in the
  // path).
  void fallback(Handler handler);

  // Binds and serves on threads of its own. The error names the address. Nobody else may listen on the same
  // port.
  Result<int> start();  // the port
  // No new connections; waits for the requests under way, not for idle clients. Idempotent, and final.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kefu::http
