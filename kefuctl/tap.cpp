#include "kefuctl/tap.h"

#include <cerrno>
#include <vector>
#include <zmq.hpp>
#include <zmq_addon.hpp>

namespace kefu::ctl {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 250ms;
constexpr auto kPatience =
    2000ms;  // silence of the network, not of the events, before we say that nobody is there

// Whether somebody took our connection.
class ConnectionWatch : public zmq::monitor_t {
 public:
  bool connected = false;
  void on_event_connected(const zmq_event_t& /*event*/, const char* /*address*/) override {
    connected = true;
  }
};

bool wait_for_message(zmq::socket_t& socket) {
  zmq::pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
  try {
    return zmq::poll(&item, 1, kLook) > 0;
  } catch (const zmq::error_t& error) {
    if (error.num() == EINTR) return false;
    throw;
  }
}

}  // namespace

Result<std::uint64_t> watch_tap(const TapOptions& options, const std::function<bool()>& stop,
                                const std::function<void(const std::string&)>& print,
                                const std::function<void(const std::string&)>& warn) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::sub);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::subscribe, options.filter.topic());
  ConnectionWatch connection;
  connection.init(socket, "inproc://tap-connection", ZMQ_EVENT_CONNECTED);
  try {
    socket.connect(options.connect);
  } catch (const zmq::error_t& error) {
    return Error{"'" + options.connect + "' is not an address such as tcp://127.0.0.1:5556 (" + error.what() +
                 ")"};
  }

  const auto began = std::chrono::steady_clock::now();
  bool warned = false;
  std::uint64_t count = 0;
  while (!stop() && (options.count_max == 0 || count < options.count_max)) {
    const bool came = wait_for_message(socket);
    while (!connection.connected && connection.check_event(0)) {
    }
    if (!connection.connected && !warned && std::chrono::steady_clock::now() - began > kPatience) {
      warned = true;
      warn("nobody answers at " + options.connect +
           " yet, still trying. Is kefu-gateway running, and is this its KEFU_TAP_LISTEN?");
    }
    if (!came) continue;
    std::vector<zmq::message_t> frames;
    const bool whole = zmq::recv_multipart(socket, std::back_inserter(frames)).has_value();
    if (!whole || frames.size() < 2) continue;
    const std::string step = frames[1].to_string();
    if (!options.filter.lets_pass(step)) continue;
    print(step);
    ++count;
  }
  return count;
}

}  // namespace kefu::ctl
