#include "gateway/queue/event_queue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "lib/base/limits.h"

using namespace kefu;
using namespace kefu::queue;

namespace {

const OpenId kAlice("oAlice");
const OpenId kBob("oBob");
const WorkerId kFirst("worker-1");
const WorkerId kSecond("worker-2");

// A queue, its clock, and everything it reported.
struct Bench {
  explicit Bench(RetryPolicy policy = {}, Pacer::Limits limits = {})
      : queue({policy, limits}, 1, [] { return 0.5; }) {}

  EventQueue queue;
  Timestamp now{1'000'000'000};
  std::vector<Change> changes;

  void put(std::uint64_t id, const OpenId& customer, Kind kind = Kind::message) {
    queue.put(EventId{id}, customer, kind, now);
  }
  void hello(const WorkerId& worker, std::uint32_t slots = 8, std::vector<HeldEvent> held = {},
             std::uint32_t bundle = 0) {
    queue.hello(worker, {slots, bundle}, held, now, changes);
  }
  std::vector<Handout> handouts() { return queue.handouts(now); }
  void pass(Millis time) {
    now = now + time;
    queue.tick(now, changes);
  }
  // A worker that pings, and does this with whatever goes out.
  void serve(Millis time, const std::function<void(const Handout&)>& work) {
    const Timestamp until = now + time;
    while (now < until) {
      hello(kFirst);
      for (const auto& handout : handouts()) work(handout);
      pass(Millis(1000));
    }
  }
  v1::Verdict verdict(const Handout& handout, v1::Outcome outcome, const std::string& reason = "") {
    v1::Verdict verdict;
    verdict.set_event_id(handout.event.value);
    verdict.set_lease(handout.lease.value);
    verdict.set_outcome(outcome);
    verdict.set_reason(reason);
    return verdict;
  }
  void settle(const Handout& handout, v1::Outcome outcome, const std::string& reason = "") {
    queue.settle(verdict(handout, outcome, reason), now, changes);
  }
  State last_state() const { return changes.back().state; }
};

std::vector<std::uint64_t> ids(const std::vector<Handout>& handouts) {
  std::vector<std::uint64_t> out;
  for (const auto& handout : handouts) out.push_back(handout.event.value);
  return out;
}

using Ids = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("only the head of a lane travels, and different customers in parallel") {
  Bench bench;
  bench.put(1, kAlice);
  bench.put(2, kAlice);
  bench.put(3, kBob);
  bench.hello(kFirst);
  const auto first = bench.handouts();
  CHECK(ids(first) == Ids{1, 3});
  CHECK(bench.handouts().empty());
  bench.settle(first[0], v1::OUTCOME_DONE);
  CHECK(ids(bench.handouts()) == Ids{2});
  CHECK(bench.queue.counts().in_flight == 2);
}

TEST_CASE("nothing is handed out without a free slot") {
  Bench bench;
  bench.put(1, kAlice);
  bench.put(2, kBob);
  CHECK(bench.handouts().empty());
  bench.hello(kFirst, 1);
  CHECK(ids(bench.handouts()) == Ids{1});
  CHECK(bench.handouts().empty());
}

TEST_CASE("work is spread over workers by free slots") {
  Bench bench;
  for (std::uint64_t id = 1; id <= 6; ++id) bench.put(id, OpenId("o" + std::to_string(id)));
  bench.hello(kFirst, 4);
  bench.hello(kSecond, 4);
  int first = 0;
  for (const auto& handout : bench.handouts()) first += handout.worker == kFirst;
  CHECK(first == 3);
}

TEST_CASE("a retry waits with its lane and comes back with the next attempt") {
  Bench bench;
  bench.put(1, kAlice);
  bench.put(2, kAlice);
  bench.hello(kFirst);
  bench.settle(bench.handouts()[0], v1::OUTCOME_RETRY, "busy");
  CHECK(bench.last_state() == State::waiting);
  CHECK(bench.changes.back().error == "busy");
  CHECK(bench.handouts().empty());
  CHECK(bench.queue.next_timer(bench.now) <= bench.now + Millis(1000));
  bench.pass(Millis(999));
  CHECK(bench.handouts().empty());
  bench.pass(Millis(1));
  const auto again = bench.handouts();
  REQUIRE(ids(again) == Ids{1});
  CHECK(again[0].attempt == 2);
}

TEST_CASE("waits double up to the maximum and jitter stays within its share") {
  const RetryPolicy policy;
  CHECK(wait_before_retry(policy, v1::FAILURE_RETRY, 1, Millis(0), 0.5) == Millis(1000));
  CHECK(wait_before_retry(policy, v1::FAILURE_RETRY, 4, Millis(0), 0.5) == Millis(8000));
  CHECK(wait_before_retry(policy, v1::FAILURE_RETRY, 1, Millis(0), 0.0) == Millis(800));
  CHECK(wait_before_retry(policy, v1::FAILURE_RETRY, 1, Millis(0), 0.999999) < Millis(1200));
  CHECK(wait_before_retry(policy, v1::FAILURE_RETRY, 100, Millis(0), 0.5) == policy.max);
}

TEST_CASE("attempts are limited and the reason is kept") {
  RetryPolicy policy;
  policy.attempts_max = 2;
  Bench bench(policy);
  bench.put(1, kAlice);
  bench.hello(kFirst);
  bench.settle(bench.handouts()[0], v1::OUTCOME_RETRY, "first");
  bench.pass(Millis(1000));
  bench.settle(bench.handouts()[0], v1::OUTCOME_RETRY, "second");
  CHECK(bench.last_state() == State::dead);
  CHECK(bench.changes.back().error == "given up after 2 attempts: second");
}

TEST_CASE("an event that gets on starts its count anew") {
  RetryPolicy policy;
  policy.attempts_max = 2;
  Bench bench(policy);
  bench.put(1, kAlice);
  bench.hello(kFirst);
  for (std::uint32_t part = 1; part <= 5; ++part) {
    bench.hello(kFirst);
    const auto handouts = bench.handouts();
    REQUIRE(handouts.size() == 1);
    CHECK(handouts[0].progress == part - 1);
    auto verdict = bench.verdict(handouts[0], v1::OUTCOME_RETRY, "busy");
    verdict.set_progress(part);
    bench.queue.settle(verdict, bench.now, bench.changes);
    REQUIRE(bench.last_state() == State::waiting);
    bench.pass(Millis(1000));
  }
}

TEST_CASE("unavailable pauses the whole queue, counts no attempt, and a probe opens it again") {
  Bench bench;
  bench.put(1, kAlice);
  bench.put(2, kBob);
  bench.hello(kFirst);
  const auto first = bench.handouts();
  bench.settle(first[0], v1::OUTCOME_UNAVAILABLE, "down");
  bench.settle(first[1], v1::OUTCOME_UNAVAILABLE, "down");
  CHECK(bench.handouts().empty());
  bench.pass(Gate::kFirstPause);
  const auto probe = bench.handouts();
  REQUIRE(ids(probe) == Ids{1});
  CHECK(probe[0].attempt == 1);
  bench.settle(probe[0], v1::OUTCOME_DONE);
  CHECK(ids(bench.handouts()) == Ids{2});
}

TEST_CASE("an outage makes no event older, however long it lasts") {
  RetryPolicy policy;
  policy.give_up_after = std::chrono::hours(24);
  Bench bench(policy);
  bench.put(1, kAlice);
  int probes = 0;
  bench.serve(std::chrono::hours(100), [&](const Handout& handout) {
    ++probes;
    bench.settle(handout, v1::OUTCOME_UNAVAILABLE, "down");
  });
  CHECK(probes > 100);
  CHECK(bench.queue.state_of(EventId{1}));
  // Nor does its first failure afterwards end it.
  bench.pass(Gate::kLongestPause);
  bench.hello(kFirst);
  bench.settle(bench.handouts().at(0), v1::OUTCOME_RETRY, "busy");
  CHECK(bench.last_state() == State::waiting);
}

TEST_CASE("an event grows old while its queue is open") {
  RetryPolicy policy;
  policy.give_up_after = std::chrono::hours(24);
  Bench bench(policy);
  bench.put(1, kAlice);
  bench.serve(std::chrono::hours(23), [&](const Handout& handout) {
    auto verdict = bench.verdict(handout, v1::OUTCOME_UNAVAILABLE, "slower");
    verdict.set_failure(v1::FAILURE_THROTTLE);
    bench.queue.settle(verdict, bench.now, bench.changes);
  });
  CHECK(bench.queue.state_of(EventId{1}));
  bench.serve(std::chrono::hours(2), [&](const Handout& handout) {
    auto verdict = bench.verdict(handout, v1::OUTCOME_UNAVAILABLE, "slower");
    verdict.set_failure(v1::FAILURE_THROTTLE);
    bench.queue.settle(verdict, bench.now, bench.changes);
  });
  CHECK(bench.last_state() == State::dead);
  CHECK(bench.changes.back().error == "given up, too old: slower");
}

TEST_CASE("an event that closes the queue again and again grows old though others open it") {
  RetryPolicy policy;
  policy.give_up_after = std::chrono::minutes(10);
  Bench bench(policy);
  bench.put(1, kAlice);
  std::uint64_t next = 2;
  bench.serve(std::chrono::minutes(11), [&](const Handout& handout) {
    const bool bad = handout.event == EventId{1};
    bench.settle(handout, bad ? v1::OUTCOME_UNAVAILABLE : v1::OUTCOME_DONE, "never");
    if (next < 10'000) bench.put(next++, kBob);
  });
  CHECK_FALSE(bench.queue.state_of(EventId{1}));
}

TEST_CASE("the time before a restart, without workers, or a jump of the clock makes no event older") {
  RetryPolicy policy;
  policy.give_up_after = std::chrono::hours(24);
  Bench bench(policy);
  bench.queue.restore({EventId{1}, kAlice, State::ready, 0, 0, bench.now - std::chrono::hours(30), {}, {}});
  for (int hour = 0; hour < 30; ++hour) bench.pass(std::chrono::hours(1));
  bench.hello(kFirst);
  bench.pass(Millis(0));
  bench.pass(std::chrono::hours(24 * 365));
  bench.hello(kFirst);
  bench.settle(bench.handouts().at(0), v1::OUTCOME_RETRY, "busy");
  CHECK(bench.last_state() == State::waiting);
}

TEST_CASE("an outage that answers with errors counts no attempts once several customers see it") {
  RetryPolicy policy;
  policy.attempts_max = 2;
  Bench bench(policy);
  for (std::uint64_t id = 1; id <= 4; ++id) bench.put(id, OpenId("o" + std::to_string(id)));
  for (int second = 0; second < 600; ++second) {
    bench.hello(kFirst);
    for (const auto& handout : bench.handouts()) bench.settle(handout, v1::OUTCOME_RETRY, "HTTP status 502");
    bench.pass(Millis(1000));
  }
  const auto counts = bench.queue.counts();
  CHECK(counts.ready + counts.waiting == 4);
  bench.hello(kFirst);
  bench.pass(Millis(30000));
  for (int second = 0; second < 5; ++second) {
    bench.hello(kFirst);
    for (const auto& handout : bench.handouts()) bench.settle(handout, v1::OUTCOME_DONE);
    bench.pass(Millis(1000));
  }
  CHECK(bench.queue.counts().ready == 0);
}

TEST_CASE("what cannot be had elsewhere holds back its own customer alone") {
  Bench bench;
  for (std::uint64_t id = 1; id <= 6; ++id) bench.put(id, OpenId("o" + std::to_string(id)));
  bench.hello(kFirst);
  for (const auto& handout : bench.handouts()) {
    auto waits = bench.verdict(handout, v1::OUTCOME_RETRY, "media are being fetched");
    waits.set_failure(v1::FAILURE_ELSEWHERE);
    bench.queue.settle(waits, bench.now, bench.changes);
  }
  CHECK(bench.queue.counts().waiting == 6);
  bench.put(7, OpenId("o7"));
  CHECK(bench.handouts().size() == 1);
}

TEST_CASE("calls that may have acted are repeated only so often where repeats are seen") {
  RetryPolicy policy;
  policy.unsure_max = 3;
  Bench bench(policy);
  bench.put(1, kAlice);
  int calls = 0;
  while (bench.queue.state_of(EventId{1})) {
    bench.hello(kFirst);
    for (const auto& handout : bench.handouts()) {
      ++calls;
      auto verdict = bench.verdict(handout, v1::OUTCOME_RETRY, "no answer");
      verdict.set_unsure(true);
      bench.queue.settle(verdict, bench.now, bench.changes);
    }
    bench.pass(Millis(1000));
  }
  CHECK(calls == 3);
  CHECK(bench.changes.back().error == "it may have been delivered, and is not repeated again: no answer");
}

TEST_CASE("a dead event lets the next one through") {
  Bench bench;
  bench.put(1, kAlice);
  bench.put(2, kAlice);
  bench.hello(kFirst);
  bench.settle(bench.handouts()[0], v1::OUTCOME_DEAD, "refused for good");
  CHECK(bench.last_state() == State::dead);
  CHECK(ids(bench.handouts()) == Ids{2});
}

TEST_CASE("a parked event waits for the customer, and its lane with it") {
  Bench bench;
  bench.put(1, kAlice);
  bench.put(2, kAlice);
  bench.hello(kFirst);
  bench.settle(bench.handouts()[0], v1::OUTCOME_PARKED, "window closed");
  bench.pass(Millis(3600000));
  bench.hello(kFirst);
  CHECK(bench.handouts().empty());
  bench.queue.reopen(kAlice, bench.now, bench.changes);
  CHECK(ids(bench.handouts()) == Ids{1});
}

TEST_CASE("a parked event dies with the reply window") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  bench.settle(bench.handouts()[0], v1::OUTCOME_PARKED, "window closed");
  bench.pass(std::chrono::hours(48));
  CHECK(bench.last_state() == State::dead);
}

TEST_CASE("a silent worker's events go to another one and count as an attempt") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  REQUIRE(bench.handouts().size() == 1);
  bench.pass(limits::kWorkerLostAfter);
  CHECK(bench.queue.state_of(EventId{1}) == State::in_flight);
  bench.pass(Millis(2000));
  bench.hello(kSecond);
  const auto again = bench.handouts();
  REQUIRE(again.size() == 1);
  CHECK(again[0].worker == kSecond);
  CHECK(again[0].attempt == 2);
}

TEST_CASE("a delivery that never arrived is found although its worker lives") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  REQUIRE(bench.handouts().size() == 1);
  for (int second = 0; second < 12; ++second) {
    bench.queue.ping(kFirst, {}, false, bench.now);
    bench.pass(Millis(1000));
  }
  CHECK(bench.handouts().size() == 1);
}

TEST_CASE("what a worker names in its pings stays with it") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  const auto handout = bench.handouts().at(0);
  for (int second = 0; second < 30; ++second) {
    bench.queue.ping(kFirst, {{handout.event, handout.lease, false}}, false, bench.now);
    bench.pass(Millis(1000));
  }
  CHECK(bench.queue.state_of(EventId{1}) == State::in_flight);
}

TEST_CASE("a late success of an older delivery does not open the lane while a newer one is held") {
  Bench bench;
  bench.put(1, kAlice);
  bench.put(2, kAlice);
  bench.hello(kFirst);
  const auto old = bench.handouts().at(0);
  bench.pass(Millis(12000));
  bench.hello(kSecond);
  const auto fresh = bench.handouts().at(0);
  bench.settle(old, v1::OUTCOME_DONE);
  CHECK(bench.handouts().empty());
  SUBCASE("and the newer one's failure is a success") {
    bench.settle(fresh, v1::OUTCOME_RETRY, "busy");
  }
  SUBCASE("and the newer one's loss is a success") {
    bench.pass(Millis(12000));
    bench.hello(kSecond);
  }
  CHECK(bench.last_state() == State::done);
  CHECK(ids(bench.handouts()) == Ids{2});
}

TEST_CASE("a verdict counts once") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  const auto handout = bench.handouts().at(0);
  bench.settle(handout, v1::OUTCOME_RETRY, "busy");
  const auto changes = bench.changes.size();
  bench.settle(handout, v1::OUTCOME_RETRY, "busy");
  bench.settle(handout, v1::OUTCOME_DEAD, "late");
  CHECK(bench.changes.size() == changes);
  bench.settle(handout, v1::OUTCOME_DONE);  // it succeeded after all, and nobody holds it
  CHECK(bench.last_state() == State::done);
  bench.settle(handout, v1::OUTCOME_DONE);
  CHECK(bench.changes.size() == changes + 1);
}

TEST_CASE("a sign of life that crossed the record of its verdict changes nothing") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  const auto handout = bench.handouts().at(0);
  bench.settle(handout, v1::OUTCOME_RETRY, "busy");
  bench.queue.ping(kFirst, {{handout.event, handout.lease, false}}, false, bench.now);
  CHECK(bench.queue.state_of(EventId{1}) == State::waiting);
}

TEST_CASE("what comes back unstarted is handed out again without counting") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  bench.settle(bench.handouts()[0], v1::OUTCOME_RETURNED);
  const auto again = bench.handouts();
  REQUIRE(again.size() == 1);
  CHECK(again[0].attempt == 1);
}

TEST_CASE("after a restart lanes rest until the known workers have reported") {
  Bench bench;
  bench.queue.restore({EventId{1}, kAlice, State::ready, 0, 0, bench.now, {}, {}});
  bench.queue.restore({EventId{2}, kAlice, State::ready, 0, 0, bench.now, {}, {}});
  bench.queue.begin_quiet({kFirst, kSecond}, bench.now + limits::kRestartQuiet);
  bench.put(3, kBob);  // accepted in this run: nobody can hold it
  bench.hello(kSecond);
  CHECK(ids(bench.handouts()) == Ids{3});
  const Lease old{7};
  SUBCASE("and what they hold stays with them") {
    bench.hello(kFirst, 8, {{EventId{1}, old, false}});
    CHECK(bench.handouts().empty());
    v1::Verdict verdict;
    verdict.set_event_id(1);
    verdict.set_lease(old.value);
    verdict.set_outcome(v1::OUTCOME_DONE);
    bench.queue.settle(verdict, bench.now, bench.changes);
    CHECK(ids(bench.handouts()) == Ids{2});
  }
  SUBCASE("and go on at once when all have") {
    bench.hello(kFirst);
    CHECK(ids(bench.handouts()) == Ids{1});
  }
  SUBCASE("and do not wait for ever for one that is gone") {
    bench.pass(limits::kRestartQuiet);
    bench.hello(kSecond);
    CHECK(ids(bench.handouts()) == Ids{1});
  }
}

TEST_CASE("a success told after a restart opens the lane only when nobody can hold a newer delivery") {
  Bench bench;
  bench.queue.restore({EventId{1}, kAlice, State::ready, 1, 0, bench.now, {}, {}});
  bench.queue.restore({EventId{2}, kAlice, State::ready, 0, 0, bench.now, {}, {}});
  bench.queue.begin_quiet({kFirst, kSecond}, bench.now + limits::kRestartQuiet);
  const Lease old{7};
  const Lease newer{8};
  bench.hello(kFirst, 8, {{EventId{9}, old, true}});
  v1::Verdict verdict;
  verdict.set_event_id(1);
  verdict.set_lease(old.value);
  verdict.set_outcome(v1::OUTCOME_DONE);
  CHECK(bench.queue.settle(verdict, bench.now, bench.changes) == EventQueue::Effect::remembered);
  CHECK(bench.changes.empty());
  SUBCASE("one holds it") {
    bench.hello(kSecond, 8, {{EventId{1}, newer, false}});
    CHECK(bench.handouts().empty());
    verdict.set_lease(newer.value);
    verdict.set_outcome(v1::OUTCOME_RETRY);
    bench.queue.settle(verdict, bench.now, bench.changes);
  }
  SUBCASE("none holds it") {
    bench.hello(kSecond);
  }
  SUBCASE("one never comes back") {
    bench.pass(limits::kRestartQuiet);
  }
  CHECK(bench.last_state() == State::done);
  bench.hello(kFirst);
  CHECK(ids(bench.handouts()) == Ids{2});
}

TEST_CASE("a restart keeps attempts, waits and parking") {
  Bench bench;
  bench.queue.restore({EventId{1}, kAlice, State::waiting, 3, 2, bench.now, bench.now + Millis(5000), {}});
  bench.queue.restore({EventId{2}, kBob, State::parked, 0, 0, bench.now, bench.now + Millis(900000), {}});
  bench.hello(kFirst);
  CHECK(bench.handouts().empty());
  bench.pass(Millis(5000));
  bench.hello(kFirst);
  const auto handouts = bench.handouts();
  REQUIRE(ids(handouts) == Ids{1});
  CHECK(handouts[0].attempt == 4);
  CHECK(handouts[0].progress == 2);
  CHECK(bench.queue.counts().parked == 1);
}

TEST_CASE("a replayed event takes its place in the lane but never before a head that travels") {
  Bench bench;
  const Remembered kThree{.event = EventId{3}, .customer = kAlice};
  bench.put(5, kAlice);
  bench.hello(kFirst);
  SUBCASE("behind a head that travels alone") {
    const auto head = bench.handouts().at(0);
    bench.queue.replay(kThree, bench.now, bench.changes);
    bench.put(9, kAlice);
    bench.settle(head, v1::OUTCOME_DONE);
    const auto next = bench.handouts();
    CHECK(ids(next) == Ids{3});
    bench.settle(next[0], v1::OUTCOME_DONE);
    CHECK(ids(bench.handouts()) == Ids{9});
    return;
  }
  bench.put(7, kAlice);
  SUBCASE("before a head that rests") {
    bench.queue.replay(kThree, bench.now, bench.changes);
    CHECK(ids(bench.handouts()) == Ids{3});
  }
  SUBCASE("behind a head that travels, before the rest") {
    const auto head = bench.handouts().at(0);
    bench.queue.replay(kThree, bench.now, bench.changes);
    CHECK(bench.handouts().empty());
    bench.settle(head, v1::OUTCOME_DONE);
    const auto next = bench.handouts();
    CHECK(ids(next) == Ids{3});
    bench.settle(next[0], v1::OUTCOME_DONE);
    CHECK(ids(bench.handouts()) == Ids{7});
  }
}

// Found by the simulation: the agent saw a message twice.
TEST_CASE(
    "what an earlier run may have sent is in doubt since its acceptance, though no worker is known, over a "
    "replay too") {
  Bench bench;
  const Timestamp accepted = bench.now;
  bench.now = bench.now + Millis(200'000);
  bench.queue.restore({.event = EventId{1}, .customer = kAlice, .accepted_at = accepted});
  bench.queue.begin_quiet({}, bench.now + limits::kRestartQuiet);
  SUBCASE("handed out again") {}
  SUBCASE("dropped and replayed") {
    bench.queue.drop(EventId{1}, "dropped", bench.changes);
    CHECK(bench.changes.back().unsure_at == accepted);
    return;
  }
  bench.hello(kFirst);
  CHECK(bench.handouts().at(0).unsure_at == accepted);
}

// Found by the simulation: the next event of the customer started while the dropped one still ran.
TEST_CASE("after a restart nothing is dropped that a worker may still have") {
  Bench bench;
  bench.queue.restore({.event = EventId{1}, .customer = kAlice});
  bench.queue.begin_quiet({kFirst}, bench.now + limits::kRestartQuiet);
  CHECK_FALSE(bench.queue.drop(EventId{1}, "dropped", bench.changes));
  bench.hello(kFirst);
  CHECK(bench.queue.drop(EventId{1}, "dropped", bench.changes));
}

// Found by the simulation: an older event was replayed while this one travelled, then the gateway restarted.
TEST_CASE("after a restart a delivery counts though a replayed event stands before it now") {
  Bench bench;
  bench.queue.restore({.event = EventId{1}, .customer = kAlice});
  bench.queue.restore({.event = EventId{2}, .customer = kAlice});
  bench.queue.begin_quiet({kFirst, kSecond}, bench.now + limits::kRestartQuiet);
  v1::Verdict verdict;
  verdict.set_event_id(2);
  verdict.set_lease(7);
  verdict.set_outcome(v1::OUTCOME_DONE);
  SUBCASE("its success is told when the lane is open again") {
    bench.hello(kFirst);
    bench.hello(kSecond);
    CHECK(bench.queue.settle(verdict, bench.now, bench.changes) == EventQueue::Effect::applied);
    CHECK(bench.last_state() == State::done);
    CHECK(ids(bench.handouts()) == Ids{1});
  }
  SUBCASE("a worker still has it: nothing of the customer travels meanwhile") {
    bench.hello(kFirst, 8, {{EventId{2}, Lease{7}, false}});
    bench.hello(kSecond);
    CHECK(bench.handouts().empty());
    CHECK(bench.queue.settle(verdict, bench.now, bench.changes) == EventQueue::Effect::applied);
    CHECK(ids(bench.handouts()) == Ids{1});
  }
}

TEST_CASE("an operator drops a waiting event, never one in flight") {
  Bench bench;
  bench.put(1, kAlice);
  bench.put(2, kAlice);
  bench.put(3, kAlice);
  bench.hello(kFirst);
  const auto head = bench.handouts().at(0);
  CHECK_FALSE(bench.queue.drop(EventId{1}, "dropped", bench.changes));
  CHECK(bench.queue.drop(EventId{2}, "dropped", bench.changes));
  CHECK_FALSE(bench.queue.drop(EventId{9}, "dropped", bench.changes));
  bench.settle(head, v1::OUTCOME_DONE);
  CHECK(ids(bench.handouts()) == Ids{3});
}

TEST_CASE("a worker that leaves gives back what it held, and a stranger's ping is answered with no") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  REQUIRE(bench.handouts().size() == 1);
  bench.queue.bye(kFirst, bench.changes);
  CHECK_FALSE(bench.queue.ping(kFirst, {}, false, bench.now));
  bench.hello(kSecond);
  CHECK(bench.handouts().size() == 1);
}

TEST_CASE("a customer who writes while the cloud still refuses is answered by another try") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  const auto handout = bench.handouts().at(0);
  bench.now = bench.now + Millis(100);
  bench.queue.reopen(kAlice, bench.now, bench.changes);
  bench.settle(handout, v1::OUTCOME_PARKED, "window closed");
  CHECK(bench.queue.counts().parked == 0);
  bench.now = bench.now + Millis(100);
  bench.settle(bench.handouts().at(0), v1::OUTCOME_PARKED, "window closed");
  CHECK(bench.queue.counts().parked == 1);
}

TEST_CASE("a reply that goes out in the millisecond of the customer's message goes out after it") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  bench.settle(bench.handouts().at(0), v1::OUTCOME_PARKED, "window closed");
  bench.queue.reopen(kAlice, bench.now, bench.changes);
  bench.settle(bench.handouts().at(0), v1::OUTCOME_PARKED, "window closed");
  CHECK(bench.queue.counts().parked == 1);
}

// Found by the simulation: after a restart the customer got the first part again.
TEST_CASE("delivered parts are remembered when the customer wrote just before their reply was to be parked") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  auto verdict = bench.verdict(bench.handouts().at(0), v1::OUTCOME_PARKED, "window closed");
  verdict.set_progress(1);
  bench.queue.reopen(kAlice, bench.now, bench.changes);
  bench.queue.settle(verdict, bench.now, bench.changes);
  REQUIRE(!bench.changes.empty());
  CHECK(bench.last_state() == State::ready);
  CHECK(bench.changes.back().progress == 1);
}

TEST_CASE("delivered parts are remembered whatever the end") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  auto verdict = bench.verdict(bench.handouts().at(0), v1::OUTCOME_DEAD, "the second part is refused");
  verdict.set_progress(1);
  bench.queue.settle(verdict, bench.now, bench.changes);
  CHECK(bench.changes.back().progress == 1);
}

// Found by the simulation: the customer got the first part again.
TEST_CASE("a late verdict counts for nothing but the parts it says have arrived") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  const auto first = bench.handouts().at(0);
  bench.now = bench.now + limits::kWorkerLostAfter + Millis(2000);  // its worker falls silent
  bench.hello(kSecond);
  bench.queue.tick(bench.now, bench.changes);
  auto late = bench.verdict(first, v1::OUTCOME_RETRY, "the second part failed");
  late.set_progress(1);
  const auto second = bench.handouts().at(0);
  CHECK(second.progress == 0);
  CHECK(bench.queue.settle(late, bench.now, bench.changes) == EventQueue::Effect::remembered);
  bench.settle(second, v1::OUTCOME_RETURNED);
  CHECK(bench.queue.settle(late, bench.now, bench.changes) == EventQueue::Effect::applied);
  CHECK(bench.changes.back().progress == 1);
  CHECK(bench.last_state() == State::ready);
  CHECK(bench.queue.settle(late, bench.now, bench.changes) == EventQueue::Effect::none);
  CHECK(bench.handouts().at(0).progress == 1);
}

TEST_CASE("what is handed out may start only so late that it ends before its worker is given up") {
  Bench bench;
  bench.hello(kFirst);
  bench.now = bench.now + Millis(1000);
  bench.put(1, kAlice);
  const auto handout = bench.handouts().at(0);
  const Timestamp given_up = bench.now - Millis(1000) + limits::kWorkerLostAfter;
  CHECK(handout.start_by + limits::kHandlerBudget <= given_up);
  bench.put(2, kBob);
  bench.now = bench.now + Millis(1000);
  CHECK(bench.handouts().empty());  // it has missed a ping
}

TEST_CASE("an older delivery's verdict that comes again after a newer one's changes nothing") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  const auto first = bench.handouts().at(0);
  bench.settle(first, v1::OUTCOME_RETRY, "busy");
  bench.pass(Millis(1000));
  bench.hello(kFirst);
  bench.settle(bench.handouts().at(0), v1::OUTCOME_RETRY, "busy");
  const auto changes = bench.changes.size();
  bench.queue.ping(kFirst, {{first.event, first.lease, true}}, false, bench.now);
  bench.settle(first, v1::OUTCOME_RETRY, "busy");
  CHECK(bench.changes.size() == changes);
  CHECK(bench.queue.state_of(EventId{1}) == State::waiting);
}

TEST_CASE("a verdict that counted before a restart does not count again") {
  Bench bench;
  const Lease settled{7};
  bench.queue.restore(
      {EventId{1}, kAlice, State::waiting, 1, 0, bench.now, bench.now + Millis(5000), settled});
  bench.hello(kFirst, 8, {{EventId{1}, settled, true}});
  v1::Verdict verdict;
  verdict.set_event_id(1);
  verdict.set_lease(settled.value);
  verdict.set_outcome(v1::OUTCOME_RETRY);
  CHECK(bench.queue.settle(verdict, bench.now, bench.changes) == EventQueue::Effect::none);
  CHECK(bench.changes.empty());
  verdict.set_lease(settled.value + 1);  // of a delivery made after that one
  CHECK(bench.queue.settle(verdict, bench.now, bench.changes) == EventQueue::Effect::applied);
}

TEST_CASE("a success that waits for the end of a newer delivery is not to be confirmed yet") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  const auto old = bench.handouts().at(0);
  bench.pass(Millis(12000));
  bench.hello(kSecond);
  REQUIRE(bench.handouts().size() == 1);
  CHECK(bench.queue.settle(bench.verdict(old, v1::OUTCOME_DONE), bench.now, bench.changes) ==
        EventQueue::Effect::remembered);
}

TEST_CASE("a goodbye costs what it crossed no attempt") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  REQUIRE(bench.handouts().size() == 1);
  bench.queue.bye(kFirst, bench.changes);
  bench.hello(kSecond);
  CHECK(bench.handouts().at(0).attempt == 1);
}

TEST_CASE("a draining worker gets nothing new") {
  Bench bench;
  bench.hello(kFirst);
  bench.queue.ping(kFirst, {}, true, bench.now);
  bench.put(1, kAlice);
  CHECK(bench.handouts().empty());
}

TEST_CASE("words of people go before accounts in bulk") {
  Bench bench;
  bench.put(1, OpenId("o1"), Kind::import_account);
  bench.put(2, OpenId("o2"), Kind::delete_account);
  bench.put(3, kAlice);
  bench.hello(kFirst, 2);
  CHECK(ids(bench.handouts()) == Ids{3, 1});
}

TEST_CASE("accounts in bulk travel in bundles of one slot and one verdict each") {
  Bench bench;
  for (std::uint64_t id = 1; id <= 5; ++id)
    bench.put(id, OpenId("o" + std::to_string(id)), Kind::import_account);
  bench.hello(kFirst, 2, {}, 3);
  const auto work = bench.handouts();
  REQUIRE(ids(work) == Ids{1, 2, 3, 4, 5});
  CHECK(work[0].bundle == work[2].bundle);
  CHECK(work[3].bundle == work[4].bundle);
  CHECK(work[0].bundle != work[3].bundle);
  CHECK(bench.queue.workers()[0].in_flight == 2);
  bench.put(6, kAlice);
  bench.settle(work[0], v1::OUTCOME_DONE);
  bench.settle(work[1], v1::OUTCOME_RETRY);
  CHECK(bench.handouts().empty());  // the slot is taken until the last of them has ended
  bench.settle(work[2], v1::OUTCOME_DONE);
  CHECK(ids(bench.handouts()) == Ids{6});
}

TEST_CASE("a worker that takes no bundles gets accounts one by one") {
  Bench bench;
  for (std::uint64_t id = 1; id <= 3; ++id)
    bench.put(id, OpenId("o" + std::to_string(id)), Kind::delete_account);
  bench.hello(kFirst, 2);
  const auto work = bench.handouts();
  REQUIRE(ids(work) == Ids{1, 2});
  CHECK(work[0].bundle == 0);
}

TEST_CASE("the probe of a closed queue is a single event") {
  Bench bench;
  for (std::uint64_t id = 1; id <= 4; ++id)
    bench.put(id, OpenId("o" + std::to_string(id)), Kind::import_account);
  bench.hello(kFirst, 8, {}, 100);
  auto work = bench.handouts();
  for (const auto& one : work) bench.settle(one, v1::OUTCOME_UNAVAILABLE);
  bench.pass(Gate::kFirstPause);
  bench.hello(kFirst, 8, {}, 100);
  CHECK(ids(bench.handouts()) == Ids{1});
}

TEST_CASE("a bundle is lost with its worker, whole") {
  Bench bench;
  for (std::uint64_t id = 1; id <= 3; ++id)
    bench.put(id, OpenId("o" + std::to_string(id)), Kind::import_account);
  bench.hello(kFirst, 1, {}, 100);
  REQUIRE(bench.handouts().size() == 3);
  bench.pass(limits::kWorkerLostAfter + Millis(1));
  bench.hello(kSecond, 1, {}, 100);
  CHECK(ids(bench.handouts()) == Ids{1, 2, 3});
  CHECK(bench.queue.workers().at(0).in_flight == 1);
}

TEST_CASE("a limit holds for all workers together, and the next timer says when to go on") {
  Bench bench({}, {10, 0, 0, 0});
  for (std::uint64_t id = 1; id <= 14; ++id) bench.put(id, OpenId("o" + std::to_string(id)));
  bench.hello(kFirst);
  bench.hello(kSecond);
  bench.pass(Millis(0));
  CHECK(bench.handouts().size() == 3);  // what a rest of a quarter of a second allows
  const auto next = bench.queue.next_timer(bench.now);
  REQUIRE(next);
  CHECK(*next > bench.now);
  CHECK(*next <= bench.now + Millis(102));
  bench.pass(*next - bench.now);
  CHECK(bench.handouts().size() == 1);
}

TEST_CASE("a throttle answer slows the queue down and counts no attempt") {
  Bench bench({}, {100, 0, 0, 0});
  bench.put(1, kAlice);
  bench.hello(kFirst);
  auto work = bench.handouts();
  auto verdict = bench.verdict(work.at(0), v1::OUTCOME_UNAVAILABLE, "too often");
  verdict.set_failure(v1::FAILURE_THROTTLE);
  verdict.set_after_ms(1000);
  bench.queue.settle(verdict, bench.now, bench.changes);
  CHECK(bench.last_state() == State::waiting);
  CHECK(bench.changes.back().attempts == 0);
  CHECK(bench.changes.back().due >= bench.now + Millis(1000));
  CHECK_FALSE(bench.queue.gate().closed());
  CHECK(bench.queue.pacer().rate(Kind::message, bench.now) < 70);
  SUBCASE("a long pause closes the queue instead") {
    bench.pass(Millis(1500));
    bench.hello(kFirst);
    work = bench.handouts();
    verdict = bench.verdict(work.at(0), v1::OUTCOME_UNAVAILABLE, "the day's quota is used up");
    verdict.set_failure(v1::FAILURE_THROTTLE);
    verdict.set_after_ms(60'000);
    bench.queue.settle(verdict, bench.now, bench.changes);
    CHECK(bench.queue.gate().closed());
    CHECK_FALSE(bench.queue.gate().needs_operator());
  }
}

TEST_CASE("refused settings close the queue and call for an operator") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  auto verdict =
      bench.verdict(bench.handouts().at(0), v1::OUTCOME_UNAVAILABLE, "IP 203.0.113.7 is not allowed");
  verdict.set_failure(v1::FAILURE_CONFIGURATION);
  bench.queue.settle(verdict, bench.now, bench.changes);
  CHECK(bench.queue.gate().state() == Gate::State::closed);
  CHECK(bench.queue.gate().needs_operator());
  CHECK(bench.queue.gate().reason() == "IP 203.0.113.7 is not allowed");
  CHECK(bench.queue.gate().since() == bench.now);
  CHECK(bench.changes.back().failure == v1::FAILURE_CONFIGURATION);
  CHECK(bench.changes.back().worker == kFirst);
}

TEST_CASE("an attempt that may have acted is remembered with the moment it went out") {
  Bench bench;
  bench.put(1, kAlice);
  bench.hello(kFirst);
  const auto work = bench.handouts();
  CHECK(work.at(0).unsure_at == Timestamp{});
  const auto sent_at = bench.now;
  Timestamp expected = sent_at;
  bench.pass(Millis(500));
  SUBCASE("because the call ended without an answer") {
    auto verdict = bench.verdict(work[0], v1::OUTCOME_RETRY, "timed out");
    verdict.set_unsure(true);
    bench.queue.settle(verdict, bench.now, bench.changes);
    CHECK(bench.changes.back().unsure_at == sent_at);
    CHECK(bench.changes.back().unsure == 1);
  }
  SUBCASE("because the worker fell silent") {
    bench.pass(limits::kWorkerLostAfter + Millis(1));
    CHECK(bench.changes.back().failure == v1::FAILURE_UNKNOWN_OUTCOME);
  }
  SUBCASE("but not of a delivery that the worker never had") {
    expected = {};
    bench.pass(limits::kWorkerLostAfter - Millis(1000));
    REQUIRE(bench.queue.ping(kFirst, {}, false, bench.now));
    bench.pass(Millis(2000));
    CHECK(bench.changes.back().unsure_at == Timestamp{});
  }
  bench.pass(Millis(1200));
  bench.hello(kSecond);
  const auto again = bench.handouts();
  REQUIRE(ids(again) == Ids{1});
  CHECK(again[0].unsure_at == expected);
}

TEST_CASE("what another run of the gateway may have sent is unsure since its acceptance") {
  Bench bench;
  Remembered remembered;
  remembered.event = EventId{1};
  remembered.customer = kAlice;
  remembered.accepted_at = bench.now;
  bench.queue.restore(remembered);
  remembered.event = EventId{2};  // stood behind it, so it was not sent
  bench.queue.restore(remembered);
  bench.queue.begin_quiet({kFirst}, bench.now + limits::kRestartQuiet);
  const auto accepted_at = bench.now;
  bench.pass(Millis(1000));
  bench.hello(kFirst);
  const auto first = bench.handouts();
  REQUIRE(ids(first) == Ids{1});
  CHECK(first[0].unsure_at == accepted_at);
  bench.settle(first[0], v1::OUTCOME_DONE);
  CHECK(bench.handouts().at(0).unsure_at == Timestamp{});
}

TEST_CASE("a reply that must not be repeated dies with the worker that may have sent it") {
  RetryPolicy policy;
  policy.unsure_max = 1;
  Bench bench(policy);
  bench.put(1, kAlice, Kind::reply);
  bench.hello(kFirst);
  REQUIRE(bench.handouts().size() == 1);
  bench.pass(limits::kWorkerLostAfter + Millis(1));
  CHECK(bench.last_state() == State::dead);
  CHECK(bench.changes.back().error ==
        "it may have been delivered, and is not repeated again: the worker fell silent");
}

TEST_CASE("of very many replies whose windows have ended a few are given up at a time") {
  Bench bench;
  for (std::uint64_t id = 1; id <= 1200; ++id) bench.put(id, OpenId("o" + std::to_string(id)), Kind::reply);
  bench.queue.gate().pause();
  bench.pass(std::chrono::hours(49));
  CHECK(bench.changes.size() == 500);
  bench.pass(std::chrono::seconds(1));
  bench.pass(std::chrono::seconds(1));
  CHECK(bench.changes.size() == 1200);
  CHECK(bench.queue.counts().ready == 0);
}

TEST_CASE("while a queue is paused nothing dies but replies whose window ends") {
  RetryPolicy policy;
  policy.give_up_after = Millis(60'000);
  Bench bench(policy);
  bench.put(1, kAlice);
  bench.put(2, kBob, Kind::reply);
  bench.queue.customer_ends_at(kBob, bench.now + Millis(600'000));
  bench.queue.gate().pause();
  bench.serve(Millis(590'000), [](const Handout&) {});
  CHECK(bench.changes.empty());
  bench.serve(Millis(3'600'000), [](const Handout&) {});
  REQUIRE(bench.changes.size() == 1);
  CHECK(bench.changes[0].event == EventId{2});
  CHECK(bench.last_state() == State::dead);
  CHECK(bench.changes[0].error == "given up, the reply window has ended: the queue is paused");
}

TEST_CASE("a reply is given up, and unparked as dead, when the customer's window ends") {
  Bench bench;
  bench.put(1, kAlice, Kind::reply);
  bench.queue.customer_ends_at(kAlice, bench.now + Millis(5000));
  bench.hello(kFirst);
  const auto work = bench.handouts();
  SUBCASE("parked") {
    bench.settle(work.at(0), v1::OUTCOME_PARKED, "no");
    CHECK(bench.changes.back().due == bench.now + Millis(5000));
    bench.pass(Millis(5001));
    CHECK(bench.last_state() == State::dead);
  }
  SUBCASE("failing") {
    bench.pass(Millis(5001));
    bench.settle(work.at(0), v1::OUTCOME_RETRY, "no");
    CHECK(bench.last_state() == State::dead);
  }
}

TEST_CASE("what the cloud asks to wait for is waited for, and what somebody has to mend waits longer") {
  const RetryPolicy policy;
  CHECK(wait_before_retry(policy, v1::FAILURE_RETRY, 1, Millis(7000), 0.5) == Millis(7000));
  CHECK(wait_before_retry(policy, v1::FAILURE_IMPORT, 1, Millis(0), 0.5) == Millis(5000));
}

TEST_CASE("a reply that may have been delivered is not sent again for ever because the queue is closed") {
  RetryPolicy policy;
  policy.unsure_max = 3;
  Bench bench(policy);
  for (std::uint64_t id = 1; id <= 4; ++id) bench.put(id, OpenId("o" + std::to_string(id)), Kind::reply);
  std::map<std::uint64_t, int> sent;
  for (int round = 0; round < 200; ++round) {
    bench.hello(kFirst);
    for (const auto& handout : bench.handouts()) {
      ++sent[handout.event.value];
      auto verdict = bench.verdict(handout, v1::OUTCOME_RETRY, "no answer in time");
      verdict.set_unsure(true);
      bench.queue.settle(verdict, bench.now, bench.changes);
    }
    bench.pass(Millis(1000));
  }
  for (const auto& [event, times] : sent) CHECK(times == 3);
  CHECK(sent.size() == 4);
}

TEST_CASE("events that always fail do not keep a queue closed for the others") {
  Bench bench;
  for (std::uint64_t id = 1; id <= 4; ++id) bench.put(id, OpenId("o" + std::to_string(id)));
  bool delivered = false;
  for (int round = 0; round < 60 && !delivered; ++round) {
    bench.hello(kFirst, 3);
    for (const auto& handout : bench.handouts()) {
      delivered = delivered || handout.event == EventId{4};
      bench.settle(handout, handout.event == EventId{4} ? v1::OUTCOME_DONE : v1::OUTCOME_RETRY,
                   "the agent is unknown");
    }
    bench.pass(Millis(1000));
  }
  CHECK(delivered);
}

TEST_CASE("a bundle whose call failed is one failure, not one of each customer") {
  Bench bench;
  for (std::uint64_t id = 1; id <= 5; ++id)
    bench.put(id, OpenId("o" + std::to_string(id)), Kind::import_account);
  bench.hello(kFirst, 8, {}, 100);
  for (const auto& one : bench.handouts()) bench.settle(one, v1::OUTCOME_RETRY, "internal error");
  CHECK_FALSE(bench.queue.gate().closed());
}

TEST_CASE("a lookup stands in nobody's way, moves no gate and is counted nowhere") {
  Bench bench;
  bench.hello(kFirst);
  for (std::uint64_t id = 1; id <= 4; ++id)
    bench.put(1000 + id, OpenId("o" + std::to_string(id)), Kind::lookup);
  const auto asked = bench.handouts();
  REQUIRE(asked.size() == 4);
  CHECK(bench.queue.counts().in_flight == 0);
  CHECK_FALSE(bench.queue.oldest_accepted(State::in_flight));
  bench.put(1, OpenId("o1"));
  bench.put(1005, OpenId("o1"), Kind::lookup);
  const auto word = bench.handouts();
  REQUIRE(ids(word) == Ids{1});
  SUBCASE("failures do not close it") {
    for (const auto& one : asked) {
      bench.settle(one, v1::OUTCOME_RETRY);
      CHECK(bench.last_state() == State::done);
    }
    CHECK_FALSE(bench.queue.gate().closed());
  }
  SUBCASE("an IM that is away neither") {
    bench.settle(asked[0], v1::OUTCOME_UNAVAILABLE);
    CHECK(bench.last_state() == State::done);
    CHECK_FALSE(bench.queue.gate().closed());
  }
  SUBCASE("an answer does not make up for failing words") {
    for (std::uint64_t id = 2; id <= 3; ++id) bench.put(id, OpenId("o" + std::to_string(id)));
    const auto words = bench.handouts();
    REQUIRE(ids(words) == Ids{2, 3});
    bench.settle(word[0], v1::OUTCOME_RETRY);
    bench.settle(words[0], v1::OUTCOME_RETRY);
    bench.settle(asked[0], v1::OUTCOME_DONE);
    CHECK_FALSE(bench.queue.gate().closed());
    bench.settle(words[1], v1::OUTCOME_RETRY);
    CHECK(bench.queue.gate().closed());
  }
}

TEST_CASE("a worker that offers very many slots gets no more than its share") {
  Bench bench;
  bench.hello(kFirst, 32);
  bench.hello(kSecond, 1024);
  for (std::uint64_t id = 1; id <= 40; ++id) bench.put(id, OpenId("o" + std::to_string(id)));
  const auto work = bench.handouts();
  CHECK(std::count_if(work.begin(), work.end(), [](const Handout& one) { return one.worker == kFirst; }) ==
        20);
}

TEST_CASE("who had a delivery is known while it can matter") {
  Bench bench;
  bench.hello(kFirst);
  bench.put(1, kAlice);
  const auto first = bench.handouts().at(0);
  CHECK(bench.queue.handed_to(kFirst, first.event, first.lease));
  CHECK_FALSE(bench.queue.handed_to(kSecond, first.event, first.lease));
  CHECK_FALSE(bench.queue.handed_to(kFirst, first.event, Lease{first.lease.value + 1}));
  bench.settle(first, v1::OUTCOME_RETURNED);
  const auto second = bench.handouts().at(0);
  CHECK(bench.queue.handed_to(kFirst, first.event, first.lease));
  SUBCASE("of a dead event: a success may come after a death") {
    bench.settle(second, v1::OUTCOME_DEAD);
    CHECK(bench.queue.handed_to(kFirst, second.event, second.lease));
  }
  SUBCASE("not of one that is done") {
    bench.settle(second, v1::OUTCOME_DONE);
    CHECK_FALSE(bench.queue.handed_to(kFirst, second.event, second.lease));
  }
}
