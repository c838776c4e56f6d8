#include "gateway/tap.h"

#include <nlohmann/json.hpp>
#include <zmq.hpp>

#include "gateway/admin.h"

namespace kefu {

namespace {

std::string prefix_of(const Step& step) {
  return std::string(queue_name(step.event.queue())) + "." + std::string(step.name);
}

}  // namespace

TapNumbers::Numbers TapNumbers::count(const Step& step) {
  const std::string queue(queue_name(step.event.queue()));
  return {++all_, ++by_prefix_[queue], ++by_prefix_[prefix_of(step)]};
}

TapMessage TapNumbers::number(const Step& step) {
  const auto numbers = count(step);
  nlohmann::json told = {{"id", step.event.id()},
                         {"queue", queue_name(step.event.queue())},
                         {"step", step.name},
                         {"type", event_type(step.event)},
                         {"customer", step.event.customer()},
                         {"attempt", step.attempt},
                         {"at", step.at.ms},
                         {"seq", numbers.all},
                         {"queue_seq", numbers.of_queue},
                         {"step_seq", numbers.of_step}};
  if (!step.error.empty()) told["error"] = step.error;
  if (!step.worker.empty()) told["worker"] = step.worker;
  if (step.code != 0) told["code"] = step.code;
  if (step.failure != v1::FAILURE_UNSPECIFIED) told["failure"] = failure_name(step.failure);
  if (step.unsure) told["unsure"] = true;
  return {prefix_of(step) + "." + step.event.customer(),
          told.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
          step.event.SerializeAsString()};
}

Tap::Tap(zmq::context_t& context)
    : socket_(std::make_unique<zmq::socket_t>(context, zmq::socket_type::xpub)) {
  socket_->set(zmq::sockopt::xpub_nodrop, true);
}

Tap::~Tap() = default;

void Tap::take_subscriptions() {
  zmq::message_t frame;
  while (socket_->recv(frame, zmq::recv_flags::dontwait)) {
    const std::string text = frame.to_string();
    if (text.empty()) continue;
    if (text[0] == 1) subscriptions_.insert(text.substr(1));
    if (text[0] == 0) subscriptions_.erase(text.substr(1));
  }
}

// With NODROP the first frame is refused when a subscriber has no room: so we learn of it. Then the message
// goes out without NODROP, to all but that one.
Tap::Told Tap::publish(const Step& step) {
  if (subscriptions_.empty()) {
    numbers_.skip(step);
    return Told::to_all;
  }
  const TapMessage message = numbers_.number(step);
  constexpr auto kMore = zmq::send_flags::sndmore | zmq::send_flags::dontwait;
  const bool room = socket_->send(zmq::buffer(message.topic), kMore).has_value();
  if (!room) {
    socket_->set(zmq::sockopt::xpub_nodrop, false);
    socket_->send(zmq::buffer(message.topic), kMore);
  }
  // Only the first frame asks for room: a message is sent whole or not at all.
  socket_->send(zmq::buffer(message.json), kMore);
  socket_->send(zmq::buffer(message.event), zmq::send_flags::dontwait);
  if (!room) socket_->set(zmq::sockopt::xpub_nodrop, true);
  return room ? Told::to_all : Told::overrun;
}

}  // namespace kefu
