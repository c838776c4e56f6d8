// One question to the gateway's admin socket, one answer (contract §7). Over ZeroMQ REQ, with a time limit
// over everything.
#pragma once

#include <chrono>
#include <string>

namespace kefu::ctl {

struct Answer {
  enum class Kind {
    accepted,    // {"ok":true, …}
    refused,     // {"ok":false,"error":"…"}
    none,        // nobody answered in time, or what came is not an answer
    bad_address  // `connect` is no endpoint that ZeroMQ understands
  };
  Kind kind = Kind::none;
  std::string json;   // accepted and refused: the answer as it came
  std::string error;  // all but accepted: one line for people, with the address where that helps
};

// `question` is one JSON object; `connect` an endpoint such as tcp://127.0.0.1:5557.
Answer ask(const std::string& connect, const std::string& question, std::chrono::milliseconds limit);

// Empty when ZeroMQ understands the address, else what is wrong with it. Connects to nobody.
std::string endpoint_problem(const std::string& connect);

}  // namespace kefu::ctl
