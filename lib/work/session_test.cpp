#include "lib/work/session.h"

#include <doctest/doctest.h>

#include "lib/base/limits.h"

using namespace kefu;
using namespace kefu::work;

namespace {

// A session and the gateway's side of it, whose clock is far from ours.
struct Bench {
  Session session{v1::QUEUE_RELAY, WorkerId("w"), 2, 3};
  Timestamp now{5'000'000};
  Millis gateway_ahead{86'400'000};
  std::uint64_t journal = 1;
  Session::Work work;

  Session::Work take() { return std::exchange(work, {}); }

  void tick() { session.tick(now, work); }
  void welcome(bool known = true, Millis round_trip = Millis(0)) {
    v1::ToWorker message;
    message.mutable_welcome()->set_epoch(7);
    message.mutable_welcome()->set_journal(journal);
    message.mutable_welcome()->set_known(known);
    message.mutable_welcome()->set_sent_at_ms(now.ms);
    now = now + round_trip;
    message.mutable_welcome()->set_gateway_at_ms((now + gateway_ahead).ms);
    session.receive(message, now, work);
  }
  v1::Delivery delivery(std::uint64_t event, std::uint64_t lease) {
    v1::Delivery delivery;
    delivery.mutable_event()->set_id(event);
    delivery.set_lease(lease);
    delivery.set_epoch(7);
    delivery.set_start_by_ms((now + gateway_ahead + Millis(2000)).ms);
    delivery.set_im_user("oAlice");
    return delivery;
  }
  void deliver(const v1::Delivery& delivery) {
    v1::ToWorker message;
    *message.mutable_delivery() = delivery;
    session.receive(message, now, work);
  }
  void deliver_together(const std::vector<v1::Delivery>& deliveries) {
    v1::ToWorker message;
    for (const auto& delivery : deliveries) *message.mutable_bundle()->add_deliveries() = delivery;
    session.receive(message, now, work);
  }
  void record(std::uint64_t lease) {
    v1::ToWorker message;
    message.mutable_recorded()->add_leases(lease);
    session.receive(message, now, work);
  }
  void finish(const v1::Delivery& delivery, v1::Outcome kind) {
    Outcome outcome;
    outcome.kind = kind;
    outcome.reason = "why";
    if (kind != v1::OUTCOME_DONE) outcome.failure = v1::FAILURE_THROTTLE;
    session.finished(delivery, outcome, now, work);
  }
  // The verdicts that went out since the last take().
  std::vector<v1::Verdict> verdicts() {
    std::vector<v1::Verdict> out;
    for (const auto& message : take().messages) {
      if (message.has_verdict()) out.push_back(message.verdict());
    }
    return out;
  }
};

}  // namespace

TEST_CASE("a session says hello until it is welcome, then pings") {
  Bench bench;
  bench.tick();
  REQUIRE(bench.work.messages.size() == 1);
  CHECK(bench.work.messages[0].hello().worker_id() == "w");
  CHECK(bench.work.messages[0].hello().slots() == 2);
  CHECK(bench.work.messages[0].hello().bundle() == 3);
  CHECK(bench.work.messages[0].hello().protocol() == limits::kProtocolVersion);
  bench.take();
  bench.tick();
  CHECK(bench.take().messages.empty());
  bench.now = bench.session.next_tick();
  bench.tick();
  CHECK(bench.take().messages.at(0).has_hello());
  bench.welcome();
  CHECK(bench.session.connected(bench.now));
  bench.now = bench.session.next_tick();
  bench.tick();
  CHECK(bench.take().messages.at(0).has_ping());
}

TEST_CASE("a gateway that does not know us is greeted again with what we hold") {
  Bench bench;
  bench.welcome();
  const auto delivery = bench.delivery(1, 11);
  bench.deliver(delivery);
  bench.take();
  bench.welcome(false);
  CHECK_FALSE(bench.session.connected(bench.now));
  bench.tick();
  const auto hello = bench.take().messages.at(0).hello();
  REQUIRE(hello.held_size() == 1);
  CHECK(hello.held(0).event_id() == 1);
  CHECK(hello.held(0).lease() == 11);
}

TEST_CASE("a verdict is repeated until it is recorded, and held until then") {
  Bench bench;
  bench.welcome();
  const auto delivery = bench.delivery(1, 11);
  bench.deliver(delivery);
  CHECK(bench.take().start.size() == 1);
  bench.finish(delivery, v1::OUTCOME_RETRY);
  CHECK(bench.verdicts().size() == 1);
  bench.now = bench.now + Millis(1000);
  bench.tick();
  auto again = bench.take();
  REQUIRE(again.messages.size() == 2);
  CHECK(again.messages[0].ping().held_size() == 1);
  CHECK(again.messages[1].verdict().lease() == 11);
  bench.record(11);
  bench.now = bench.now + Millis(1000);
  bench.tick();
  again = bench.take();
  REQUIRE(again.messages.size() == 1);
  CHECK(again.messages[0].ping().held_size() == 0);
  CHECK(bench.session.holds_nothing());
}

TEST_CASE("a second delivery of what runs is one run with the newer lease") {
  Bench bench;
  bench.welcome();
  const auto first = bench.delivery(1, 11);
  bench.deliver(first);
  bench.deliver(bench.delivery(1, 12));
  CHECK(bench.take().start.size() == 1);
  bench.finish(first, v1::OUTCOME_DONE);
  const auto verdicts = bench.verdicts();
  REQUIRE(verdicts.size() == 1);
  CHECK(verdicts[0].lease() == 12);
}

TEST_CASE("a success is not repeated, whatever the gateway forgot") {
  Bench bench;
  bench.welcome();
  const auto first = bench.delivery(1, 11);
  bench.deliver(first);
  bench.finish(first, v1::OUTCOME_DONE);
  SUBCASE("before the verdict was recorded") {}
  SUBCASE("after it was") {
    bench.record(11);
  }
  bench.take();
  bench.deliver(bench.delivery(1, 12));
  CHECK(bench.work.start.empty());
  const auto verdicts = bench.verdicts();
  REQUIRE(verdicts.size() == 1);
  CHECK(verdicts[0].outcome() == v1::OUTCOME_DONE);
  CHECK(verdicts[0].lease() == 12);
}

TEST_CASE("what failed is tried again when it is delivered again") {
  Bench bench;
  bench.welcome();
  const auto first = bench.delivery(1, 11);
  bench.deliver(first);
  bench.finish(first, v1::OUTCOME_DEAD);
  bench.record(11);
  bench.take();
  bench.deliver(bench.delivery(1, 12));
  CHECK(bench.take().start.size() == 1);
}

TEST_CASE("what waits to be recorded as failed is tried again when the gateway asks for it") {
  Bench bench;
  bench.welcome();
  const auto first = bench.delivery(1, 11);
  bench.deliver(first);
  bench.finish(first, v1::OUTCOME_RETRY);
  bench.take();
  bench.deliver(bench.delivery(1, 12));
  CHECK(bench.take().start.size() == 1);
}

TEST_CASE("ids of another journal are other events") {
  Bench bench;
  bench.welcome();
  const auto first = bench.delivery(1, 11);
  bench.deliver(first);
  bench.finish(first, v1::OUTCOME_DONE);
  bench.welcome(false);
  bench.take();
  bench.tick();
  CHECK(bench.take().messages.at(0).hello().journal() == 1);
  bench.journal = 2;
  bench.welcome();
  CHECK(bench.session.holds_nothing());
  bench.deliver(bench.delivery(1, 11));
  CHECK(bench.take().start.size() == 1);
}

TEST_CASE("a delivery that comes too late to be finished goes back unstarted") {
  Bench bench;
  bench.welcome();
  const auto delivery = bench.delivery(1, 11);
  bench.now = bench.now + Millis(2001);  // stopped for a while, or stuck in a buffer
  bench.deliver(delivery);
  CHECK(bench.work.start.empty());
  CHECK(bench.verdicts().at(0).outcome() == v1::OUTCOME_RETURNED);
}

TEST_CASE("the gateway's clock is bounded from above, whatever the way back took") {
  Bench bench;
  bench.welcome(true, Millis(900));
  auto delivery = bench.delivery(1, 11);
  delivery.set_start_by_ms((bench.now + bench.gateway_ahead + Millis(800)).ms);
  bench.deliver(delivery);  // by our bound it could be 900 ms later there than it is
  CHECK(bench.work.start.empty());
  CHECK(bench.verdicts().at(0).outcome() == v1::OUTCOME_RETURNED);
}

TEST_CASE("nothing is started for a gateway run that is over, without a free slot, or while draining") {
  Bench bench;
  bench.welcome();
  auto delivery = bench.delivery(1, 11);
  SUBCASE("another run") {
    delivery.set_epoch(6);
  }
  SUBCASE("no slot") {
    bench.deliver(bench.delivery(8, 1));
    bench.deliver(bench.delivery(9, 2));
  }
  SUBCASE("draining") {
    bench.session.drain();
  }
  bench.take();
  bench.deliver(delivery);
  CHECK(bench.work.start.empty());
  CHECK(bench.verdicts().at(0).outcome() == v1::OUTCOME_RETURNED);
}

TEST_CASE("a draining session says so at its next tick") {
  Bench bench;
  bench.welcome();
  bench.take();
  bench.session.drain();
  bench.tick();
  CHECK(bench.take().messages.at(0).ping().draining());
}

TEST_CASE("a refused session keeps the reason and asks again later") {
  Bench bench;
  v1::ToWorker message;
  message.mutable_refused()->set_reason("upgrade the worker");
  bench.session.receive(message, bench.now, bench.work);
  CHECK(bench.session.refusal() == "upgrade the worker");
  CHECK_FALSE(bench.session.connected(bench.now));
  bench.tick();
  CHECK(bench.take().messages.empty());
  bench.now = bench.session.next_tick();
  bench.tick();
  CHECK(bench.take().messages.at(0).has_hello());
}

TEST_CASE("a verdict given while the gateway is away is told after the next welcome") {
  Bench bench;
  bench.welcome();
  const auto delivery = bench.delivery(1, 11);
  bench.deliver(delivery);
  bench.welcome(false);
  bench.take();
  bench.finish(delivery, v1::OUTCOME_DONE);
  CHECK(bench.take().messages.empty());
  bench.welcome();
  bench.now = bench.session.next_tick();
  bench.tick();
  CHECK(bench.verdicts().at(0).lease() == 11);
}

TEST_CASE("a verdict says why, for those who decide and for people") {
  Bench bench;
  bench.welcome();
  const auto delivery = bench.delivery(1, 11);
  bench.deliver(delivery);
  bench.take();
  bench.finish(delivery, v1::OUTCOME_UNAVAILABLE);
  const auto verdict = bench.verdicts().at(0);
  CHECK(verdict.reason() == "why");
  CHECK(verdict.failure() == v1::FAILURE_THROTTLE);
}

TEST_CASE("what ends for another journal's event is no verdict about ours of the same id") {
  Bench bench;
  bench.welcome();
  const auto theirs = bench.delivery(1, 11);
  bench.deliver(theirs);
  bench.journal = 2;
  bench.welcome();
  const auto ours = bench.delivery(1, 21);
  bench.deliver(ours);
  bench.take();
  bench.finish(theirs, v1::OUTCOME_DONE);
  CHECK(bench.take().messages.empty());
  bench.finish(ours, v1::OUTCOME_RETRY);
  CHECK(bench.verdicts().at(0).outcome() == v1::OUTCOME_RETRY);
}

TEST_CASE("a bundle takes one slot, and each of its deliveries has a verdict of its own") {
  Bench bench;
  bench.welcome();
  const auto first = bench.delivery(1, 11), second = bench.delivery(2, 12), third = bench.delivery(3, 13);
  bench.deliver_together({first, second, third});
  REQUIRE(bench.work.start.size() == 1);
  CHECK(bench.take().start[0].size() == 3);

  bench.deliver(bench.delivery(4, 14));
  CHECK(bench.take().start.size() == 1);
  bench.deliver(bench.delivery(5, 15));  // the two slots are taken
  CHECK(bench.verdicts().at(0).outcome() == v1::OUTCOME_RETURNED);

  bench.finish(first, v1::OUTCOME_DONE);
  bench.finish(second, v1::OUTCOME_DEAD);
  CHECK(bench.verdicts().size() == 2);
  bench.deliver(bench.delivery(6, 16));  // as long as one of them runs, so does the bundle
  CHECK(bench.take().start.empty());
  bench.finish(third, v1::OUTCOME_DONE);
  bench.take();
  bench.deliver(bench.delivery(7, 17));
  CHECK(bench.take().start.size() == 1);
}

TEST_CASE("every delivery of a bundle goes through the sieve that a single one goes through") {
  Bench bench;
  bench.welcome();
  const auto done = bench.delivery(1, 11), running = bench.delivery(2, 12);
  bench.deliver(done);
  bench.finish(done, v1::OUTCOME_DONE);
  bench.deliver(running);
  bench.take();
  auto stale = bench.delivery(3, 23);
  stale.set_epoch(6);
  bench.deliver_together({bench.delivery(1, 21), bench.delivery(2, 22), stale, bench.delivery(4, 24)});
  REQUIRE(bench.work.start.size() == 1);
  REQUIRE(bench.work.start[0].size() == 1);
  CHECK(bench.work.start[0][0].lease() == 24);
  const auto verdicts = bench.verdicts();
  REQUIRE(verdicts.size() == 2);
  CHECK(verdicts[0].lease() == 21);
  CHECK(verdicts[0].outcome() == v1::OUTCOME_DONE);
  CHECK(verdicts[1].lease() == 23);
  CHECK(verdicts[1].outcome() == v1::OUTCOME_RETURNED);
  bench.finish(running, v1::OUTCOME_DONE);
  CHECK(bench.verdicts().at(0).lease() == 22);
}

TEST_CASE("a bundle that may not start goes back whole, and what is too much for one goes back too") {
  Bench bench;
  bench.welcome();
  std::vector<v1::Delivery> many;
  for (std::uint64_t i = 1; i <= 4; ++i) many.push_back(bench.delivery(i, 10 + i));
  std::size_t started = 0;
  SUBCASE("draining") {
    bench.session.drain();
  }
  SUBCASE("no slot") {
    bench.deliver(bench.delivery(8, 1));
    bench.deliver(bench.delivery(9, 2));
  }
  SUBCASE("one more than announced") {
    started = 3;
  }
  bench.take();
  bench.deliver_together(many);
  CHECK((bench.work.start.empty() ? 0 : bench.work.start[0].size()) == started);
  const auto verdicts = bench.verdicts();
  CHECK(verdicts.size() == 4 - started);
  for (const auto& verdict : verdicts) CHECK(verdict.outcome() == v1::OUTCOME_RETURNED);
}

TEST_CASE("the same event twice in a bundle is one run") {
  Bench bench;
  bench.welcome();
  const auto first = bench.delivery(1, 11);
  bench.deliver_together({first, bench.delivery(1, 12)});
  REQUIRE(bench.work.start.size() == 1);
  CHECK(bench.take().start[0].size() == 1);
  bench.finish(first, v1::OUTCOME_DONE);
  CHECK(bench.verdicts().at(0).lease() == 12);
  CHECK(bench.session.running_nothing());
}

TEST_CASE("what is left out of a message is told with its verdict") {
  Bench bench;
  bench.welcome();
  const auto delivery = bench.delivery(1, 11);
  bench.deliver(delivery);
  bench.take();
  auto outcome = done();
  outcome.left_out = "图片";
  bench.session.finished(delivery, outcome, bench.now, bench.work);
  CHECK(bench.verdicts().at(0).left_out() == "图片");
}

TEST_CASE("typing notices are taken by a worker that has said it knows them, until it drains") {
  const auto notices_of = [](Abilities abilities, bool draining) {
    Session session(v1::QUEUE_NOTIFIER, WorkerId("w"), 2, 0, abilities);
    Session::Work work;
    session.tick(Timestamp{1}, work);
    CHECK(work.messages.at(0).hello().typing() == abilities.typing);
    CHECK(work.messages.at(0).hello().sweeps() == abilities.sweeps);
    CHECK(work.messages.at(0).hello().presence() == abilities.presence);
    if (draining) session.drain();
    v1::ToWorker message;
    message.mutable_typing()->set_customer("oAlice");
    session.receive(message, Timestamp{2}, work);
    return work.typing.size();
  };
  CHECK(notices_of({.sweeps = false, .typing = true, .presence = false}, false) == 1);
  CHECK(notices_of({.sweeps = true, .typing = false, .presence = true}, false) == 0);
  CHECK(notices_of({.sweeps = false, .typing = true, .presence = false}, true) == 0);
}
