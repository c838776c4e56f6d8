// A gateway of another version, or one that says what ours would say in minutes only: by hand, with one relay
// of ours at it.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "kefu/v1/work.pb.h"
#include "tests/process/stack.h"

namespace kefu::test {

inline std::optional<std::string> receive(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::rcvtimeo, static_cast<int>(20000));
  zmq::message_t frame;
  return socket.recv(frame) ? std::optional(frame.to_string()) : std::nullopt;
}

class OtherGateway {
 public:
  static inline const std::string kCustomer = "oAlice_0123456789-abcdefghij";

  OtherGateway() {
    socket_.set(zmq::sockopt::linger, 0);
    const std::string endpoint = "tcp://127.0.0.1:" + std::to_string(free_port());
    socket_.bind(endpoint);
    auto settings = stack.environment("relay", ops_port_);
    settings["KEFU_QUEUE_CONNECT"] = endpoint;
    relay = std::make_unique<Process>("kefu-relay", settings);
  }

  v1::FromWorker hear(v1::FromWorker::MessageCase wanted) {
    v1::FromWorker message;
    do {
      const auto route = receive(socket_);
      REQUIRE_MESSAGE(route.has_value(), relay->output());
      route_ = *route;
      const auto bytes = receive(socket_);
      REQUIRE(bytes.has_value());
      REQUIRE(message.ParseFromString(*bytes));
    } while (message.message_case() != wanted);
    return message;
  }
  void say(const v1::ToWorker& message) { say(message.SerializeAsString()); }
  void say(const std::string& bytes) {
    socket_.send(zmq::buffer(route_), zmq::send_flags::sndmore);
    socket_.send(zmq::buffer(bytes), zmq::send_flags::none);
  }
  // As a gateway that knows nothing of journals' identities.
  void welcome() {
    v1::ToWorker message;
    message.mutable_welcome()->set_epoch(1);
    message.mutable_welcome()->set_known(true);
    say(message);
  }
  static v1::ToWorker delivery(std::uint64_t id, const std::string& text) {
    v1::ToWorker message;
    auto& delivery = *message.mutable_delivery();
    delivery.mutable_event()->set_id(id);
    delivery.mutable_event()->set_queue(v1::QUEUE_RELAY);
    delivery.mutable_event()->set_customer(kCustomer);
    delivery.mutable_event()->mutable_customer_message()->set_text(text);
    delivery.mutable_event()->mutable_customer_message()->set_msg_seq(7);
    delivery.mutable_event()->mutable_customer_message()->set_msg_random(8);
    delivery.set_lease(id + 1000);
    delivery.set_attempt(1);
    delivery.set_start_by_ms(std::int64_t{1} << 50);
    delivery.set_epoch(1);
    delivery.set_im_user(kCustomer);
    delivery.set_agent("agent1");
    return message;
  }
  Answer readiness() const {
    const auto client = kefu::http::Client::make("http://127.0.0.1:" + std::to_string(ops_port_));
    const auto result = (*client)->get("/readyz", std::chrono::seconds(5));
    return {result.status, result.body};
  }

  Stack stack;  // its clouds
  std::unique_ptr<Process> relay;

 private:
  const int ops_port_ = free_port();
  zmq::context_t context_;
  zmq::socket_t socket_{context_, zmq::socket_type::router};
  std::string route_;
};

}  // namespace kefu::test
