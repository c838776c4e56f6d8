// How answers are written, and what a handler is asked.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/http/connection.h"
#include "lib/http/head.h"
#include "lib/http/server.h"

namespace kefu::http {

Request request_of(const Head& head, const std::string& remote_address, std::string body);

// A bare 500, and a log line that says more: nobody outside learns why a handler failed, nor does it take its
// thread with it. REQUIRES: called where its exception is caught.
Response answer_to_failure(const Request& request);

// A whole answer of few words, after which the connection ends. `more_headers`: whole lines.
std::string bare_answer(int status, std::string_view more_headers = {});

// What is said of the connection after an answer.
struct KeepAlive {
  bool closes = false;
  std::chrono::milliseconds timeout{};
  std::size_t requests_left = 0;
};

// All of an answer but its body.
std::string answer_head(const Response& response, std::uint64_t body_bytes, const KeepAlive& keep_alive);

// Sends an answer without a file; to HEAD without its body.
bool send(Connection& connection, const Head& head, const Response& response, const KeepAlive& keep_alive);

}  // namespace kefu::http
