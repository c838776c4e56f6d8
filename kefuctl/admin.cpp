#include "kefuctl/admin.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <zmq.hpp>

#include "kefuctl/endpoint.h"

namespace kefu::ctl {
namespace {

using nlohmann::json;

std::string connect_problem(zmq::socket_t& socket, const std::string& connect) {
  try {
    socket.set(zmq::sockopt::ipv6, is_ipv6(connect));
    socket.connect(connect);
    return {};
  } catch (const zmq::error_t& error) {
    return "'" + connect + "' is not an address such as tcp://127.0.0.1:5557 (" + error.what() + ")";
  }
}

Answer no_answer(const std::string& connect, const std::string& what) {
  return {Answer::Kind::none,
          {},
          "no answer from the gateway at " + connect + ": " + what +
              ". Is kefu-gateway running, and is this its KEFU_ADMIN_LISTEN? Another address: --connect or "
              "KEFU_ADMIN_CONNECT"};
}

Answer read_answer(const std::string& connect, std::string text) {
  const json answer = json::parse(text, nullptr, false);
  const auto ok = answer.is_object() ? answer.find("ok") : answer.end();
  if (!answer.is_object() || ok == answer.end() || !ok->is_boolean()) {
    return no_answer(connect, "what came back is not an answer of kefu-gateway");
  }
  if (ok->get<bool>()) return {Answer::Kind::accepted, std::move(text), {}};
  const auto error = answer.find("error");
  const bool said_why = error != answer.end() && error->is_string();
  return {Answer::Kind::refused, std::move(text),
          said_why ? error->get<std::string>() : "the gateway refused without a reason"};
}

}  // namespace

Answer ask(const std::string& connect, const std::string& question, std::chrono::milliseconds limit) {
  const auto milliseconds = static_cast<int>(limit.count());
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::req);
  socket.set(zmq::sockopt::linger, 0);  // an unsent question must not keep us here
  socket.set(zmq::sockopt::sndtimeo, milliseconds);
  socket.set(zmq::sockopt::rcvtimeo, milliseconds);
  if (std::string problem = connect_problem(socket, connect); !problem.empty()) {
    return {Answer::Kind::bad_address, {}, std::move(problem)};
  }
  try {
    zmq::message_t answer;
    const std::string silence = "silence for " + std::to_string(milliseconds) + " ms";
    if (!socket.send(zmq::buffer(question), zmq::send_flags::none)) return no_answer(connect, silence);
    if (!socket.recv(answer, zmq::recv_flags::none)) return no_answer(connect, silence);
    return read_answer(connect, answer.to_string());
  } catch (const zmq::error_t& error) {
    return no_answer(connect, error.what());
  }
}

std::string endpoint_problem(const std::string& connect) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::req);
  socket.set(zmq::sockopt::linger, 0);
  return connect_problem(socket, connect);
}

}  // namespace kefu::ctl
