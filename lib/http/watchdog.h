// Ends network calls at their deadline, whatever they wait for, and calls whose peer sends without end: a
// thread that shuts their sockets down. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
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
    // `overhead_bytes_max`: how much may be read from the sockets besides twice the body. It is looked at
    // every 50 ms, so that somewhat more can come.
    Watch(Watchdog& dog, Deadline deadline, std::uint64_t overhead_bytes_max);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // From now on this socket is shut down at the deadline; it stays the caller's to close. Several may
    // follow one another.
    void guard(int socket);
    // So many more bytes of the answer's body have been read.
    void count_body(std::size_t bytes) { body_bytes_ += bytes; }
    // The peer sent too much that is not body, and the call was ended for that.
    bool flooded() const { return flooded_; }
    bool expired() const { return std::chrono::steady_clock::now() >= deadline_; }

   private:
    friend class Watchdog;
    bool is_flood() const;

    Watchdog& dog_;
    const Deadline deadline_;
    const std::uint64_t overhead_bytes_max_;
    std::atomic<std::uint64_t> body_bytes_ = 0;
    std::atomic<bool> flooded_ = false;
    // Guarded by dog_.mutex_:
    Deadline due_;                    // of its entry
    int socket_ = -1;                 // a duplicate, so that it never means another socket
    std::uint64_t bytes_before_ = 0;  // read from the socket before this call
  };

  Watchdog();
  // REQUIRES: no Watch is left.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void run();
  static Deadline look_after(Watch& watch);

  std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  std::set<std::pair<Deadline, Watch*>> watched_;  // by when to act next
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace kefu::http
