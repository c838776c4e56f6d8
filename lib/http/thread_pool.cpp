#include "lib/http/thread_pool.h"

#include <chrono>
#include <system_error>
#include <utility>

namespace kefu::http {
namespace {

using namespace std::chrono_literals;

constexpr auto kIdleBeforeLeaving = 10s;

thread_local bool counted_idle = false;

}  // namespace

ThreadPool::ThreadPool(std::size_t kept, std::size_t threads_max) : kept_(kept), threads_max_(threads_max) {}

ThreadPool::~ThreadPool() {
  join();
}

// False: the system gives no more threads, which is as good as the maximum. REQUIRES: mutex_ is held.
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

bool ThreadPool::run(const Job& job) {
  std::unique_lock lock(mutex_);
  join_those_that_left(lock);
  if (idle_ > jobs_.size()) {
    jobs_.push_back(job);
    job_came_.notify_one();
    return true;
  }
  return workers_ < threads_max_ && start_worker(job);
}

void ThreadPool::work(Threads::iterator self, Job job) {
  for (;;) {
    job();
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
  thread_left_.wait(lock, [this] { return running_.empty(); });
  join_those_that_left(lock);
}

}  // namespace kefu::http
