#include "tests/chaos/mischief.h"

#include <algorithm>
#include <csignal>
#include <utility>

namespace kefu::chaos {
namespace {

constexpr std::size_t kWorkersMost = 4;  // of each kind
constexpr Moment kLeastPause = 1'000;    // between two deeds
constexpr Moment kLongestPause = 6'000;
constexpr Moment kLongestAway = 3'000;  // until what was ended is started again
constexpr Moment kLongestGatewayFreeze = 8'000;
constexpr Moment kLongestWorkerFreeze = 15'000;  // longer than the gateway waits for a silent worker
constexpr Moment kCallUnderWay = 1'000;          // a killed worker's last call may still reach the cloud
constexpr Moment kDrains = 10'000;               // a dismissed worker ends what it began

}  // namespace

Mischief::Mischief(std::uint64_t seed, Moment pause, Services& services, Ledger& ledger,
                   const Weather& weather)
    : chance_(seed), pause_(pause), services_(services), ledger_(ledger), weather_(weather) {}

Moment Mischief::between(Moment least, Moment most) {
  return std::uniform_int_distribution<Moment>(least, most)(chance_);
}
std::size_t Mischief::below(std::size_t count) {
  return std::uniform_int_distribution<std::size_t>(0, count - 1)(chance_);
}

void Mischief::step(Moment now, bool fresh) {
  std::vector<Later> due;
  for (auto at = later_.begin(); at != later_.end();) {
    if (at->at > now) {
      ++at;
      continue;
    }
    due.push_back(std::move(*at));
    at = later_.erase(at);
  }
  for (const auto& one : due) one.deed(now);
  replace_the_dead(now);
  resume_queues(now);
  if (!fresh || now < next_deed_) return;
  one_deed(now);
  next_deed_ = now + between(pause_ / 6, pause_);
}

// Those that ended by themselves are a complaint; the run goes on.
void Mischief::replace_the_dead(Moment now) {
  const auto relays = services_.count(Job::relay);
  const auto notifiers = services_.count(Job::notifier);
  const bool had_gateway = services_.gateway() != nullptr;
  services_.look_for_the_dead();
  scale(Job::relay, relays, now);
  scale(Job::notifier, notifiers, now);
  if (had_gateway && services_.gateway() == nullptr) services_.start_gateway();
}

// A wrong setting pauses a queue until its operator has mended it: after such a spell, that is us.
void Mischief::resume_queues(Moment now) {
  if (services_.gateway() == nullptr || gateway_frozen_) return;
  for (const auto& [cloud, queue] : {std::pair{Cloud::im, "relay"}, std::pair{Cloud::wechat, "notifier"}}) {
    // The spell's last answers may be seconds old; once more when they have surely been told.
    const bool over =
        weather_.needs_operator(cloud, now - 20'000, now) && !weather_.needs_operator(cloud, now, now + 1);
    if (over && now >= resumed_until_) services_.ask({{"cmd", "resume"}, {"queue", queue}});
  }
  if (now >= resumed_until_) resumed_until_ = now + 5'000;
}

void Mischief::one_deed(Moment now) {
  const auto kind = below(100);
  if (kind < 20) {
    hurt_gateway(now);
  } else if (kind < 80) {
    hurt_worker(now);
  } else {
    scale(now);
  }
}

void Mischief::hurt_gateway(Moment now) {
  const auto kind = below(10);
  if (services_.gateway() == nullptr || gateway_frozen_) return;
  if (kind < 4) {
    freeze_gateway(now);
  } else {
    kill_gateway(now, kind == 9);
  }
}

void Mischief::kill_gateway(Moment now, bool gently) {
  ++deeds_[gently ? "gateway ended with SIGTERM" : "gateway killed with -9"];
  gently ? services_.stop_gateway() : services_.kill_gateway();
  const Moment back = moment_now() + between(0, kLongestAway);
  ledger_.happened({now, back, kGateway});
  later(back, [this](Moment) { services_.start_gateway(); });
}

void Mischief::freeze_gateway(Moment now) {
  ++deeds_["gateway frozen"];
  services_.gateway()->freeze();
  gateway_frozen_ = true;
  const Moment until = now + between(500, kLongestGatewayFreeze);
  ledger_.happened({now, until, kGateway});
  later(until, [this](Moment) {
    gateway_frozen_ = false;
    if (services_.gateway() != nullptr) services_.gateway()->signal(SIGCONT);
  });
}

void Mischief::hurt_worker(Moment now) {
  auto& workers = services_.workers();
  const auto kind = below(10);
  if (workers.empty()) return;
  const auto at = below(workers.size());
  if (kind < 4) {
    end_worker(at, now, false);
  } else if (kind < 6) {
    end_worker(at, now, true);
  } else if (!workers[at].frozen) {
    freeze_worker(at, now);
  }
}

void Mischief::end_worker(std::size_t at, Moment now, bool gently) {
  const auto job = services_.workers()[at].job;
  const auto number = services_.workers()[at].number;
  const bool frozen = services_.workers()[at].frozen;
  ++deeds_[gently ? "worker ended with SIGTERM" : "worker killed with -9"];
  gently ? services_.dismiss_worker(at) : services_.kill_worker(at);
  // One that ends gently tells its verdicts first, unless it was frozen and others have its work.
  if (!gently || frozen) ledger_.happened({now, now + (gently ? kDrains : kCallUnderWay), number});
  later(moment_now() + between(0, kLongestAway), [this, job](Moment) {
    if (services_.count(job) < kWorkersMost) services_.start_worker(job);
  });
}

void Mischief::freeze_worker(std::size_t at, Moment now) {
  auto& worker = services_.workers()[at];
  ++deeds_["worker frozen"];
  worker.process->freeze();
  worker.frozen = true;
  const Moment until = now + between(500, kLongestWorkerFreeze);
  ledger_.happened({now, until, worker.number});
  later(until, [this, number = worker.number](Moment) { thaw_worker(number); });
}

void Mischief::thaw_worker(std::uint32_t number) {
  for (auto& worker : services_.workers()) {
    if (worker.number != number) continue;
    if (!worker.frozen) continue;
    // It may now make the call it was about to make, and others have made it meanwhile.
    ledger_.happened({moment_now(), moment_now() + kCallUnderWay, number});
    worker.process->signal(SIGCONT);
    worker.frozen = false;
  }
}

void Mischief::scale(Moment now) {
  const auto job = below(2) == 0 ? Job::relay : Job::notifier;
  const auto wanted = 1 + below(kWorkersMost);
  ++deeds_[job == Job::relay ? "relays scaled" : "notifiers scaled"];
  scale(job, wanted, now);
}

void Mischief::scale(Job job, std::size_t wanted, Moment now) {
  while (services_.count(job) < wanted) services_.start_worker(job);
  for (std::size_t at = services_.workers().size(); at-- > 0 && services_.count(job) > wanted;) {
    const auto& worker = services_.workers()[at];
    if (worker.job != job) continue;
    // Others may do again what it was about to do when it froze.
    if (worker.frozen) ledger_.happened({now, now + kDrains, worker.number});
    services_.dismiss_worker(at);
  }
}

void Mischief::calm(std::size_t workers) {
  const Moment now = moment_now();
  later_.clear();
  if (gateway_frozen_) services_.gateway()->signal(SIGCONT);
  gateway_frozen_ = false;
  for (const auto& worker : services_.workers()) thaw_worker(worker.number);
  if (services_.gateway() == nullptr) services_.start_gateway();
  services_.await_gateway();
  for (const auto job : {Job::relay, Job::notifier}) scale(job, workers, now);
  services_.await_the_dismissed();
  for (const auto* queue : {"relay", "notifier"}) services_.ask({{"cmd", "resume"}, {"queue", queue}});
}

}  // namespace kefu::chaos
