#include "lib/http/thread_pool.h"

#include <chrono>
#include <system_error>
#include <utility>

namespace kefu::http {
namespace {

using namespace std::chrono_literals;

constexpr auto kIdleBeforeLeaving = 10s;
constexpr std::size_t kTurnedAwayMax = 256;

thread_local bool counted_idle = false;

}  // namespace

ThreadPool::ThreadPool(std::size_t kept, std::size_t threads_max) : kept_(kept), threads_max_(threads_max) {}

ThreadPool::~ThreadPool() {
  join();
}

// Both start_… return false when the system gives no more threads, which is as good as the maximum. REQUIRES:
// mutex_ is held.
bool ThreadPool::start_worker(const Job& job) {
  const auto self = running_.emplace(running_.end());
  try {
    *self = std::thread([this, self, job] { work(self, job); });
  } catch (const std::system_error&) {
    running_.erase(self);
    return false;
  }
  ++workers_;
  return true;
}

bool ThreadPool::start_spare() {
  const auto self = running_.emplace(running_.end());
  try {
    *self = std::thread([this, self] { turn_away(self); });
  } catch (const std::system_error&) {
    running_.erase(self);
    return false;
  }
  return true;
}

void ThreadPool::run(Job job) {
  std::unique_lock lock(mutex_);
  join_those_that_left(lock);
  if (idle_ > jobs_.size()) {
    jobs_.push_back(std::move(job));
    job_came_.notify_one();
    return;
  }
  if (workers_ < threads_max_ && start_worker(job)) return;
  if (!spare_runs_) spare_runs_ = start_spare();
  if (spare_runs_ && turned_away_.size() < kTurnedAwayMax) {
    turned_away_.push_back(std::move(job));
    turned_away_came_.notify_one();
    return;
  }
  lock.unlock();
  job(Welcome::drop);
}

void ThreadPool::work(Threads::iterator self, Job job) {
  for (;;) {
    job(Welcome::serve);
    std::unique_lock lock(mutex_);
    if (!std::exchange(counted_idle, false)) ++idle_;
    const auto woken = [this] { return !jobs_.empty() || ending_; };
    while (!job_came_.wait_for(lock, kIdleBeforeLeaving, woken) && workers_ <= kept_) {
    }
    --idle_;
    if (jobs_.empty()) {
      --workers_;
      left_.splice(left_.end(), running_, self);
      thread_left_.notify_all();
      return;
    }
    job = std::move(jobs_.front());
    jobs_.pop_front();
  }
}

void ThreadPool::count_me_idle() {
  const std::lock_guard lock(mutex_);
  ++idle_;
  counted_idle = true;
}

void ThreadPool::turn_away(Threads::iterator self) {
  std::unique_lock lock(mutex_);
  for (;;) {
    turned_away_came_.wait_for(lock, kIdleBeforeLeaving, [this] { return !turned_away_.empty() || ending_; });
    if (turned_away_.empty()) break;
    const Job job = std::move(turned_away_.front());
    turned_away_.pop_front();
    lock.unlock();
    job(Welcome::turn_away);
    lock.lock();
  }
  spare_runs_ = false;
  left_.splice(left_.end(), running_, self);
  thread_left_.notify_all();
}

void ThreadPool::join_those_that_left(std::unique_lock<std::mutex>& lock) {
  while (!left_.empty()) {
    std::thread thread = std::move(left_.front());
    left_.pop_front();
    lock.unlock();
    thread.join();
    lock.lock();
  }
}

void ThreadPool::join() {
  std::unique_lock lock(mutex_);
  ending_ = true;
  job_came_.notify_all();
  turned_away_came_.notify_all();
  thread_left_.wait(lock, [this] { return running_.empty(); });
  join_those_that_left(lock);
}

}  // namespace kefu::http
