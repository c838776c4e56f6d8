// Answers that are written without the library, and what a handler is asked.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "lib/http/head.h"
#include "lib/http/server.h"

namespace kefu::http {

Request request_of(const Head& head, const std::string& remote_address, std::string body);

// A whole answer of few words, after which the connection ends. `more_headers`: whole lines.
std::string bare_answer(int status, std::string_view more_headers = {});

// All of an answer but its body. REQUIRES: no file in it.
std::string answer_head(const Response& response, bool closes, std::chrono::milliseconds keep_alive,
                        std::size_t requests_left);

}  // namespace kefu::http
