// Threads for connections: made when needed, kept for a while, never more than a maximum. A connection that
// finds them all busy goes to one spare thread that only turns away. Thread-safe.
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
  // How a job may treat its connection.
  enum class Welcome {
    serve,
    turn_away,  // on the spare thread: answer shortly
    drop,       // on the caller's thread: even the spare thread is overrun
  };
  using Job = std::function<void(Welcome)>;

  // `kept` threads stay once they were needed; those beyond leave after some idle seconds.
  ThreadPool(std::size_t kept, std::size_t threads_max);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Runs every job exactly once, sooner or later.
  void run(Job job);
  // A job of `serve` may call this as its last act, just before it lets go of what somebody waits for:
  // whoever comes next because of it finds the thread free.
  void count_me_idle();
  // Waits until every job has ended. No run() may come after.
  void join();

 private:
  using Threads = std::list<std::thread>;

  void work(Threads::iterator self, Job job);
  void turn_away(Threads::iterator self);
  bool start_worker(const Job& job);
  bool start_spare();
  void join_those_that_left(std::unique_lock<std::mutex>& lock);

  const std::size_t kept_;
  const std::size_t threads_max_;

  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable job_came_;
  std::condition_variable turned_away_came_;
  std::condition_variable thread_left_;
  std::deque<Job> jobs_;         // never more than idle_ threads
  std::deque<Job> turned_away_;  // bounded
  Threads running_;
  Threads left_;             // about to end, to be joined
  std::size_t workers_ = 0;  // running ones without the spare
  std::size_t idle_ = 0;     // of them, waiting for a job or about to
  bool spare_runs_ = false;
  bool ending_ = false;
};

}  // namespace kefu::http
