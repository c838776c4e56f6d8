#include "gateway/tap.h"

#include <doctest/doctest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <thread>
#include <zmq.hpp>
#include <zmq_addon.hpp>

using namespace kefu;
using nlohmann::json;

namespace {

constexpr auto kPatienceMs = 20'000;

Step step(std::string_view name, const std::string& customer, const std::string& text = "") {
  Step step;
  step.name = name;
  step.event.set_id(7);
  step.event.set_queue(v1::QUEUE_RELAY);
  step.event.set_customer(customer);
  step.event.mutable_customer_message()->set_text(text);
  step.at = Timestamp{1'700'000'000'000};
  return step;
}

struct Subscriber {
  zmq::socket_t socket;
  Subscriber(zmq::context_t& context, const std::string& endpoint, int room)
      : socket(context, zmq::socket_type::sub) {
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvhwm, room);
    socket.set(zmq::sockopt::rcvtimeo, kPatienceMs);
    socket.set(zmq::sockopt::subscribe, "relay.");
    socket.connect(endpoint);
  }
  json next() {
    std::vector<zmq::message_t> frames;
    REQUIRE(zmq::recv_multipart(socket, std::back_inserter(frames)).has_value());
    REQUIRE(frames.size() == 3);
    return json::parse(frames[1].to_string());
  }
};

// Bound, and `subscribers` are there.
struct Bench {
  zmq::context_t context;
  Tap tap{context};
  std::string endpoint;
  Bench() {
    tap.socket().set(zmq::sockopt::linger, 0);
    tap.socket().set(zmq::sockopt::sndhwm, 100);
    tap.socket().bind("tcp://127.0.0.1:*");
    endpoint = tap.socket().get(zmq::sockopt::last_endpoint);
  }
  // Until a step reaches the subscriber its subscription may be under way.
  void await(Subscriber& subscriber) {
    subscriber.socket.set(zmq::sockopt::rcvtimeo, 10);
    zmq::message_t frame;
    while (!subscriber.socket.recv(frame)) {
      tap.take_subscriptions();
      tap.publish(step("accepted", "oWarmUp"));
    }
    while (subscriber.socket.get(zmq::sockopt::rcvmore) != 0) REQUIRE(subscriber.socket.recv(frame));
    subscriber.socket.set(zmq::sockopt::rcvtimeo, kPatienceMs);
  }
};

}  // namespace

TEST_CASE("a step is told as the contract says, with its number among all, its queue's and its kind's") {
  TapNumbers numbers;
  numbers.number(step("accepted", "oA"));
  Step dead = step("dead", "oA");
  dead.error = "80001";
  dead.attempt = 2;
  const TapMessage message = numbers.number(dead);
  CHECK(message.topic == "relay.dead.oA");
  CHECK(json::parse(message.json) == json{{"id", 7},
                                          {"queue", "relay"},
                                          {"step", "dead"},
                                          {"type", "customer_message"},
                                          {"customer", "oA"},
                                          {"attempt", 2},
                                          {"at", 1'700'000'000'000},
                                          {"seq", 2},
                                          {"queue_seq", 2},
                                          {"step_seq", 1},
                                          {"error", "80001"}});
  v1::Event event;
  CHECK(event.ParseFromString(message.event));
  CHECK(event.id() == 7);
}

TEST_CASE("steps are numbered also while nobody listens") {
  zmq::context_t context;
  Tap tap(context);
  for (int i = 0; i < 3; ++i) CHECK(tap.publish(step("accepted", "oA")) == Tap::Told::to_all);
}

TEST_CASE("a subscriber that stops reading is noticed and sees the gap; the others get every step") {
  Bench bench;
  Subscriber asleep(bench.context, bench.endpoint, 10);
  bench.await(asleep);
  Subscriber awake(bench.context, bench.endpoint, 0);
  bench.await(awake);

  constexpr int kSteps = 2000;
  const std::string text(20'000, 'x');  // more than the kernel's buffers take in
  int overruns = 0;
  std::uint64_t expected = 0;
  for (int i = 0; i < kSteps; ++i) {
    overruns += bench.tap.publish(step("accepted", "oA", text)) == Tap::Told::overrun ? 1 : 0;
    const json told = awake.next();
    const auto seq = told["queue_seq"].get<std::uint64_t>();
    if (expected != 0) CHECK(seq == expected);
    expected = seq + 1;
  }
  CHECK(overruns >= 1);

  // Having read again it is told again, and the numbers say how much it missed.
  std::uint64_t last = asleep.next()["queue_seq"].get<std::uint64_t>();
  std::uint64_t missed = 0;
  const auto read = [&] {
    const auto seq = asleep.next()["queue_seq"].get<std::uint64_t>();
    missed += seq - last - 1;
    last = seq;
  };
  asleep.socket.set(zmq::sockopt::rcvtimeo, 50);
  for (int i = 0; i < 200 && missed == 0; ++i) {
    zmq::pollitem_t item{asleep.socket.handle(), 0, ZMQ_POLLIN, 0};
    while (missed == 0 && zmq::poll(&item, 1, std::chrono::milliseconds(50)) > 0) read();
    if (missed == 0) bench.tap.publish(step("done", "oA"));
  }
  CHECK(missed > 0);
}
