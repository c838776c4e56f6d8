// Ends network calls at their deadline, whatever they wait for: a thread that shuts their sockets down.
// Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

namespace kefu::http {

class Watchdog {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // One call under watch. Used by the thread that makes the call.
  class Watch {
   public:
    Watch(Watchdog& dog, Deadline deadline);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // From now on this socket is shut down at the deadline; it stays the caller's to close. Several may
    // follow one another.
    void guard(int socket);
    bool expired() const { return std::chrono::steady_clock::now() >= deadline_; }

   private:
    friend class Watchdog;
    Watchdog& dog_;
    const Deadline deadline_;
    Deadline due_;     // of its entry; guarded by dog_.mutex_
    int socket_ = -1;  // a duplicate, so that it never means another socket; guarded by dog_.mutex_
  };

  Watchdog();
  // REQUIRES: no Watch is left.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void run();

  std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  std::set<std::pair<Deadline, Watch*>> watched_;  // by when to act next
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace kefu::http
