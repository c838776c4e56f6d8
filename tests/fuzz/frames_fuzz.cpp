// Frames on the queue's socket, in both directions: whoever reaches the port can send any.
#include <google/protobuf/stubs/logging.h>

#include <map>
#include <string>
#include <vector>

#include "gateway/dispatcher.h"
#include "gateway/journal/memory_journal.h"
#include "lib/base/digest.h"
#include "lib/base/limits.h"
#include "lib/work/session.h"
#include "tests/fuzz/fuzz.h"

using namespace kefu;
using fuzz::must;

namespace {

constexpr int kRoutes = 4;

DispatcherOptions options() {
  DispatcherOptions options;
  options.agents = {"agent1", "agent2"};
  options.notices = &texts("en");
  return options;
}

// A gateway with work for both queues.
struct Gateway {
  Timestamp now{1'700'000'000'000};
  MemoryDisk disk;
  std::unique_ptr<Journal> journal = open_memory_journal(disk);
  Dispatcher dispatcher{options(), *journal, [] { return 0.5; }, now};
  std::vector<v1::Delivery> handed_out;
  std::size_t accepted = 0;

  Gateway() {
    for (const std::string name : {"oAlice", "oBob"}) {
      CustomerPush push;
      push.customer = OpenId(name);
      for (const auto kind : {CustomerPush::Kind::follow, CustomerPush::Kind::message}) {
        push.kind = kind;
        push.text = kind == CustomerPush::Kind::message ? "hello" : "";
        push.message_type = "text";
        push.key = dedup_key({name, std::to_string(++accepted)});
        dispatcher.accept(push, now);
      }
      AgentPush reply;
      reply.key = dedup_key({"reply", std::to_string(++accepted)});
      reply.agent = "agent1";
      reply.to = ImUserId(name);
      reply.text = "yes?";
      dispatcher.accept(reply, now);
    }
    turn();
  }

  void turn() {
    dispatcher.tick(now);
    dispatcher.commit(now);
    static_cast<void>(dispatcher.outgoing());
    for (const auto& one : dispatcher.handouts(now)) {
      if (one.message.has_delivery()) handed_out.push_back(one.message.delivery());
      for (const auto& delivery : one.message.bundle().deliveries()) handed_out.push_back(delivery);
    }
    static_cast<void>(dispatcher.steps());
  }

  // A small event id in a verdict means one of the deliveries, so that verdicts meet work.
  void aim(v1::Verdict& verdict) const {
    if (handed_out.empty() || verdict.event_id() >= 32) return;
    const auto& target = handed_out[verdict.event_id() % handed_out.size()];
    verdict.set_event_id(target.event().id());
    verdict.set_lease(target.lease());
  }

  void receive(std::string_view frame) {
    if (frame.size() < 2) return;
    v1::FromWorker message;
    const auto route = "route-" + std::to_string(static_cast<unsigned char>(frame[0]) % kRoutes);
    now = now + Millis(static_cast<unsigned char>(frame[1]) * 100);
    if (!message.ParseFromArray(frame.data() + 2, static_cast<int>(frame.size() - 2))) return;
    if (message.has_verdict()) aim(*message.mutable_verdict());
    dispatcher.receive(route, message, now);
    turn();
  }
};

void check_kept(Gateway& gateway) {
  std::size_t kept = 0;
  for (const std::string name : {"oAlice", "oBob"})
    kept += gateway.journal->events_of(OpenId(name), 100).size();
  must(kept >= gateway.accepted, "no worker makes an accepted event vanish");
}

// A worker that does all it is given.
struct Worker {
  Timestamp now{5'000'000};
  work::Session session{v1::QUEUE_RELAY, WorkerId("w"), 2, 3};
  std::map<std::uint64_t, int> running;  // by event

  void take(work::Session::Work& work) {
    for (const auto& message : work.messages)
      must(message.message_case() != v1::FromWorker::MESSAGE_NOT_SET, "a worker says something");
    auto groups = std::move(work.start);
    for (const auto& group : groups) {
      must(!group.empty(), "a group has deliveries");
      for (const auto& delivery : group)
        must(++running[delivery.event().id()] == 1, "an event runs once at a time");
    }
    for (const auto& group : groups) {
      for (const auto& delivery : group) {
        --running[delivery.event().id()];
        work::Outcome outcome;
        outcome.kind = v1::OUTCOME_DONE;
        work::Session::Work after;
        session.finished(delivery, outcome, now, after);
        take(after);
      }
    }
  }

  void receive(std::string_view frame) {
    v1::ToWorker message;
    if (frame.empty()) return;
    now = now + Millis(static_cast<unsigned char>(frame[0]) * 100);
    if (!message.ParseFromArray(frame.data() + 1, static_cast<int>(frame.size() - 1))) return;
    work::Session::Work work;
    session.receive(message, now, work);
    take(work);
    work::Session::Work tick;
    session.tick(now, tick);
    take(tick);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto quiet =
      google::protobuf::SetLogHandler(nullptr);  // it tells of every text that is no UTF-8
  static_cast<void>(quiet);
  if (size == 0 || size > limits::kFrameBytesMax) return 0;
  auto rest = fuzz::bytes(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    Gateway gateway;
    while (!rest.empty()) gateway.receive(fuzz::next_piece(rest));
    check_kept(gateway);
  } else {
    Worker worker;
    while (!rest.empty()) worker.receive(fuzz::next_piece(rest));
  }
  return 0;
}
