#include "lib/http/server.h"

#include <sys/socket.h>

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "lib/http/answer.h"
#include "lib/http/body.h"
#include "lib/http/connection.h"
#include "lib/http/file_answer.h"
#include "lib/http/head.h"
#include "lib/http/reception.h"
#include "lib/http/thread_pool.h"
#include "lib/ops/log.h"

namespace kefu::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kLinger = 1s;
// More is read on a thread: to understand it would keep all others waiting, and of many unfinished ones the
// bytes would fill the memory.
constexpr std::size_t kSmallBodyBytes = 64 << 10;

struct Route {
  std::map<std::string, Handler, std::less<>> handlers;  // by method
  StreamHandler stream;
  std::optional<LaterRoute> later;  // of POST, which has a handler as well that waits for it
  BodyRules body{};
};

Response call(const Handler& handler, const Request& request) {
  try {
    return handler(request);
  } catch (...) {
    return answer_to_failure(request);
  }
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
            {[this](std::string_view received, std::size_t searched) { return plan(received, searched); },
             [this](GuestPtr guest, Plan plan) {
               on_thread(std::move(guest),
                         [this, plan = std::move(plan)](Guest& one) { return serve(one, plan); });
             },
             [this](GuestPtr guest) { on_thread(std::move(guest), [](Guest& one) { return give_up(one); }); },
             [this](GuestPtr guest) {
               on_thread(std::move(guest), [](Guest& one) { return one.connection.flush(); });
             }},
            stop) {}

  const ServerOptions options;
  std::map<std::string, Route, std::less<>> routes;
  std::map<std::string, Handler, std::less<>> below;  // by prefix
  Handler fallback;
  StopSignal stop;
  ThreadPool pool;
  Reception reception;
  bool started = false;

  Plan plan(std::string_view received, std::size_t searched) const;
  // `act` says whether the guest may stay.
  void on_thread(GuestPtr guest, std::function<bool(Guest&)> act);
  bool serve(Guest& guest, const Plan& plan);
  static bool give_up(Guest& guest);
  bool process(Guest& guest, const Head& head, const Handler& handler, std::size_t bytes_max);
  void run_stream(Connection& connection, const Head& head, const StreamHandler& handler) const;

  const Route* route_of(const std::string& path) const;
  const Handler* handler_of(const Route* route, std::string_view method, std::string_view path) const;
  BodyRules body_rules_of(const Route* route) const;
};

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

// Waits for nobody who reads slowly: the spare thread is one for all.
void turn_away(Connection& connection) {
  if (connection.flush_now() != Connection::Flushed::all) return;  // the rest of an answer cannot go out
  connection.write(bare_answer(503, "Retry-After: 1\r\n"));
  if (connection.flush_now() == Connection::Flushed::all) connection.linger(20ms);
}

bool is_compressed(const Head& head) {
  return !head.content_encoding.empty() && head.content_encoding != "identity";
}

Unfolded read_body(Connection& connection, const Head& head, std::size_t bytes_max,
                   const ServerOptions& options) {
  const auto deadline = steady_clock::now() + options.request_timeout;
  ArrivingBody body(head, bytes_max);
  for (;;) {
    connection.consume(body.take(connection.received()));
    if (body.refusal() != 0) return {body.refusal(), {}};
    if (body.complete()) break;
    if (!connection.receive_more(std::min(deadline, steady_clock::now() + options.read_timeout)))
      return {400, {}};
  }
  if (is_compressed(head) && !body.bytes().empty()) return unfold(body.bytes(), bytes_max);
  return {0, body.release()};
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
Plan Server::Impl::plan(std::string_view received, std::size_t searched) const {
  const auto end = head_end(received, searched);
  Plan plan;
  Head& head = plan.head;
  if (end) head = parse_head(received.substr(0, *end));
  const auto head_bytes = end.value_or(received.size());
  if (!end || head_bytes > kHeadBytesMax)
    head.refusal = refusal_of_growing_head(received.substr(0, head_bytes));
  if (!end && head.refusal == 0) return plan;
  plan.kind = Plan::Kind::elsewhere;
  plan.bytes = plan.head_bytes = head_bytes;
  if (head.refusal != 0 || head.chunked || head.expects_continue) return plan;
  const auto path = parse_target(head.target).path;
  const Route* route = route_of(path);
  if (handler_of(route, head.method, path) == nullptr) return plan;
  const auto rules = body_rules_of(route);
  if (refusal_of_body(head, rules) != 0 || head.content_length > kSmallBodyBytes) return plan;
  plan.bytes += head.content_length;
  if (plan.bytes > received.size()) {
    plan.kind = Plan::Kind::wait;
  } else if (route != nullptr && route->later && head.method == "POST" && head.content_encoding.empty()) {
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
    if (welcome == ThreadPool::Welcome::turn_away) return turn_away(guest_here->connection);
    const bool stays = act(*guest_here);
    pool.count_me_idle();  // before the client sees what it waits for and comes again
    if (stays) reception.take(std::move(guest_here));
  });
}

bool Server::Impl::give_up(Guest& guest) {
  refuse(guest.connection, 400);
  return false;
}

// False: the connection ends.
bool Server::Impl::serve(Guest& guest, const Plan& plan) {
  Connection& connection = guest.connection;
  const Head& head = plan.head;
  --guest.requests_left;
  connection.consume(plan.head_bytes);
  const auto refused = [&connection](int status, std::string_view more_headers = {}) {
    refuse(connection, status, more_headers);
    return false;
  };
  if (head.refusal != 0) return refused(head.refusal);
  const auto path = parse_target(head.target).path;
  const Route* route = route_of(path);
  if (route != nullptr && route->stream && head.method == "GET") {
    run_stream(connection, head, route->stream);
    return false;
  }
  const Handler* handler = handler_of(route, head.method, path);
  if (handler == nullptr) return route != nullptr ? refused(405, allow_header(*route)) : refused(404);
  const BodyRules rules = body_rules_of(route);
  if (const int refusal = refusal_of_body(head, rules)) return refused(refusal);
  return process(guest, head, *handler, rules.bytes_max);
}

// False: the connection ends.
bool Server::Impl::process(Guest& guest, const Head& head, const Handler& handler, std::size_t bytes_max) {
  Connection& connection = guest.connection;
  if (head.expects_continue) connection.write("HTTP/1.1 100 Continue\r\n\r\n");
  if (!connection.flush()) return false;
  auto body = read_body(connection, head, bytes_max, options);
  if (body.refusal != 0) {
    refuse(connection, body.refusal);
    return false;
  }
  const auto response = call(handler, request_of(head, connection.remote_address(), std::move(body.bytes)));
  if (response.hang_up) {
    const linger at_once{1, 0};
    setsockopt(connection.socket(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return false;
  }
  const bool closes = guest.requests_left == 0 || !head.keep_alive || stop.raised();
  const KeepAlive keep_alive{closes, options.keep_alive_timeout, guest.requests_left};
  const bool sent = response.file && response.status == 200
                        ? send_file(connection, head, response, keep_alive)
                        : send(connection, head, response, keep_alive);
  return sent && !closes;
}

void Server::Impl::run_stream(Connection& connection, const Head& head, const StreamHandler& handler) const {
  connection.write(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nX-Accel-Buffering: "
      "no\r\n"
      "Connection: close\r\n\r\n");
  if (!connection.flush()) return;
  const StreamSink sink = [&connection](std::string_view bytes) {
    if (connection.stopping() || connection.peer_is_gone()) return false;
    connection.write(bytes);
    return connection.flush();
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
  if (impl_->stop.raised()) return Error{"cannot listen on " + impl_->options.listen + ": stopped already"};
  auto listener = Listener::open(impl_->options.listen);
  if (!listener) return Error{listener.error()};
  const int port = listener->port();
  impl_->reception.start(std::move(*listener));
  impl_->started = true;
  return port;
}

void Server::stop() {
  impl_->stop.raise();
  if (!std::exchange(impl_->started, false)) return;
  impl_->reception.join();
  impl_->pool.join();
}

}  // namespace kefu::http
