#include "gateway/connection_guard.h"

// Not <netinet/tcp.h>: its tcp_info ends before tcpi_bytes_received.
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "lib/base/clock.h"

namespace kefu {
namespace {

// At a few hundred megabytes a second, as much as may come in before anybody looks.
constexpr Millis kLook{50};
// Of all connections together. A frame of no bytes is two on the wire and 64 in libzmq.
constexpr std::uint64_t kBytesOfAllMax = 32 << 20;
constexpr std::uint64_t kFrameHead = 16;  // what a frame has at most beside its content
// Of the descriptors that the process may have, a door's connections get one in so many; each takes two.
constexpr rlim_t kShareOfDescriptors = 8;
constexpr int kEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_DISCONNECTED |
                        ZMQ_EVENT_CLOSED | ZMQ_EVENT_MONITOR_STOPPED;

// A descriptor of our own for a connection that libzmq may close at any moment.
class Descriptor {
 public:
  explicit Descriptor(int of) : own_(::fcntl(of, F_DUPFD_CLOEXEC, 0)) {}
  ~Descriptor() {
    if (own_ >= 0) ::close(own_);
  }
  Descriptor(Descriptor&& other) noexcept : own_(std::exchange(other.own_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(own_, other.own_);
    return *this;
  }
  int get() const { return own_; }

 private:
  int own_;
};

struct Connection {
  Descriptor descriptor;
  std::uint64_t received = 0;  // in all, at the last look
  std::uint64_t pending = 0;   // of that, not taken out as far as we know
  bool cut = false;
};

// What the owner of the sockets has told since the last look.
struct Taken {
  std::map<int, std::uint64_t> bytes;  // by descriptor
  bool drained = false;
};

struct Door {
  DoorLimits limits;
  void* socket = nullptr;  // not owned
  zmq::socket_t monitor;
  std::map<int, Connection> connections{};  // by libzmq's descriptor
  Taken taken{};                            // guarded by Impl::mutex
  int port = 0;                             // 0: not TCP
};

// Of our side; 0: not TCP.
int port_of(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6&>(address).sin6_port);
  return 0;
}

int port_in(const std::string& endpoint) {
  return endpoint.starts_with("tcp://") ? std::atoi(endpoint.substr(endpoint.rfind(':') + 1).c_str()) : 0;
}

// Nothing: no TCP connection, or one that is over.
std::optional<std::uint64_t> bytes_received(int descriptor) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  return info.tcpi_bytes_received;
}

std::size_t share_of_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
  return std::max<std::size_t>(1, limit.rlim_cur / kShareOfDescriptors);
}

struct Event {
  std::uint16_t what = 0;
  std::int32_t value = 0;
};

std::optional<Event> next_event(zmq::socket_t& monitor) {
  zmq::message_t frame;
  zmq::message_t address;
  if (!monitor.recv(frame, zmq::recv_flags::dontwait)) return std::nullopt;
  static_cast<void>(monitor.recv(address, zmq::recv_flags::none));
  Event event;
  if (frame.size() < sizeof event.what + sizeof event.value) return event;
  const auto* bytes = frame.data<char>();
  std::memcpy(&event.what, bytes, sizeof event.what);
  std::memcpy(&event.value, bytes + sizeof event.what, sizeof event.value);
  return event;
}

}  // namespace

struct ConnectionGuard::Impl {
  Impl(zmq::context_t& c, Told t) : context(c), told(std::move(t)) {}

  zmq::context_t& context;
  Told told;
  std::vector<Door> doors;  // constant while the thread runs, but for what is the thread's own
  std::thread thread;
  std::mutex mutex;

  // Until libzmq tells nothing more of any door.
  void run() {
    Timestamp next_look = steady_now();
    for (std::size_t open = doors.size(); open > 0;) {
      wait(next_look);
      for (auto& door : doors) {
        while (const auto event = next_event(door.monitor)) {
          if (event->what == ZMQ_EVENT_MONITOR_STOPPED) --open;
          hear(door, *event);
        }
      }
      if (steady_now() < next_look) continue;
      look();
      next_look = steady_now() + kLook;
    }
    for (auto& door : doors) door.connections.clear();
  }

  void wait(Timestamp next_look) {
    std::vector<zmq::pollitem_t> items;
    bool any = false;
    for (auto& door : doors) {
      items.push_back({door.monitor.handle(), 0, ZMQ_POLLIN, 0});
      any = any || !door.connections.empty();
    }
    try {
      zmq::poll(items, any ? std::max(Millis(0), next_look - steady_now()) : Millis(-1));
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) throw;
    }
  }

  void hear(Door& door, const Event& event) const {
    if (event.what == ZMQ_EVENT_ACCEPTED) return admit(door, event.value);
    if (event.what == ZMQ_EVENT_ACCEPT_FAILED) return told(door.limits.name, "not_accepted");
    door.connections.erase(event.value);
  }

  void admit(Door& door, int of) const {
    door.connections.erase(of);
    Connection connection{Descriptor(of)};
    if (connection.descriptor.get() < 0) {
      if (errno != EMFILE && errno != ENFILE) return;  // it is closed already
      if (port_of(of) == door.port) ::shutdown(of, SHUT_RDWR);
      return told(door.limits.name, "unwatched");
    }
    if (port_of(connection.descriptor.get()) != door.port) return;  // closed, and its number given to another
    if (door.connections.size() >= std::min(door.limits.connections_max, share_of_descriptors()))
      cut(door, connection, "too_many");
    door.connections.emplace(of, std::move(connection));
  }

  void cut(const Door& door, Connection& connection, std::string_view why) const {
    if (std::exchange(connection.cut, true)) return;
    ::shutdown(connection.descriptor.get(), SHUT_RDWR);
    told(door.limits.name, why);
  }

  void look() {
    for (auto& door : doors) {
      Taken taken;
      {
        const std::lock_guard lock(mutex);
        taken = std::exchange(door.taken, {});
      }
      for (auto& [of, connection] : door.connections) {
        const auto bytes = taken.bytes.find(of);
        weigh(connection, bytes == taken.bytes.end() ? 0 : bytes->second, taken.drained);
        if (connection.pending > door.limits.bytes_max) cut(door, connection, "unfinished");
      }
    }
    bound_all();
  }

  // A connection of which something was taken, at a door at which nothing waits any more, can have begun its
  // unfinished message only since the last look: so what heartbeats and frames' heads have cost is forgotten.
  static void weigh(Connection& connection, std::uint64_t taken, bool drained) {
    const auto now = bytes_received(connection.descriptor.get()).value_or(connection.received);
    const auto fresh = now - std::min(now, connection.received);
    connection.received = now;
    connection.pending += fresh;
    connection.pending -= std::min(connection.pending, taken);
    if (taken > 0 && drained) connection.pending = std::min(connection.pending, fresh);
  }

  // The largest go first. What has come to a door whose messages stay counts by itself.
  void bound_all() {
    std::uint64_t all = 0;
    std::vector<std::pair<Connection*, const Door*>> found;
    for (auto& door : doors) {
      for (auto& [of, connection] : door.connections) {
        if (!door.limits.taken || connection.cut) continue;
        all += connection.pending;
        found.emplace_back(&connection, &door);
      }
    }
    if (all <= kBytesOfAllMax) return;
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a.first->pending > b.first->pending; });
    for (const auto& [connection, door] : found) {
      if (all <= kBytesOfAllMax) return;
      all -= connection->pending;
      cut(*door, *connection, "unfinished");
    }
  }
};

ConnectionGuard::ConnectionGuard(zmq::context_t& context, Told told)
    : impl_(std::make_unique<Impl>(context, std::move(told))) {}

ConnectionGuard::~ConnectionGuard() {
  stop();
}

std::size_t ConnectionGuard::watch(zmq::socket_t& socket, DoorLimits limits) {
  const std::string endpoint = "inproc://connections of " + limits.name;
  zmq::socket_t monitor(impl_->context, zmq::socket_type::pair);
  monitor.set(zmq::sockopt::linger, 0);
  monitor.set(zmq::sockopt::rcvhwm, 0);  // libzmq's thread would wait for us, else
  if (::zmq_socket_monitor(socket.handle(), endpoint.c_str(), kEvents) != 0) throw zmq::error_t();
  monitor.connect(endpoint);
  impl_->doors.push_back({std::move(limits), socket.handle(), std::move(monitor)});
  return impl_->doors.size() - 1;
}

void ConnectionGuard::start() {
  for (auto& door : impl_->doors) {
    const zmq::socket_ref socket(zmq::from_handle, door.socket);
    door.port = port_in(socket.get(zmq::sockopt::last_endpoint));
  }
  impl_->thread = std::thread([this] { impl_->run(); });
}

// libzmq first: it would wait for ever for a reader of its events.
void ConnectionGuard::stop() {
  for (auto& door : impl_->doors) {
    if (door.socket) ::zmq_socket_monitor(std::exchange(door.socket, nullptr), nullptr, 0);
  }
  if (impl_->thread.joinable()) impl_->thread.join();
}

void ConnectionGuard::took(std::size_t door, int connection, std::size_t bytes) {
  const std::lock_guard lock(impl_->mutex);
  impl_->doors[door].taken.bytes[connection] += bytes + kFrameHead;
}

void ConnectionGuard::drained(std::size_t door) {
  const std::lock_guard lock(impl_->mutex);
  impl_->doors[door].taken.drained = true;
}

}  // namespace kefu
