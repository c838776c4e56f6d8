// Speaks to a ZeroMQ socket byte by byte, as no library does: what strangers may do.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>

namespace kefu::test {

class RawPeer {
 public:
  explicit RawPeer(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    const timeval patience{30, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  RawPeer(int port, const std::string& type) : RawPeer(port) { shake_hands(type); }
  ~RawPeer() { ::close(socket_); }
  RawPeer(RawPeer&& other) noexcept : socket_(other.socket_), connected_(other.connected_) {
    other.socket_ = -1;
  }
  RawPeer& operator=(RawPeer&&) = delete;

  bool connected() const { return connected_; }
  // False: the connection is cut.
  bool send(const std::string& bytes) const {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const auto count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return false;
      sent += static_cast<std::size_t>(count);
    }
    return true;
  }
  // A frame of ZMTP 3.0; `more`: the message goes on.
  bool send_frame(const std::string& content, bool more) const {
    return send(std::string(1, static_cast<char>(kLong | (more ? kMore : 0))) + length(content.size(), 8) +
                content);
  }
  // Reads until the other side hangs up; false: it does not.
  bool hangs_up() const {
    std::array<char, 4096> bytes{};
    for (;;) {
      const auto count = ::recv(socket_, bytes.data(), bytes.size(), 0);
      if (count == 0) return true;
      if (count < 0) return errno == ECONNRESET;
    }
  }

 private:
  static constexpr int kMore = 1;
  static constexpr int kLong = 2;
  static constexpr int kCommand = 4;

  static std::string length(std::size_t size, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(size >> (8 * i) & 0xFF);
    return text;
  }
  void shake_hands(const std::string& type) const {
    std::string greeting = "\xFF" + std::string(8, '\0') + "\x7F\x03" + std::string(1, '\0') + "NULL";
    greeting.resize(64, '\0');
    send(greeting);
    const std::string ready = "\x05READY\x0BSocket-Type" + length(type.size(), 4) + type;
    send(std::string(1, static_cast<char>(kCommand)) + length(ready.size(), 1) + ready);
    std::array<char, 64> theirs{};
    ::recv(socket_, theirs.data(), theirs.size(), MSG_WAITALL);
  }

  int socket_;
  bool connected_ = false;
};

}  // namespace kefu::test
