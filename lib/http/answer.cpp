#include "lib/http/answer.h"

#include <exception>
#include <utility>

#include "lib/ops/log.h"

namespace kefu::http {
namespace {

std::string status_line(int status) {
  std::string line = "HTTP/1.1 " + std::to_string(status) + " ";
  return line.append(reason_phrase(status)).append("\r\n");
}

void add_header(std::string& to, std::string_view name, std::string_view value) {
  if (value.find_first_of("\r\n") != std::string_view::npos) return;  // it would be another header
  to.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

Request request_of(const Head& head, const std::string& remote_address, std::string body) {
  Target target = parse_target(head.target);
  return {head.method,     std::move(target.path), std::move(target.query),
          std::move(body), remote_address,         head.content_type,
          head.chunked};
}

Response answer_to_failure(const Request& request) {
  try {
    throw;
  } catch (const std::exception& e) {
    log::error("an HTTP handler failed", {{"path", request.path}, {"why", e.what()}});
  } catch (...) {
    log::error("an HTTP handler failed", {{"path", request.path}});
  }
  return {500, "Internal Server Error\n"};
}

std::string bare_answer(int status, std::string_view more_headers) {
  const auto reason = reason_phrase(status);
  auto text = status_line(status);
  add_header(text, "Content-Type", "text/plain; charset=utf-8");
  add_header(text, "Content-Length", std::to_string(reason.size() + 1));
  text.append(more_headers);
  return text.append("Connection: close\r\n\r\n").append(reason).append("\n");
}

std::string answer_head(const Response& response, std::uint64_t body_bytes, const KeepAlive& keep_alive) {
  auto text = status_line(response.status);
  add_header(text, "Content-Type", response.content_type);
  add_header(text, "Content-Length", std::to_string(body_bytes));
  for (const auto& [name, value] : response.headers) add_header(text, name, value);
  if (keep_alive.closes) return text.append("Connection: close\r\n\r\n");
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(keep_alive.timeout).count();
  add_header(text, "Keep-Alive",
             "timeout=" + std::to_string(seconds) + ", max=" + std::to_string(keep_alive.requests_left));
  return text.append("\r\n");
}

bool send(Connection& connection, const Head& head, const Response& response, const KeepAlive& keep_alive) {
  connection.write(answer_head(response, response.body.size(), keep_alive));
  if (head.method != "HEAD") connection.write(response.body);
  return connection.flush();
}

}  // namespace kefu::http
