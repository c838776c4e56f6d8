// Questions on the admin socket, several one after the other.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "gateway/admin.h"
#include "gateway/dispatcher.h"
#include "gateway/journal/memory_journal.h"
#include "lib/base/digest.h"
#include "lib/base/limits.h"
#include "tests/fuzz/fuzz.h"

using namespace kefu;
using fuzz::must;

namespace {

DispatcherOptions options() {
  DispatcherOptions options;
  options.agents = {"agent1"};
  return options;
}

// A gateway with one event that waits, one that is with a worker, and one that is dead.
struct Gateway {
  Timestamp now{1'700'000'000'000};
  MemoryDisk disk;
  std::unique_ptr<Journal> journal = open_memory_journal(disk);
  Dispatcher dispatcher{options(), *journal, [] { return 0.5; }, now};

  Gateway() {
    v1::FromWorker hello;
    hello.mutable_hello()->set_protocol(limits::kProtocolVersion);
    hello.mutable_hello()->set_worker_id("relay");
    hello.mutable_hello()->set_queue(v1::QUEUE_RELAY);
    hello.mutable_hello()->set_slots(1);
    dispatcher.receive("route", hello, now);
    for (const std::string name : {"oAlice", "oBob", "oCarol"}) {
      CustomerPush push;
      push.customer = OpenId(name);
      push.text = "hello";
      push.message_type = "text";
      push.source_id = "1001";
      push.key = dedup_key({name});
      dispatcher.accept(push, now);
    }
    turn();
    for (const auto& one : dispatcher.handouts(now)) {
      v1::FromWorker message;
      message.mutable_verdict()->set_event_id(one.message.delivery().event().id());
      message.mutable_verdict()->set_lease(one.message.delivery().lease());
      message.mutable_verdict()->set_outcome(v1::OUTCOME_DEAD);
      message.mutable_verdict()->set_reason("because");
      dispatcher.receive(one.route, message, now);
    }
    turn();
    static_cast<void>(dispatcher.handouts(now));
  }
  void turn() {
    dispatcher.tick(now);
    dispatcher.commit(now);
    static_cast<void>(dispatcher.outgoing());
    static_cast<void>(dispatcher.steps());
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > limits::kAdminFrameBytesMax) return 0;
  Gateway gateway;
  auto rest = fuzz::bytes(data, size);
  do {
    const auto answer =
        answer_admin(fuzz::next_piece(rest), gateway.dispatcher, *gateway.journal, gateway.now);
    const auto json = nlohmann::json::parse(answer, nullptr, false);
    must(json.is_object() && json.contains("ok") && json["ok"].is_boolean(),
         "every question gets an answer in JSON");
    must(json["ok"].get<bool>() || (json.contains("error") && json["error"].is_string()),
         "a refusal says why");
    gateway.turn();
  } while (!rest.empty());
  return 0;
}
