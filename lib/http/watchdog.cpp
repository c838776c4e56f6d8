#include "lib/http/watchdog.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>  // glibc's own does not know tcpi_bytes_received
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace kefu::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// A socket that was not connected yet when it was shut down may connect afterwards: so once is not enough.
constexpr auto kAgain = 20ms;
constexpr auto kLookEvery = 50ms;  // at how much has come

// What has been read from a TCP socket since it was connected; 0 when the system does not tell.
std::uint64_t bytes_read_from(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  int unread = 0;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  if (ioctl(socket, SIOCINQ, &unread) != 0) return 0;
  const std::uint64_t received = info.tcpi_bytes_received;
  return received - std::min(received, static_cast<std::uint64_t>(std::max(unread, 0)));
}

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
    watched_.erase(watched_.begin());
    watch->due_ = look_after(*watch);
    watched_.emplace(watch->due_, watch);
  }
}

// Returns when to do it again. REQUIRES: mutex_ is held.
Watchdog::Deadline Watchdog::look_after(Watch& watch) {
  const auto now = steady_clock::now();
  if (!watch.flooded_ && watch.is_flood()) watch.flooded_ = true;
  if (now < watch.deadline_ && !watch.flooded_) return std::min(watch.deadline_, now + kLookEvery);
  if (watch.socket_ >= 0) shutdown(watch.socket_, SHUT_RDWR);
  return now + kAgain;
}

Watchdog::Watch::Watch(Watchdog& dog, Deadline deadline, std::uint64_t overhead_bytes_max)
    : dog_(dog),
      deadline_(deadline),
      overhead_bytes_max_(overhead_bytes_max),
      due_(std::min(deadline, steady_clock::now() + kLookEvery)) {
  const std::lock_guard lock(dog_.mutex_);
  const auto [place, is_new] = dog_.watched_.emplace(due_, this);
  if (place == dog_.watched_.begin()) dog_.changed_.notify_all();
}

// REQUIRES: dog_.mutex_ is held.
bool Watchdog::Watch::is_flood() const {
  if (socket_ < 0) return false;
  const auto read = bytes_read_from(socket_);
  return read > bytes_before_ + overhead_bytes_max_ + 2 * body_bytes_;
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
  bytes_before_ = bytes_read_from(socket_);
}

}  // namespace kefu::http
