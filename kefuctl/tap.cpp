#include "kefuctl/tap.h"

#include <cerrno>
#include <iterator>
#include <utility>
#include <zmq.hpp>
#include <zmq_addon.hpp>

#include "kefuctl/endpoint.h"

namespace kefu::ctl {
namespace {

class ConnectionWatch : public zmq::monitor_t {
 public:
  bool connected = false;
  void on_event_connected(const zmq_event_t& /*event*/, const char* /*address*/) override {
    connected = true;
  }
};

}  // namespace

struct TapListener::Impl {
  zmq::context_t context;
  zmq::socket_t socket{context, zmq::socket_type::sub};
  ConnectionWatch connection;
};

TapListener::TapListener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TapListener::TapListener(TapListener&&) noexcept = default;
TapListener& TapListener::operator=(TapListener&&) noexcept = default;
TapListener::~TapListener() = default;

Result<TapListener> TapListener::listen(const std::string& connect, const std::vector<std::string>& topics) {
  auto impl = std::make_unique<Impl>();
  impl->socket.set(zmq::sockopt::linger, 0);
  for (const std::string& topic : topics) impl->socket.set(zmq::sockopt::subscribe, topic);
  impl->connection.init(impl->socket, "inproc://tap-connection", ZMQ_EVENT_CONNECTED);
  try {
    impl->socket.set(zmq::sockopt::ipv6, is_ipv6(connect));
    impl->socket.connect(connect);
  } catch (const zmq::error_t& error) {
    return Error{"'" + connect + "' is not an address such as tcp://127.0.0.1:5556 (" + error.what() + ")"};
  }
  return TapListener(std::move(impl));
}

std::optional<TapListener::Message> TapListener::next(std::chrono::milliseconds wait) {
  zmq::pollitem_t item{impl_->socket.handle(), 0, ZMQ_POLLIN, 0};
  try {
    if (zmq::poll(&item, 1, wait) == 0) return std::nullopt;
  } catch (const zmq::error_t& error) {
    if (error.num() == EINTR) return std::nullopt;
    throw;
  }
  std::vector<zmq::message_t> frames;
  const bool whole = zmq::recv_multipart(impl_->socket, std::back_inserter(frames)).has_value();
  if (!whole || frames.size() < 2) return std::nullopt;
  return Message{frames[1].to_string(), frames.size() > 2 ? frames[2].to_string() : std::string()};
}

bool TapListener::connected() {
  while (!impl_->connection.connected && impl_->connection.check_event(0)) {
  }
  return impl_->connection.connected;
}

}  // namespace kefu::ctl
