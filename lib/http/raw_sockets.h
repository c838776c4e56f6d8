// For tests: plain TCP on loopback, byte by byte, to say what no proper client or server would say.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace kefu::http::testing {

inline sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

class RawSocket {
 public:
  explicit RawSocket(int descriptor = -1) : descriptor_(descriptor) {}
  RawSocket(RawSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  RawSocket& operator=(RawSocket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~RawSocket() { close(); }

  static RawSocket to(int port) {
    RawSocket raw(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = loopback(port);
    if (connect(raw.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      raw.close();
    const int yes = 1;
    setsockopt(raw.descriptor_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return raw;
  }

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

  // False: the other side took no more.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Some bytes; empty at the end or when nothing came in time.
  std::string receive_some(std::chrono::milliseconds at_most = std::chrono::seconds(10)) const {
    pollfd waiting{descriptor_, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(at_most.count())) <= 0) return {};
    std::string bytes(64 << 10, '\0');
    const auto received = recv(descriptor_, bytes.data(), bytes.size(), 0);
    bytes.resize(received > 0 ? static_cast<std::size_t>(received) : 0);
    return bytes;
  }

  std::string receive_until(std::string_view mark) const {
    std::string all;
    while (all.find(mark) == std::string::npos) {
      const auto more = receive_some();
      if (more.empty()) break;
      all += more;
    }
    return all;
  }

  // Everything until the other side closes.
  std::string receive_all() const {
    std::string all;
    for (auto more = receive_some(); !more.empty(); more = receive_some()) all += more;
    return all;
  }

 private:
  int descriptor_;
};

class RawListener {
 public:
  RawListener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto address = loopback(0);
    socklen_t size = sizeof address;
    // A listener that could not be made has port 0, which no test can reach.
    if (bind(socket_.descriptor(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return;
    if (listen(socket_.descriptor(), 64) != 0) return;
    getsockname(socket_.descriptor(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }
  RawSocket accept() const {
    return RawSocket(::accept4(socket_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  // Wakes whoever waits in accept(), which then gives a closed socket.
  void shut_down() const { shutdown(socket_.descriptor(), SHUT_RDWR); }

 private:
  RawSocket socket_;
  int port_ = 0;
};

}  // namespace kefu::http::testing
