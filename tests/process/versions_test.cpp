// Older and newer programs together (docs/queue.md, "Versions"): they work, or one refuses and says which
// side to upgrade. The other version is played by hand: messages with nothing but the fields it would know.
#include <doctest/doctest.h>

#include <optional>
#include <zmq.hpp>

#include "kefu/v1/work.pb.h"
#include "tests/process/other_gateway.h"
#include "tests/process/stack.h"

using namespace kefu::test;
namespace v1 = kefu::v1;

namespace {

const std::string kAlice = "oAlice_0123456789-abcdefghij";
// Of a protocol to come: field 99, a message with a text of three letters.
const std::string kFromTheFuture = "\x9a\x06\x03new";

// A worker of another version, by hand.
class OtherWorker {
 public:
  explicit OtherWorker(const Stack& stack) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.connect(stack.environment("relay", 1).at("KEFU_QUEUE_CONNECT"));
  }

  // With the fields of the first protocol, no more.
  void say_hello(std::uint32_t protocol) {
    v1::FromWorker message;
    message.mutable_hello()->set_protocol(protocol);
    message.mutable_hello()->set_worker_id("by-hand");
    message.mutable_hello()->set_queue(v1::QUEUE_RELAY);
    message.mutable_hello()->set_slots(1);
    message.mutable_hello()->set_version("other");
    say(message.SerializeAsString());
  }
  void ping() {
    v1::FromWorker message;
    message.mutable_ping();
    say(message.SerializeAsString());
  }
  void settle(const v1::Delivery& delivery, v1::Outcome outcome) {
    v1::FromWorker message;
    message.mutable_verdict()->set_event_id(delivery.event().id());
    message.mutable_verdict()->set_lease(delivery.lease());
    message.mutable_verdict()->set_outcome(outcome);
    say(message.SerializeAsString());
  }
  void say(const std::string& bytes) { socket_.send(zmq::buffer(bytes), zmq::send_flags::none); }

  // The next message that `wanted` fits; welcomes to pings come in between.
  v1::ToWorker hear(v1::ToWorker::MessageCase wanted) {
    v1::ToWorker message;
    do {
      const auto bytes = receive(socket_);
      REQUIRE_MESSAGE(bytes.has_value(), "the gateway is silent");
      REQUIRE(message.ParseFromString(*bytes));
    } while (message.message_case() != wanted && message.has_welcome());
    REQUIRE(message.message_case() == wanted);
    return message;
  }

 private:
  zmq::context_t context_;
  zmq::socket_t socket_{context_, zmq::socket_type::dealer};
};

}  // namespace

TEST_CASE("versions: a worker that knows the first fields alone gets its work one by one") {
  Stack stack;
  stack.start_gateway();
  OtherWorker worker(stack);
  worker.say_hello(1);
  worker.hear(v1::ToWorker::kWelcome);
  for (int i = 0; i < 3; ++i) stack.follow("oCustomer" + std::to_string(i));
  stack.say(kAlice, "hello");
  for (int i = 0; i < 4; ++i) {
    worker.ping();
    const auto message = worker.hear(v1::ToWorker::kDelivery);
    worker.settle(message.delivery(), v1::OUTCOME_DONE);
    const auto recorded = worker.hear(v1::ToWorker::kRecorded).recorded();
    REQUIRE(recorded.leases_size() == 1);
    CHECK(recorded.leases(0) == message.delivery().lease());
  }
  CHECK(stack.queue("relay")["done"] == 4);
}

TEST_CASE("versions: a failure without a class is a failure all the same, and comes again") {
  Stack stack(Environment{{"KEFU_RETRY_FIRST", "100ms"}});
  stack.start_gateway();
  OtherWorker worker(stack);
  worker.say_hello(1);
  worker.hear(v1::ToWorker::kWelcome);
  stack.say(kAlice, "hello");
  const auto first = worker.hear(v1::ToWorker::kDelivery).delivery();
  worker.settle(first, v1::OUTCOME_RETRY);
  worker.hear(v1::ToWorker::kRecorded);
  worker.ping();
  const auto second = worker.hear(v1::ToWorker::kDelivery).delivery();
  CHECK(second.event().id() == first.event().id());
  CHECK(second.attempt() == 2);
  worker.settle(second, v1::OUTCOME_DONE);
  worker.hear(v1::ToWorker::kRecorded);
  CHECK(stack.queue("relay")["done"] == 1);
}

TEST_CASE("versions: a worker of another protocol is refused, with what to upgrade, and gets no work") {
  Stack stack;
  stack.start_gateway();
  stack.say(kAlice, "hello");
  OtherWorker worker(stack);
  for (const std::uint32_t protocol : {2u, 0u}) {
    worker.say_hello(protocol);
    const auto reason = worker.hear(v1::ToWorker::kRefused).refused().reason();
    CHECK(reason.find("upgrade") != std::string::npos);
    CHECK(reason.find("other") != std::string::npos);  // which worker
    CHECK(reason.find(std::to_string(protocol)) != std::string::npos);
  }
  CHECK(stack.queue("relay")["workers"].empty());
  stack.start_relay();  // of this version
  stack.clouds.wait_for("sendmsg", 1);
}

TEST_CASE("versions: what a newer worker says beyond this gateway's words is passed over") {
  Stack stack;
  stack.start_gateway();
  OtherWorker worker(stack);
  worker.say(kFromTheFuture);
  worker.say("\xff\xff not a message at all");
  v1::FromWorker hello;
  hello.mutable_hello()->set_protocol(1);
  hello.mutable_hello()->set_worker_id("newer");
  hello.mutable_hello()->set_queue(v1::QUEUE_RELAY);
  hello.mutable_hello()->set_slots(1);
  worker.say(hello.SerializeAsString() + kFromTheFuture);
  worker.hear(v1::ToWorker::kWelcome);
  stack.say(kAlice, "hello");
  worker.settle(worker.hear(v1::ToWorker::kDelivery).delivery(), v1::OUTCOME_DONE);
  worker.hear(v1::ToWorker::kRecorded);
  CHECK(stack.queue("relay")["done"] == 1);
}

TEST_CASE("versions: this worker works at a gateway that knows the first fields alone") {
  OtherGateway gateway;
  const auto hello = gateway.hear(v1::FromWorker::kHello).hello();
  CHECK(hello.protocol() == 1);
  gateway.welcome();
  gateway.say(OtherGateway::delivery(5, "hello"));
  const auto verdict = gateway.hear(v1::FromWorker::kVerdict).verdict();
  CHECK(verdict.event_id() == 5);
  CHECK(verdict.lease() == 1005);
  CHECK(verdict.outcome() == v1::OUTCOME_DONE);
  const auto sends = gateway.stack.clouds.calls("sendmsg");
  REQUIRE(sends.size() == 1);
  CHECK(text_of(sends[0]) == "hello");
  CHECK(gateway.readiness().status == 200);
}

TEST_CASE("versions: what a newer gateway says beyond this worker's words is passed over") {
  OtherGateway gateway;
  gateway.hear(v1::FromWorker::kHello);
  gateway.welcome();
  gateway.say(kFromTheFuture);
  gateway.say("\xff\xff not a message at all");
  gateway.say(OtherGateway::delivery(5, "hello").SerializeAsString() + kFromTheFuture);
  CHECK(gateway.hear(v1::FromWorker::kVerdict).verdict().outcome() == v1::OUTCOME_DONE);
}

TEST_CASE("versions: a worker that a gateway refuses says so where operators look, and asks again") {
  OtherGateway gateway;
  gateway.hear(v1::FromWorker::kHello);
  v1::ToWorker no;
  no.mutable_refused()->set_reason("this gateway speaks queue protocol 9: upgrade the older one");
  gateway.say(no);
  CHECK(eventually([&] {
    const auto answer = gateway.readiness();
    return answer.status == 503 && answer.body.find("queue protocol 9") != std::string::npos;
  }));
  CHECK(eventually([&] { return gateway.relay->output().find("queue protocol 9") != std::string::npos; }));
  gateway.hear(v1::FromWorker::kHello);  // the gateway has been replaced meanwhile
  gateway.welcome();
  CHECK(eventually([&] { return gateway.readiness().status == 200; }));
}
