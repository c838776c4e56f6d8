#include "lib/http/watchdog.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace kefu::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// A socket that was not connected yet when it was shut down may connect afterwards: so once is not enough.
constexpr auto kAgain = 20ms;

}  // namespace

Watchdog::Watchdog() : thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Watchdog::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (watched_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto [due, watch] = *watched_.begin();
    if (steady_clock::now() < due) {
      changed_.wait_until(lock, due);
      continue;
    }
    if (watch->socket_ >= 0) shutdown(watch->socket_, SHUT_RDWR);
    watched_.erase(watched_.begin());
    watch->due_ = steady_clock::now() + kAgain;
    watched_.emplace(watch->due_, watch);
  }
}

Watchdog::Watch::Watch(Watchdog& dog, Deadline deadline) : dog_(dog), deadline_(deadline), due_(deadline) {
  const std::lock_guard lock(dog_.mutex_);
  const auto [place, is_new] = dog_.watched_.emplace(deadline_, this);
  if (place == dog_.watched_.begin()) dog_.changed_.notify_all();
}

Watchdog::Watch::~Watch() {
  const std::lock_guard lock(dog_.mutex_);
  dog_.watched_.erase({due_, this});
  if (socket_ >= 0) close(socket_);
}

void Watchdog::Watch::guard(int socket) {
  const int duplicate = fcntl(socket, F_DUPFD_CLOEXEC, 0);
  const std::lock_guard lock(dog_.mutex_);
  if (socket_ >= 0) close(socket_);
  socket_ = duplicate;
}

}  // namespace kefu::http
