#include "lib/http/connection.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace kefu::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 16 << 10;
constexpr auto kWriteStall = 5s;  // without taking a byte, the peer counts as gone
constexpr auto kStopGrace = 1s;   // for a request that is on its way when the server stops

int milliseconds_until(Connection::Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30));
}

// A connection that waits keeps the room of an ordinary message, no more.
void empty(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kReadBytes) buffer = {};
}

}  // namespace

StopSignal::StopSignal() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

StopSignal::~StopSignal() {
  ::close(descriptor_);
}

void StopSignal::raise() {
  raised_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written =
      ::write(descriptor_, &one, sizeof one);  // never read, so that every poll() sees it
}

Connection::Connection(int socket, std::string remote_address, const StopSignal& stop)
    : socket_(socket), stop_(stop), remote_address_(std::move(remote_address)) {}

Connection::~Connection() {
  ::close(socket_);
}

bool Connection::wait(short events, Deadline deadline) const {
  bool stop_seen = stop_.raised();
  if (stop_seen) deadline = std::min(deadline, steady_clock::now() + kStopGrace);
  for (;;) {
    std::array<pollfd, 2> waiting{{{socket_, events, 0}, {stop_seen ? -1 : stop_.descriptor(), POLLIN, 0}}};
    const int ready = poll(waiting.data(), waiting.size(), milliseconds_until(deadline));
    if (ready < 0 && errno != EINTR) return false;
    if (ready == 0) return false;
    if (ready > 0 && waiting[0].revents != 0) return true;
    if (ready > 0) {
      stop_seen = true;
      deadline = std::min(deadline, steady_clock::now() + kStopGrace);
    }
  }
}

Connection::Came Connection::receive_now() {
  // Of the thread, so that no connection that waits holds room for what may come.
  thread_local std::array<char, kReadBytes> room;
  ssize_t bytes = -1;
  do {
    bytes = recv(socket_, room.data(), room.size(), MSG_DONTWAIT);
  } while (bytes < 0 && errno == EINTR);
  if (bytes < 0 && errno == EAGAIN) return Came::nothing;
  if (bytes <= 0) return Came::farewell;
  if (consumed_ > 0) {
    in_.erase(0, consumed_);
    consumed_ = 0;
  }
  in_.append(room.data(), static_cast<std::size_t>(bytes));
  return static_cast<std::size_t>(bytes) < room.size() ? Came::last_bytes : Came::bytes;
}

void Connection::consume(std::size_t bytes) {
  consumed_ += bytes;
  if (consumed_ < in_.size()) return;
  empty(in_);
  consumed_ = 0;
}

Connection::Flushed Connection::flush_now() {
  std::size_t sent = 0;
  while (sent < out_.size()) {
    const auto bytes = send(socket_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0 && errno == EAGAIN) break;
    if (bytes < 0) return Flushed::failed;
    sent += static_cast<std::size_t>(bytes);
  }
  if (sent == out_.size()) {
    empty(out_);
  } else {
    out_.erase(0, sent);
  }
  return out_.empty() ? Flushed::all : Flushed::some;
}

bool Connection::flush() {
  auto flushed = flush_now();
  while (flushed == Flushed::some && wait(POLLOUT, steady_clock::now() + kWriteStall)) flushed = flush_now();
  out_.clear();
  return flushed == Flushed::all;
}

bool Connection::peer_is_gone() const {
  char byte = 0;
  const auto bytes = recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return bytes == 0 || (bytes < 0 && errno != EAGAIN && errno != EINTR);
}

void Connection::end_sending() const {
  shutdown(socket_, SHUT_WR);
}

}  // namespace kefu::http
