#include "lib/http/listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

namespace kefu::http {
namespace {

constexpr int kBacklog = 511;

struct Address {
  std::string host;
  std::string port;
};

std::optional<Address> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const auto digits = text.substr(colon + 1);
  int port = -1;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool good = failure == std::errc() && end == digits.data() + digits.size() && !host.empty();
  if (!good || port < 0 || port > 65535) return std::nullopt;
  return Address{std::string(host), std::string(digits)};
}

std::string text_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes =
      address.ss_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr)
          : &reinterpret_cast<const sockaddr_in*>(&address)->sin_addr;
  return inet_ntop(address.ss_family, bytes, text.data(), text.size()) != nullptr ? text.data() : "";
}

int port_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                             : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

void set(int socket, int level, int option, int value) {
  setsockopt(socket, level, option, &value, sizeof value);
}

// -1 and errno when it cannot be.
int listen_at(const addrinfo& at) {
  const int socket = ::socket(at.ai_family, at.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at.ai_protocol);
  if (socket < 0) return -1;
  set(socket, SOL_SOCKET, SO_REUSEADDR, 1);  // not SO_REUSEPORT: one process a port
  if (at.ai_family == AF_INET6) set(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  set(socket, IPPROTO_TCP, TCP_NODELAY, 1);  // what it accepts has it too
  if (::bind(socket, at.ai_addr, at.ai_addrlen) == 0 && ::listen(socket, kBacklog) == 0) return socket;
  const int why = errno;
  ::close(socket);
  errno = why;
  return -1;
}

}  // namespace

Result<Listener> Listener::open(const std::string& address) {
  const auto refused = [&address](const std::string& why) {
    return Error{"cannot listen on " + address + ": " + why};
  };
  const auto parsed = parse_address(address);
  if (!parsed) return refused("not host:port");
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int failure = getaddrinfo(parsed->host.c_str(), parsed->port.c_str(), &wanted, &found);
  if (failure != 0) return refused(gai_strerror(failure));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  for (const auto* at = addresses.get(); at != nullptr; at = at->ai_next) {
    const int socket = listen_at(*at);
    if (socket >= 0) return Listener(socket, port_of(socket));
  }
  return refused(std::strerror(errno));
}

Listener::Listener(Listener&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), port_(other.port_) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(port_, other.port_);
  return *this;
}

Listener::~Listener() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Listener::Came Listener::accept(Accepted& to) const {
  for (;;) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    to.socket = ::accept4(descriptor_, reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC);
    if (to.socket >= 0) {
      to.remote_address = text_of(address);
      return Came::one;
    }
    if (errno == EAGAIN) return Came::none;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return Came::no_room;
    // Else that one client's connection has failed already (accept(2)), or a signal came.
  }
}

}  // namespace kefu::http
