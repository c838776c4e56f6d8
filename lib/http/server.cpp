#include "lib/http/server.h"

#include <fcntl.h>
#include <httplib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <future>
#include <map>
#include <memory>
#include <thread>

#include "lib/http/answer.h"
#include "lib/http/connection.h"
#include "lib/http/head.h"
#include "lib/http/range.h"
#include "lib/http/reception.h"
#include "lib/http/thread_pool.h"
#include "lib/ops/log.h"

namespace kefu::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr int kBacklog = 511;
constexpr auto kLinger = 1s;
constexpr std::size_t kSmallBodyBytes = 64 << 10;  // reading a larger one would keep all others waiting
// A reader of a file who is slower than this holds a thread for nothing.
constexpr std::uint64_t kFileBytesPerSecondMin = 16 << 10;
constexpr auto kFilePatience = 10s;
constexpr std::size_t kFilePieceBytes = 64 << 10;

// httplib asks 0.11.4's enqueue for nothing and later ones' for a bool.
using Enqueued = decltype(std::declval<httplib::TaskQueue&>().enqueue(std::function<void()>()));

// One request on its way through the library.
struct Exchange {
  const Head* head = nullptr;
  Connection* connection = nullptr;
  const Handler* handler = nullptr;
  std::size_t body_bytes_max = 0;
  Connection::Deadline deadline;
  std::chrono::milliseconds read_timeout{};
  bool must_close = false;
  bool hang_up = false;
};

// The library hands its Request to handlers, not the connection it came on.
thread_local Exchange* current_exchange = nullptr;

// What the library reads: a head of our making with nothing in it but the framing of the body, then the body
// as it comes. So no header of a stranger reaches the parts of the library that decode, compress, cut ranges
// or trust REMOTE_ADDR.
class ExchangeStream : public httplib::Stream {
 public:
  explicit ExchangeStream(Exchange& exchange) : exchange_(exchange), head_(framing_of(*exchange.head)) {}

  bool is_readable() const override { return true; }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip = exchange_.connection->remote_address();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  socket_t socket() const override { return exchange_.connection->socket(); }

  ssize_t read(char* to, size_t size) override {
    if (head_read_ < head_.size()) {
      const auto bytes = head_.copy(to, size, head_read_);
      head_read_ += bytes;
      return static_cast<ssize_t>(bytes);
    }
    return read_body(to, size);
  }

  ssize_t write(const char* from, size_t size) override {
    return exchange_.connection->write({from, size}) ? static_cast<ssize_t>(size) : -1;
  }

  // Which of these the base has depends on the library's version, so none can be marked.
  // NOLINTBEGIN(modernize-use-override)
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winconsistent-missing-override"
#endif
  bool is_writable() const {
    return true;
  }
  bool wait_readable() const {
    return true;
  }
  bool wait_writable() const {
    return true;
  }
  time_t duration() const {
    return 0;
  }
#ifdef __clang__
#pragma clang diagnostic pop
#endif
  // NOLINTEND(modernize-use-override)

 private:
  static std::string framing_of(const Head& head) {
    if (head.chunked || head.content_length > 0) {
      std::string text = "POST / HTTP/1.1\r\n";
      text += head.chunked ? "Transfer-Encoding: chunked"
                           : "Content-Length: " + std::to_string(head.content_length);
      if (!head.content_encoding.empty()) text += "\r\nContent-Encoding: " + head.content_encoding;
      return text + "\r\n\r\n";
    }
    return head.method == "HEAD" ? "HEAD / HTTP/1.1\r\n\r\n" : "GET / HTTP/1.1\r\n\r\n";
  }

  ssize_t read_body(char* to, size_t size) {
    Connection& connection = *exchange_.connection;
    // Chunk lines count too, and may be as long as their sender likes.
    const std::size_t raw_bytes_max = 2 * exchange_.body_bytes_max + (64 << 10);
    if (raw_bytes_ >= raw_bytes_max) return -1;
    if (connection.received().empty()) {
      const auto deadline = std::min(exchange_.deadline, steady_clock::now() + exchange_.read_timeout);
      if (!connection.receive_more(deadline)) return -1;
    }
    const auto bytes = connection.received().copy(to, size);
    connection.consume(bytes);
    raw_bytes_ += bytes;
    return static_cast<ssize_t>(bytes);
  }

  Exchange& exchange_;
  const std::string head_;
  std::size_t head_read_ = 0;
  std::size_t raw_bytes_ = 0;
};

// Gives us each accepted socket, and the library each request.
class Listener : public httplib::Server {
 public:
  explicit Listener(std::function<void(int)> serve) : serve_(std::move(serve)) {}

  bool process(ExchangeStream& stream, bool close) { return process_with(*this, stream, close); }

 private:
  bool process_and_close_socket(socket_t socket) override {
    serve_(socket);
    return true;
  }

  // A template, because only in one is a call that does not exist a question and not an error.
  template <class Self>
  static bool process_with(Self& self, httplib::Stream& stream, bool close) {
    bool closed = false;
    const std::function<void(httplib::Request&)> no_setup;
    if constexpr (requires { self.process_request(stream, close, closed, no_setup); }) {
      return self.process_request(stream, close, closed, no_setup) && !closed;  // up to cpp-httplib 0.16
    } else {
      const std::string nobody;
      return self.process_request(stream, nobody, 0, nobody, 0, close, closed, no_setup) && !closed;
    }
  }

  std::function<void(int)> serve_;
};

// Runs what the library would give to threads at once: that is only to hand an accepted socket to us.
class AtOnce : public httplib::TaskQueue {
 public:
  Enqueued enqueue(std::function<void()> task) override {
    task();
    return static_cast<Enqueued>(true);
  }
  void shutdown() override {}
};

struct Address {
  std::string host;
  int port = 0;
};

std::optional<Address> parse_address(std::string_view listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Address address;
  auto host = listen.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  address.host = host;
  const auto digits = listen.substr(colon + 1);
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  const bool good = failure == std::errc() && end == digits.data() + digits.size() && !host.empty();
  return good && address.port >= 0 && address.port <= 65535 ? std::optional(address) : std::nullopt;
}

struct Route {
  std::map<std::string, Handler, std::less<>> handlers;  // by method
  StreamHandler stream;
  std::optional<LaterRoute> later;  // of POST, which has a handler as well that waits for it
  BodyRules body{};
};

// A handler must not take its thread with it, and nobody outside learns why it failed.
Response call(const Handler& handler, const Request& request) {
  try {
    return handler(request);
  } catch (const std::exception& e) {
    log::error("an HTTP handler failed", {{"path", request.path}, {"why", e.what()}});
  } catch (...) {
    log::error("an HTTP handler failed", {{"path", request.path}});
  }
  return {500, "Internal Server Error\n"};
}

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) return;
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  std::optional<std::uint64_t> size() const { return size_; }

  // Some bytes from there on; nothing when they cannot be read.
  std::string_view read(std::uint64_t at, std::size_t bytes_max, std::string& buffer) const {
    buffer.resize(std::min(bytes_max, kFilePieceBytes));
    ssize_t bytes = -1;
    do {
      bytes = ::pread(descriptor_, buffer.data(), buffer.size(), static_cast<off_t>(at));
    } while (bytes < 0 && errno == EINTR);
    return std::string_view(buffer).substr(0, static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)));
  }

 private:
  const int descriptor_;
  std::optional<std::uint64_t> size_;  // nothing: no file
};

// The library cuts no ranges of its own: it is told of none, and sees a body that is just so long.
void put_part(const std::shared_ptr<const OpenFile>& file, const Part& part, const Response& answer,
              const Exchange& exchange, httplib::Response& to) {
  const auto seconds = std::chrono::seconds(part.length / kFileBytesPerSecondMin);
  const auto deadline = steady_clock::now() + kFilePatience + seconds;
  to.set_content_provider(
      static_cast<std::size_t>(part.length), answer.content_type,
      [file, held = answer.file->while_sent, first = part.first, deadline, connection = exchange.connection,
       buffer = std::string()](std::size_t offset, std::size_t left, httplib::DataSink& sink) mutable {
        if (connection->stopping() || steady_clock::now() > deadline) return false;
        const auto bytes = file->read(first + offset, left, buffer);
        return !bytes.empty() && sink.write(bytes.data(), bytes.size());
      });
}

// REQUIRES: a file in the answer.
void put_file(const Response& answer, const Exchange& exchange, httplib::Response& to) {
  const auto file = std::make_shared<const OpenFile>(answer.file->path);
  const auto& etag = answer.file->etag;
  if (!file->size()) {
    to.status = 404;
    return to.set_content("Not Found\n", "text/plain; charset=utf-8");
  }
  const auto size = *file->size();
  const auto part = part_of(exchange.head->range, exchange.head->if_range, etag, size);
  to.set_header("Accept-Ranges", "bytes");
  if (!etag.empty()) to.set_header("ETag", etag);
  if (part.kind == Part::Kind::unsatisfiable) {
    to.status = 416;
    to.set_header("Content-Range", "bytes */" + std::to_string(size));
    return to.set_content("Range Not Satisfiable\n", "text/plain; charset=utf-8");
  }
  if (part.kind == Part::Kind::part) {
    to.status = 206;
    to.set_header("Content-Range", "bytes " + std::to_string(part.first) + "-" +
                                       std::to_string(part.first + part.length - 1) + "/" +
                                       std::to_string(size));
    return put_part(file, part, answer, exchange, to);
  }
  if (size == 0) return to.set_content("", answer.content_type);
  put_part(file, {Part::Kind::whole, 0, size}, answer, exchange, to);
}

void put(const Response& answer, Exchange& exchange, httplib::Response& to) {
  exchange.hang_up = answer.hang_up;
  to.status = answer.status;
  if (answer.file && answer.status == 200) {
    put_file(answer, exchange, to);
  } else {
    to.set_content(answer.body, answer.content_type);
  }
  for (const auto& [name, value] : answer.headers) to.set_header(name, value);
  if (exchange.must_close) to.set_header("Connection", "close");
}

// Bodies of strangers end at our own cap: the library's does not count chunks, nor what compressed bytes
// unfold to.
Response read_and_call(Exchange& exchange, const httplib::ContentReader& read) {
  std::string body;
  bool too_large = false;
  const bool complete = read([&](const char* data, size_t size) {
    too_large = body.size() + size > exchange.body_bytes_max;
    if (!too_large) body.append(data, size);
    return !too_large;
  });
  if (complete && !too_large)
    return call(*exchange.handler,
                request_of(*exchange.head, exchange.connection->remote_address(), std::move(body)));
  exchange.must_close = true;
  const int status = too_large ? 413 : 400;
  return {status, std::string(reason_phrase(status)) + "\n"};
}

bool is_known_encoding(const std::string& encoding) {
  return encoding.empty() || encoding == "identity" || encoding == "gzip" || encoding == "deflate";
}

bool is_multipart(std::string_view content_type) {
  constexpr std::string_view kPrefix = "multipart/";
  return content_type.size() >= kPrefix.size() &&
         std::equal(kPrefix.begin(), kPrefix.end(), content_type.begin(),
                    [](char a, char b) { return a == b || (b >= 'A' && b <= 'Z' && a == b - 'A' + 'a'); });
}

// For bodies that do not come in one piece with their length, and so go another way.
Response wait_for(const LaterRoute& route, const Request& request) {
  auto answered = std::make_shared<std::promise<Response>>();
  auto answer = answered->get_future();
  route.handler(request, [answered](Response response) { answered->set_value(std::move(response)); });
  return answer.wait_for(route.patience) == std::future_status::ready ? answer.get() : route.when_late();
}

}  // namespace

std::optional<std::string> Request::parameter(std::string_view name) const {
  std::optional<std::string> found;
  for (const auto& [key, value] : query) {
    if (key != name) continue;
    if (found) return std::nullopt;
    found = value;
  }
  return found;
}

struct Server::Impl {
  explicit Impl(ServerOptions given)
      : options(std::move(given)),
        pool(options.threads, options.threads_max),
        reception(
            {options.keep_alive_timeout, options.read_timeout, options.request_timeout,
             options.connections_max, options.keep_alive_requests_max},
            {[this](std::string_view received) { return plan(received); },
             [this](GuestPtr guest) {
               on_thread(std::move(guest), [this](Guest& one) { return serve(one); });
             },
             [this](GuestPtr guest) { on_thread(std::move(guest), [](Guest& one) { return give_up(one); }); },
             [this](GuestPtr guest) {
               on_thread(std::move(guest), [](Guest& one) { return one.connection.flush(); });
             }},
            stop),
        listener([this](int socket) {
          reception.take(std::make_unique<Guest>(socket, stop, options.keep_alive_requests_max));
        }) {}

  const ServerOptions options;
  std::map<std::string, Route, std::less<>> routes;
  std::map<std::string, Handler, std::less<>> below;  // by prefix
  Handler fallback;
  StopSignal stop;
  ThreadPool pool;
  Reception reception;
  Listener listener;
  int listening_socket = -1;
  std::thread acceptor;
  std::atomic<bool> accepting_ended = false;

  void set_up_library();
  Result<int> bind(const Address& address);
  void accept_until_stopped(const Address& address);

  Plan plan(std::string_view received) const;
  // `act` says whether the guest may stay.
  void on_thread(GuestPtr guest, std::function<bool(Guest&)> act);
  bool serve(Guest& guest);
  static bool give_up(Guest& guest);
  bool serve_request(Connection& connection, bool last);
  std::optional<Head> read_head(Connection& connection, Connection::Deadline deadline) const;
  bool process(Connection& connection, const Head& head, const Handler& handler, std::size_t body_bytes_max,
               Connection::Deadline deadline, bool last);
  void run_stream(Connection& connection, const Head& head, const StreamHandler& handler) const;

  const Route* route_of(const std::string& path) const;
  const Handler* handler_of(const Route* route, std::string_view method, std::string_view path) const;
  BodyRules body_rules_of(const Route* route) const;
};

void Server::Impl::set_up_library() {
  listener.new_task_queue = [] { return new AtOnce; };  // the library deletes it
  listener.set_socket_options([this](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);  // not SO_REUSEPORT: one process a port
    listening_socket = socket;
  });
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.keep_alive_timeout).count();
  listener.set_keep_alive_timeout(static_cast<time_t>(seconds));  // for the header alone, as the count
  listener.set_keep_alive_max_count(options.keep_alive_requests_max);
  listener.Get("/", [](const httplib::Request&, httplib::Response& to) {
    Exchange& exchange = *current_exchange;
    put(call(*exchange.handler, request_of(*exchange.head, exchange.connection->remote_address(), {})),
        exchange, to);
  });
  listener.Post("/", [](const httplib::Request&, httplib::Response& to, const httplib::ContentReader& read) {
    Exchange& exchange = *current_exchange;
    const Response answer = read_and_call(exchange, read);  // may decide that the connection must close
    put(answer, exchange, to);
  });
}

Result<int> Server::Impl::bind(const Address& address) {
  errno = 0;
  int port = address.port;
  if (port == 0) {
    port = listener.bind_to_any_port(address.host);
  } else if (!listener.bind_to_port(address.host, port)) {
    port = -1;
  }
  // The library's own backlog of 5 refuses bursts.
  if (port <= 0 || ::listen(listening_socket, kBacklog) != 0) {
    const std::string why = errno != 0 ? std::strerror(errno) : "no such address";
    return Error{"cannot listen on " + options.listen + ": " + why};
  }
  return port;
}

void Server::Impl::accept_until_stopped(const Address& address) {
  while (!stop.raised()) {
    listener.listen_after_bind();
    if (stop.raised()) break;
    // The library gives up on errors that pass, such as a lack of descriptors in the whole system.
    log::error("accepting connections failed, trying again", {{"listen", options.listen}});
    std::this_thread::sleep_for(200ms);
    if (!stop.raised() && !bind(address)) std::this_thread::sleep_for(800ms);
  }
  accepting_ended = true;
}

const Route* Server::Impl::route_of(const std::string& path) const {
  const auto found = routes.find(path);
  return found != routes.end() ? &found->second : nullptr;
}

const Handler* Server::Impl::handler_of(const Route* route, std::string_view method,
                                        std::string_view path) const {
  if (route != nullptr) {
    const auto found = route->handlers.find(method == "HEAD" ? "GET" : method);
    if (found != route->handlers.end()) return &found->second;
  } else if (method == "GET" || method == "HEAD") {
    for (auto at = below.rbegin(); at != below.rend(); ++at) {  // the longest prefix first
      if (path.substr(0, at->first.size()) == at->first) return &at->second;
    }
  }
  return fallback ? &fallback : nullptr;
}

BodyRules Server::Impl::body_rules_of(const Route* route) const {
  BodyRules rules = route != nullptr ? route->body : BodyRules{};
  if (rules.bytes_max == 0) rules.bytes_max = options.body_bytes_max;
  return rules;
}

int refusal_of_body(const Head& head, const BodyRules& rules) {
  if (head.content_length > rules.bytes_max) return 413;
  if (!rules.multipart && is_multipart(head.content_type)) return 415;
  return is_known_encoding(head.content_encoding) ? 0 : 415;
}

void refuse(Connection& connection, int status, std::string_view more_headers = {}) {
  connection.write(bare_answer(status, more_headers));
  connection.linger(kLinger);
}

std::string allow_header(const Route& route) {
  std::string methods = route.stream ? "GET" : "";
  for (const auto& [method, handler] : route.handlers) {
    if (!methods.empty()) methods += ", ";
    methods += method;
  }
  return "Allow: " + methods + "\r\n";
}

// What is simple and answered later is begun at once; all else is worth a thread.
Plan Server::Impl::plan(std::string_view received) const {
  const auto end = head_end(received);
  if (!end) return {refusal_of_growing_head(received) == 0 ? Plan::Kind::wait : Plan::Kind::elsewhere};
  Plan plan{Plan::Kind::elsewhere, *end, parse_head(received.substr(0, *end)), *end};
  const Head& head = plan.head;
  if (head.refusal != 0 || *end > kHeadBytesMax || head.chunked || head.expects_continue) return plan;
  const Route* route = route_of(parse_target(head.target).path);
  const auto rules = body_rules_of(route);
  if (refusal_of_body(head, rules) != 0) return plan;
  plan.bytes += head.content_length;
  if (plan.bytes > received.size()) {
    plan.kind = Plan::Kind::wait;
  } else if (route != nullptr && route->later && head.method == "POST" && head.content_encoding.empty() &&
             head.content_length <= kSmallBodyBytes) {
    plan.kind = Plan::Kind::answer_later;
    plan.route = &*route->later;
  }
  return plan;
}

void Server::Impl::on_thread(GuestPtr guest, std::function<bool(Guest&)> act) {
  // Jobs are copied, guests are not.
  auto box = std::make_shared<GuestPtr>(std::move(guest));
  pool.run([this, box = std::move(box), act = std::move(act)](ThreadPool::Welcome welcome) {
    auto guest_here = std::move(*box);
    if (welcome == ThreadPool::Welcome::drop) return;
    if (welcome == ThreadPool::Welcome::turn_away) {
      guest_here->connection.write(bare_answer(503, "Retry-After: 1\r\n"));
      return guest_here->connection.linger(20ms);
    }
    const bool stays = act(*guest_here);
    pool.count_me_idle();  // before the client sees what it waits for and comes again
    if (stays) reception.take(std::move(guest_here));
  });
}

bool Server::Impl::serve(Guest& guest) {
  return serve_request(guest.connection, --guest.requests_left == 0);
}

bool Server::Impl::give_up(Guest& guest) {
  refuse(guest.connection, 400);
  return false;
}

// Nothing when the connection has to end without a word.
std::optional<Head> Server::Impl::read_head(Connection& connection, Connection::Deadline deadline) const {
  while (connection.received().substr(0, 2) == "\r\n") connection.consume(2);  // RFC 9112 §2.2
  for (;;) {
    const auto received = connection.received();
    if (const auto end = head_end(received)) {
      Head head = parse_head(received.substr(0, *end));
      if (*end > kHeadBytesMax) head.refusal = refusal_of_growing_head(received.substr(0, *end));
      connection.consume(*end);
      return head;
    }
    Head unfinished;
    unfinished.refusal = refusal_of_growing_head(received);
    if (unfinished.refusal != 0) return unfinished;
    if (!connection.receive_more(deadline)) return std::nullopt;
  }
}

// False: the connection ends.
bool Server::Impl::serve_request(Connection& connection, bool last) {
  const auto begun = steady_clock::now();
  const auto head = read_head(connection, begun + options.read_timeout);
  if (!head) return false;
  const auto refused = [&connection](int status, std::string_view more_headers = {}) {
    refuse(connection, status, more_headers);
    return false;
  };
  if (head->refusal != 0) return refused(head->refusal);
  const auto path = parse_target(head->target).path;
  const Route* route = route_of(path);
  if (route != nullptr && route->stream && head->method == "GET") {
    run_stream(connection, *head, route->stream);
    return false;
  }
  const Handler* handler = handler_of(route, head->method, path);
  if (handler == nullptr) return route != nullptr ? refused(405, allow_header(*route)) : refused(404);
  const BodyRules rules = body_rules_of(route);
  if (const int refusal = refusal_of_body(*head, rules)) return refused(refusal);
  return process(connection, *head, *handler, rules.bytes_max, begun + options.request_timeout, last);
}

bool Server::Impl::process(Connection& connection, const Head& head, const Handler& handler,
                           std::size_t body_bytes_max, Connection::Deadline deadline, bool last) {
  if (head.expects_continue && !(connection.write("HTTP/1.1 100 Continue\r\n\r\n") && connection.flush()))
    return false;
  Exchange exchange{&head, &connection, &handler, body_bytes_max, deadline, options.read_timeout};
  current_exchange = &exchange;
  ExchangeStream stream(exchange);
  const bool close = last || !head.keep_alive || stop.raised();
  const bool processed = listener.process(stream, close);
  current_exchange = nullptr;
  if (exchange.hang_up) {
    const linger at_once{1, 0};
    setsockopt(connection.socket(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return false;
  }
  if (exchange.must_close) {
    connection.linger(kLinger);
    return false;
  }
  return connection.flush() && processed && !close;
}

void Server::Impl::run_stream(Connection& connection, const Head& head, const StreamHandler& handler) const {
  connection.write(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nX-Accel-Buffering: "
      "no\r\n"
      "Connection: close\r\n\r\n");
  if (!connection.flush()) return;
  const StreamSink sink = [&connection](std::string_view bytes) {
    return !connection.stopping() && !connection.peer_is_gone() && connection.write(bytes) &&
           connection.flush();
  };
  try {
    handler(request_of(head, connection.remote_address(), {}), sink);
  } catch (const std::exception& e) {
    log::error("an HTTP stream failed", {{"why", e.what()}});
  }
}

Server::Server(ServerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Server::~Server() {
  stop();
}

void Server::get(std::string path, Handler handler) {
  impl_->routes[std::move(path)].handlers["GET"] = std::move(handler);
}
void Server::post(std::string path, Handler handler, BodyRules rules) {
  Route& route = impl_->routes[std::move(path)];
  route.handlers["POST"] = std::move(handler);
  route.body = rules;
}
void Server::post_later(std::string path, LaterHandler handler, std::chrono::milliseconds patience,
                        std::function<Response()> when_late) {
  Route& route = impl_->routes[std::move(path)];
  route.later = LaterRoute{std::move(handler), patience, std::move(when_late)};
  route.handlers["POST"] = [&later = *route.later](const Request& request) {
    return wait_for(later, request);
  };
}
void Server::stream(std::string path, StreamHandler handler) {
  impl_->routes[std::move(path)].stream = std::move(handler);
}
void Server::get_below(std::string prefix, Handler handler) {
  impl_->below[std::move(prefix)] = std::move(handler);
}
void Server::fallback(Handler handler) {
  impl_->fallback = std::move(handler);
}

Result<int> Server::start() {
  const auto address = parse_address(impl_->options.listen);
  if (!address) return Error{"cannot listen on " + impl_->options.listen + ": not host:port"};
  if (impl_->stop.raised()) return Error{"cannot listen on " + impl_->options.listen + ": stopped already"};
  impl_->set_up_library();
  auto port = impl_->bind(*address);
  if (!port) return port;
  impl_->reception.start();
  impl_->acceptor = std::thread(
      [impl = impl_.get(), bound = Address{address->host, *port}] { impl->accept_until_stopped(bound); });
  while (!impl_->listener.is_running() && !impl_->accepting_ended) std::this_thread::sleep_for(1ms);
  return port;
}

void Server::stop() {
  impl_->stop.raise();
  if (!impl_->acceptor.joinable()) return;
  // A stop() that meets the library between two listens is ignored by it, so it is said until it was heard.
  while (!impl_->accepting_ended) {
    impl_->listener.stop();
    std::this_thread::sleep_for(1ms);
  }
  impl_->acceptor.join();
  impl_->reception.join();
  impl_->pool.join();
}

}  // namespace kefu::http
