#include "sandbox/feed.h"

#include <vector>

namespace kefu::sandbox {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLinesKept = 2000;
constexpr auto kSignOfLife = 5s;

}  // namespace

void Feed::publish(std::string line) {
  const std::lock_guard lock(mutex_);
  lines_.push_back(std::move(line));
  if (lines_.size() > kLinesKept) lines_.pop_front();
  ++last_;
  grown_.notify_all();
}

std::uint64_t Feed::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

void Feed::follow(std::uint64_t since, const Write& write) {
  for (;;) {
    std::vector<std::string> fresh;
    std::uint64_t first = 0;
    bool gap = false;
    {
      std::unique_lock lock(mutex_);
      grown_.wait_for(lock, kSignOfLife, [&] { return stopped_ || last_ != since; });
      if (stopped_) return;
      const auto oldest = last_ - lines_.size() + 1;
      gap = since + 1 < oldest || since > last_;
      first = gap ? oldest : since + 1;
      fresh.assign(lines_.begin() + static_cast<std::ptrdiff_t>(first - oldest), lines_.end());
      since = last_;
    }
    if (gap && !write(0, "gap")) return;
    if (fresh.empty() && !write(0, "")) return;
    for (const auto& line : fresh) {
      if (!write(first++, line)) return;
    }
  }
}

void Feed::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  grown_.notify_all();
}

}  // namespace kefu::sandbox
