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

struct Route {
  std::map<std::string, Handler, std::less<>> handlers;  // by method
  StreamHandler stream;
  std::optional<LaterRoute> later;  // of POST, which has a handler as well that waits for it
  EarlyCheck early_check;           // of POST; may be none
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

// For bodies that are large or compressed, which are served on a thread.
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
        reception({options.keep_alive_timeout, options.read_timeout, options.request_timeout,
                   options.connections_max, options.keep_alive_requests_max,
                   options.unauthenticated_bytes_max, std::max<std::size_t>(options.connections_max / 2, 1)},
                  {[this](const Connection& connection, std::size_t searched) {
                     return plan(connection, searched);
                   },
                   [this](GuestPtr guest, Arrived arrived) {
                     const auto request = std::make_shared<Arrived>(std::move(arrived));
                     on_thread(std::move(guest),
                               [this, request](Guest& one) { return serve(one, *request); });
                   },
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

  Plan plan(const Connection& connection, std::size_t searched) const;
  void plan_request(const Connection& connection, Plan& plan) const;
  void check_early(const Connection& connection, const Route& route, Plan& plan) const;
  // `act` says whether the guest may stay.
  void on_thread(GuestPtr guest, std::function<bool(Guest&)> act);
  bool serve(Guest& guest, Arrived& arrived);
  bool answer(Guest& guest, const Head& head, const Response& response);
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

bool is_compressed(const Head& head) {
  return !head.content_encoding.empty() && head.content_encoding != "identity";
}

std::string allow_header(const Route& route) {
  std::string methods = route.stream ? "GET" : "";
  for (const auto& [method, handler] : route.handlers) {
    if (!methods.empty()) methods += ", ";
    methods += method;
  }
  return "Allow: " + methods + "\r\n";
}

void refuse(Plan& plan, std::string answer) {
  plan.kind = Plan::Kind::refuse;
  plan.refusal = std::move(answer);
}

Plan Server::Impl::plan(const Connection& connection, std::size_t searched) const {
  const auto received = connection.received();
  const auto end = head_end(received, searched);
  Plan plan;
  plan.head_bytes = end.value_or(received.size());
  int refusal = 0;
  if (end) {
    plan.head = parse_head(received.substr(0, *end));
    refusal = plan.head.refusal;
  }
  if (!end || *end > kHeadBytesMax) refusal = refusal_of_growing_head(received.substr(0, plan.head_bytes));
  if (refusal != 0) {
    refuse(plan, bare_answer(refusal));
  } else if (end) {
    plan_request(connection, plan);
  }
  return plan;
}

void Server::Impl::plan_request(const Connection& connection, Plan& plan) const {
  Head& head = plan.head;
  plan.kind = Plan::Kind::receive;
  const auto path = parse_target(head.target).path;
  const Route* route = route_of(path);
  if (route != nullptr && route->stream && head.method == "GET") {
    // A body would not be read, for the connection ends with the stream.
    head.chunked = head.expects_continue = false;
    head.content_length = 0;
    return;
  }
  if (handler_of(route, head.method, path) == nullptr) {
    return refuse(plan, route != nullptr ? bare_answer(405, allow_header(*route)) : bare_answer(404));
  }
  const auto rules = body_rules_of(route);
  plan.body_bytes_max = rules.bytes_max;
  if (const int refusal = refusal_of_body(head, rules)) return refuse(plan, bare_answer(refusal));
  if (route == nullptr || head.method != "POST") return;
  if (route->later && !is_compressed(head)) plan.later = &*route->later;
  if (route->early_check) check_early(connection, *route, plan);
}

void Server::Impl::check_early(const Connection& connection, const Route& route, Plan& plan) const {
  const Head& head = plan.head;
  const auto arrived = connection.received().size() - plan.head_bytes;
  if (!head.chunked && head.content_length <= arrived) return;  // its handler sees it now
  const auto request = request_of(head, connection.remote_address(), {});
  EarlyVerdict verdict;
  try {
    verdict = route.early_check(request);
  } catch (...) {
    verdict = {EarlyVerdict::Kind::refused, answer_to_failure(request)};
  }
  plan.authentic = verdict.kind == EarlyVerdict::Kind::authentic;
  if (verdict.kind != EarlyVerdict::Kind::refused) return;
  const auto& response = verdict.refusal;
  refuse(plan, answer_head(response, response.body.size(), {.closes = true}) + response.body);
}

void Server::Impl::on_thread(GuestPtr guest, std::function<bool(Guest&)> act) {
  // Jobs are copied, guests are not.
  auto box = std::make_shared<GuestPtr>(std::move(guest));
  const bool runs = pool.run([this, box, act = std::move(act)] {
    auto guest_here = std::move(*box);
    const bool stays = act(*guest_here);
    pool.count_me_idle();  // before the client sees what it waits for and comes again
    if (stays) reception.take(std::move(guest_here));
  });
  if (runs) return;
  // When the rest of an answer waits, nothing can be said behind it.
  if ((*box)->connection.flush_now() != Connection::Flushed::all) return;
  (*box)->connection.write(bare_answer(503, "Retry-After: 1\r\n"));
  (*box)->is_refused = true;
  reception.take(std::move(*box));
}

// False: the connection ends.
bool Server::Impl::serve(Guest& guest, Arrived& arrived) {
  const Head& head = arrived.head;
  Connection& connection = guest.connection;
  --guest.requests_left;
  const auto path = parse_target(head.target).path;
  const Route* route = route_of(path);
  if (route != nullptr && route->stream && head.method == "GET") {
    run_stream(connection, head, route->stream);
    return false;
  }
  if (is_compressed(head) && !arrived.body.empty()) {
    auto unfolded = unfold(arrived.body, body_rules_of(route).bytes_max);
    if (unfolded.refusal != 0) {
      connection.write(bare_answer(unfolded.refusal));
      guest.is_refused = true;
      return true;
    }
    arrived.body = std::move(unfolded.bytes);
  }
  const Handler& handler = *handler_of(route, head.method, path);  // the plan has seen it
  return answer(guest, head,
                call(handler, request_of(head, connection.remote_address(), std::move(arrived.body))));
}

// False: the connection ends.
bool Server::Impl::answer(Guest& guest, const Head& head, const Response& response) {
  Connection& connection = guest.connection;
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
void Server::check_early(const std::string& path, EarlyCheck check) {
  impl_->routes[path].early_check = std::move(check);
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
