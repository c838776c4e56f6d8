// A gateway, its journal, workers and a cloud that records what it was sent, in virtual time from a seed:
// crashes of both sides, cut links, lost and late messages. The rules of DESIGN §3 must hold whatever
// happens.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <random>
#include <set>

#include "gateway/queue/event_queue.h"
#include "lib/base/limits.h"

using namespace kefu;
using namespace kefu::queue;

namespace {

constexpr Millis kTick{250};
constexpr int kSteps = 3000;
constexpr int kLanes = 6;
constexpr int kWorkers = 3;

struct Running {
  Lease lease;
  int ends_at = 0;
};

struct ModelWorker {
  WorkerId id;
  int boots = 0;
  bool linked = true;
  std::map<EventId, Running> running;
  std::map<EventId, v1::Verdict> unrecorded;
  std::map<EventId, v1::Outcome> recent;  // ended for good here: a further delivery costs no second send
  std::deque<Handout> inbox;
  int next_ping = 0;
  bool greeted = false;
};

class World {
 public:
  explicit World(unsigned seed) : random_(seed) {
    for (int i = 0; i < kWorkers; ++i) {
      workers_.push_back({});
      workers_.back().id = WorkerId("w" + std::to_string(i) + "-0");
    }
    start_gateway();
  }

  void run() {
    for (step_ = 0; step_ < kSteps || (unfinished() > 0 && step_ < 6 * kSteps); ++step_) {
      now_ = now_ + kTick;
      const bool calm = step_ >= kSteps * 3 / 4;
      if (step_ < kSteps * 3 / 5 && chance(0.35)) accept();
      if (!calm && chance(0.004)) start_gateway();
      for (auto& worker : workers_) {
        if (!calm) disturb(worker);
        if (calm) worker.linked = true;
        work(worker);
        talk(worker);
      }
      drive_gateway();
    }
  }

  std::size_t accepted() const { return lane_of_.size(); }
  std::size_t unfinished() const { return lane_of_.size() - finished_.size(); }
  std::size_t lost() const {
    std::size_t count = 0;
    for (const auto& [event, end] : finished_) count += end == State::done && !sent_.contains(event);
    return count;
  }
  std::size_t out_of_order() const { return out_of_order_; }
  std::size_t repeats() const { return repeats_; }

 private:
  bool chance(double share) { return std::uniform_real_distribution<>(0, 1)(random_) < share; }
  int pick(int from, int to) { return std::uniform_int_distribution<>(from, to)(random_); }

  void accept() {
    const EventId event{++last_event_};
    const OpenId lane("o" + std::to_string(pick(1, kLanes)));
    lane_of_[event] = lane;
    journal_[event] = {event, lane, State::ready, 0, 0, now_, {}, {}};
    queue_->put(event, lane, Kind::message, now_);
  }

  // A crash and a start from the journal: memory is gone, messages under way too.
  void start_gateway() {
    Rules rules;
    rules.retry.attempts_max = 6;
    queue_.emplace(rules, ++epoch_, [this] { return std::uniform_real_distribution<>(0, 1)(random_); });
    for (const auto& [event, remembered] : journal_) queue_->restore(remembered);
    queue_->begin_quiet({known_.begin(), known_.end()}, now_ + limits::kRestartQuiet);
    for (auto& worker : workers_) {
      worker.inbox.clear();
      worker.greeted = false;
      worker.next_ping = step_ + pick(0, 8);  // the time it takes to connect again
    }
  }

  void disturb(ModelWorker& worker) {
    if (chance(0.003)) {  // killed and started again: another one to the gateway
      worker.running.clear();
      worker.unrecorded.clear();
      worker.recent.clear();
      worker.inbox.clear();
      worker.id =
          WorkerId("w" + std::to_string(&worker - workers_.data()) + "-" + std::to_string(++worker.boots));
      worker.greeted = false;
    } else if (chance(0.006)) {
      worker.linked = !worker.linked;
    } else if (chance(0.01) && !worker.inbox.empty()) {
      worker.inbox.pop_front();  // a message is lost
    }
  }

  void work(ModelWorker& worker) {
    if (worker.linked) {
      for (const auto& handout : worker.inbox) take(worker, handout);
      worker.inbox.clear();
    }
    for (auto at = worker.running.begin(); at != worker.running.end();) {
      const auto [event, running] = *at;
      if (step_ < running.ends_at) {
        ++at;
        continue;
      }
      at = worker.running.erase(at);
      const double luck = std::uniform_real_distribution<>(0, 1)(random_);
      const auto outcome = luck < 0.8    ? v1::OUTCOME_DONE
                           : luck < 0.95 ? v1::OUTCOME_RETRY
                           : luck < 0.97 ? v1::OUTCOME_DEAD
                                         : v1::OUTCOME_UNAVAILABLE;
      if (outcome == v1::OUTCOME_DONE) cloud_receives(event);
      if (outcome == v1::OUTCOME_DONE || outcome == v1::OUTCOME_DEAD) worker.recent[event] = outcome;
      end(worker, event, running.lease, outcome);
    }
  }

  void take(ModelWorker& worker, const Handout& handout) {
    if (const auto running = worker.running.find(handout.event); running != worker.running.end()) {
      running->second.lease = handout.lease;
    } else if (const auto known = worker.recent.find(handout.event); known != worker.recent.end()) {
      end(worker, handout.event, handout.lease, known->second);
    } else if (now_ > handout.start_by) {
      end(worker, handout.event, handout.lease, v1::OUTCOME_RETURNED);
    } else {
      const int budget = static_cast<int>(limits::kHandlerBudget / kTick);
      worker.running[handout.event] = {handout.lease, step_ + pick(0, chance(0.1) ? budget : 4)};
    }
  }

  void end(ModelWorker& worker, EventId event, Lease lease, v1::Outcome outcome) {
    v1::Verdict verdict;
    verdict.set_event_id(event.value);
    verdict.set_lease(lease.value);
    verdict.set_outcome(outcome);
    verdict.set_reason("model");
    worker.unrecorded[event] = verdict;
  }

  void talk(ModelWorker& worker) {
    if (!worker.linked || step_ < worker.next_ping) return;
    worker.next_ping = step_ + static_cast<int>(limits::kPing / kTick);
    if (chance(0.05)) return;  // a ping is lost though deliveries arrive
    std::vector<HeldEvent> held;
    for (const auto& [event, running] : worker.running) held.push_back({event, running.lease, false});
    for (const auto& [event, verdict] : worker.unrecorded)
      held.push_back({event, Lease{verdict.lease()}, true});
    if (!worker.greeted || !queue_->ping(worker.id, held, false, now_)) {
      queue_->hello(worker.id, {2, 0}, held, now_, changes_);
      known_.insert(worker.id);
      worker.greeted = true;
    }
    for (const auto& [event, verdict] : worker.unrecorded) {
      queue_->settle(verdict, now_, changes_);
      if (chance(0.05)) queue_->settle(verdict, now_, changes_);  // repeated
    }
    if (!chance(0.05))
      worker.unrecorded.clear();  // else the record's message is lost and the verdict comes again
  }

  void drive_gateway() {
    queue_->tick(now_, changes_);
    for (const auto& change : changes_) record(change);
    changes_.clear();
    const auto workers = queue_->workers();
    if (!queue_->quiet())
      known_
          .clear();  // one that has not reported yet is not forgotten: a second restart must wait for it too
    for (const auto& worker : workers) known_.insert(worker.id);
    for (const auto& handout : queue_->handouts(now_)) {
      for (auto& worker : workers_) {
        if (worker.id == handout.worker && worker.linked) worker.inbox.push_back(handout);
      }
    }
    check_lanes();
  }

  void record(const Change& change) {
    if (change.state == State::done || change.state == State::dead) {
      REQUIRE_MESSAGE(!finished_.contains(change.event), "finished twice");
      finished_[change.event] = change.state;
      journal_.erase(change.event);
      return;
    }
    auto& remembered = journal_.at(change.event);
    remembered.state = change.state;
    remembered.attempts = change.attempts;
    remembered.settled = change.settled;
    remembered.due = change.due;
  }

  void check_lanes() const {
    std::set<OpenId> seen;
    for (const auto& [event, remembered] : journal_) {
      const bool head = seen.insert(remembered.customer).second;
      REQUIRE_MESSAGE((head || queue_->state_of(event) != State::in_flight), "two of one customer in flight");
    }
  }

  void cloud_receives(EventId event) {
    auto& last = last_sent_[lane_of_.at(event)];
    if (event < last) ++out_of_order_;
    last = std::max(last, event);
    if (!sent_.insert(event).second) ++repeats_;
  }

  std::mt19937 random_;
  Timestamp now_{1'700'000'000'000};
  int step_ = 0;
  std::uint32_t epoch_ = 0;
  std::uint64_t last_event_ = 0;
  std::optional<EventQueue> queue_;
  std::vector<ModelWorker> workers_;
  std::vector<Change> changes_;
  std::map<EventId, Remembered> journal_;
  std::map<EventId, OpenId> lane_of_;
  std::map<EventId, State> finished_;
  std::set<WorkerId> known_;
  std::set<EventId> sent_;
  std::map<OpenId, EventId> last_sent_;
  std::size_t out_of_order_ = 0;
  std::size_t repeats_ = 0;
};

}  // namespace

TEST_CASE("nothing is lost, stuck or out of order, whatever crashes") {
  const char* wanted = std::getenv("KEFU_SIM_SEEDS");
  const unsigned seeds = wanted ? static_cast<unsigned>(std::atoi(wanted)) : 1000;
  std::size_t accepted = 0;
  std::size_t repeats = 0;
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    World world(seed);
    world.run();
    CHECK(world.lost() == 0);
    CHECK(world.unfinished() == 0);
    CHECK(world.out_of_order() == 0);
    accepted += world.accepted();
    repeats += world.repeats();
  }
  CHECK(accepted > seeds * 400);
  MESSAGE(seeds << " seeds, " << accepted << " events, " << repeats << " repeated sends");
}
