#include "sandbox/lanes.h"

namespace kefu::sandbox {

Lanes::Lanes(std::size_t threads_max) : threads_max_(threads_max) {}

Lanes::~Lanes() {
  stop();
}

void Lanes::run(const std::string& lane, std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  const auto [place, is_new] = waiting_.try_emplace(lane);
  place->second.push_back(std::move(work));
  if (!is_new) return;
  ready_.push_back(lane);
  if (idle_ < ready_.size() && threads_.size() < threads_max_) threads_.emplace_back([this] { serve(); });
  changed_.notify_one();
}

void Lanes::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return stopped_ || !ready_.empty(); });
    --idle_;
    if (stopped_) return;
    const std::string lane = std::move(ready_.front());
    ready_.pop_front();
    auto work = std::move(waiting_[lane].front());
    waiting_[lane].pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
    const auto place = waiting_.find(lane);
    if (place == waiting_.end()) continue;  // stopped meanwhile
    if (place->second.empty()) {
      waiting_.erase(place);
    } else {
      ready_.push_back(lane);
      changed_.notify_one();
    }
  }
}

void Lanes::stop() {
  std::vector<std::thread> threads;
  std::map<std::string, std::deque<std::function<void()>>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(waiting_);
    ready_.clear();
    threads.swap(threads_);
    changed_.notify_all();
  }
  dropped.clear();  // outside the lock: what waits for a piece of work learns that it will not come
  for (auto& thread : threads) thread.join();
}

}  // namespace kefu::sandbox
