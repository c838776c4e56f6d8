// Background work, one piece at a time and in order within a lane, lanes side by side. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace kefu::sandbox {

class Lanes {
 public:
  explicit Lanes(std::size_t threads_max);
  ~Lanes();  // stops

  void run(const std::string& lane, std::function<void()> work);
  // What has not begun is dropped; waits for what has. Idempotent.
  void stop();

 private:
  void serve();

  const std::size_t threads_max_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::map<std::string, std::deque<std::function<void()>>> waiting_;  // also empty: the lane is at work
  std::deque<std::string> ready_;                                     // lanes nobody works on
  std::size_t idle_ = 0;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace kefu::sandbox
