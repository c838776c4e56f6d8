// Threads for handlers: made when needed, kept for a while, never more than a maximum. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace kefu::http {

class ThreadPool {
 public:
  using Job = std::function<void()>;

  // `kept` threads stay once they were needed; those beyond leave after some idle seconds.
  ThreadPool(std::size_t kept, std::size_t threads_max);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Runs the job at once on a thread of the pool. False: all of them are busy, and the job does not run.
  bool run(const Job& job);
  // A job may call this as its last act, just before it lets go of what somebody waits for: whoever comes
  // next because of it finds the thread free.
  void count_me_idle();
  // Waits until every job has ended. No run() may come after.
  void join();

 private:
  using Threads = std::list<std::thread>;

  void work(Threads::iterator self, Job job);
  bool start_worker(const Job& job);
  void join_those_that_left(std::unique_lock<std::mutex>& lock);

  const std::size_t kept_;
  const std::size_t threads_max_;

  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable job_came_;
  std::condition_variable thread_left_;
  std::deque<Job> jobs_;  // never more than idle_ threads
  Threads running_;
  Threads left_;             // about to end, to be joined
  std::size_t workers_ = 0;  // running ones
  std::size_t idle_ = 0;     // of them, waiting for a job or about to
  bool ending_ = false;
};

}  // namespace kefu::http
