// kefu-bench-im: stands in for Tencent IM's REST API and is cheap enough to measure against. Answers every
// call with success, at once or later, and notes when which push arrived. Usage: kefu-bench-im PORT
//
// GET /delay?ms=50  from now on answers come so much later
// GET /notes        {"calls":…,"messages":[[MsgId,arrived],…]}: of each sendmsg the number behind the # in
// its
//                   text, and when it was there whole, in nanoseconds of CLOCK_MONOTONIC
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bench/generator.h"

namespace kefu::bench {
namespace {

constexpr Nanoseconds kMillisecond = 1'000'000;
constexpr std::string_view kSuccess =
    R"({"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"MsgTime":1,"MsgKey":"1_1_1","FailAccounts":[]})";

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// The number that follows, 0 when none does.
std::uint64_t number_after(std::string_view text, std::string_view mark) {
  const auto at = text.find(mark);
  std::uint64_t value = 0;
  if (at != std::string_view::npos)
    std::from_chars(text.data() + at + mark.size(), text.data() + text.size(), value);
  return value;
}

std::string http_answer(std::string_view json) {
  std::string text = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
  return text.append(std::to_string(json.size())).append("\r\n\r\n").append(json);
}

// Bytes of the first request in `received`, 0 while it is not whole.
std::size_t request_bytes(std::string_view received) {
  constexpr std::string_view kLength = "\r\ncontent-length:";
  const auto end = received.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  std::size_t body = 0;
  for (auto line = received.find("\r\n"); line < end; line = received.find("\r\n", line + 2)) {
    if (strncasecmp(received.data() + line, kLength.data(), kLength.size()) != 0) continue;
    const auto value = received.substr(received.find_first_not_of(' ', line + kLength.size()));
    std::from_chars(value.data(), value.data() + value.size(), body);
  }
  const auto bytes = end + 4 + body;
  return received.size() < bytes ? 0 : bytes;
}

class Im {
 public:
  explicit Im(int port);
  [[noreturn]] void serve();

 private:
  struct Client {
    int socket;
    std::string received;
  };
  struct Later {
    Nanoseconds at;
    std::weak_ptr<Client> client;  // may have left by then
  };

  void take_clients();
  void read_from(const std::shared_ptr<Client>& client);
  void take_request(const std::shared_ptr<Client>& client, std::string_view request);
  void send(const Client& client, std::string_view answer) const;
  void send_what_is_due();
  int until_next_ms() const;
  std::string notes() const;

  int listening_;
  int epoll_;
  std::unordered_map<int, std::shared_ptr<Client>> clients_;  // by socket
  Nanoseconds delay_ = 0;
  std::deque<Later> later_;  // by time
  const std::string success_ = http_answer(kSuccess);
  std::size_t calls_ = 0;
  std::vector<std::pair<std::uint64_t, Nanoseconds>> messages_;
};

Im::Im(int port)
    : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const int yes = 1;
  ::setsockopt(listening_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (::bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) fail("bind");
  if (::listen(listening_, 511) != 0) fail("listen");
  epoll_event event{EPOLLIN, {.fd = listening_}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, listening_, &event) != 0) fail("epoll_ctl");
}

void Im::serve() {
  std::array<epoll_event, 128> events;
  while (true) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), until_next_ms());
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == listening_) {
        take_clients();
      } else if (const auto client = clients_.find(events[i].data.fd); client != clients_.end()) {
        read_from(std::shared_ptr(client->second));
      }
    }
    send_what_is_due();
  }
}

void Im::take_clients() {
  while (true) {
    const int socket = ::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) return;
    const int yes = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    epoll_event event{EPOLLIN, {.fd = socket}};
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) fail("epoll_ctl");
    clients_[socket] = std::make_shared<Client>(Client{socket, {}});
  }
}

void Im::read_from(const std::shared_ptr<Client>& client) {
  std::array<char, 16384> buffer;
  const auto bytes = ::read(client->socket, buffer.data(), buffer.size());
  if (bytes < 0 && errno == EAGAIN) return;
  if (bytes <= 0) {
    ::close(client->socket);
    clients_.erase(client->socket);
    return;
  }
  client->received.append(buffer.data(), static_cast<std::size_t>(bytes));
  while (const auto whole = request_bytes(client->received)) {
    take_request(client, std::string_view(client->received).substr(0, whole));
    client->received.erase(0, whole);
  }
}

void Im::take_request(const std::shared_ptr<Client>& client, std::string_view request) {
  const auto line = request.substr(0, request.find("\r\n"));
  if (line.starts_with("GET /notes")) return send(*client, http_answer(notes()));
  if (line.starts_with("GET /delay"))
    delay_ = static_cast<Nanoseconds>(number_after(line, "ms=")) * kMillisecond;
  if (line.starts_with("GET ")) return send(*client, success_);
  const auto now = monotonic_now();
  ++calls_;
  if (line.find("/openim/sendmsg?") != std::string_view::npos)
    messages_.emplace_back(number_after(request.substr(request.find("\r\n\r\n")), "#"), now);
  if (delay_ == 0) return send(*client, success_);
  later_.push_back({now + delay_, client});
}

// Blocking, should an answer be too long for the socket's buffer, as notes are.
void Im::send(const Client& client, std::string_view answer) const {
  while (!answer.empty()) {
    const auto bytes = ::send(client.socket, answer.data(), answer.size(), MSG_NOSIGNAL);
    if (bytes < 0 && errno != EAGAIN) return;
    if (bytes > 0) answer.remove_prefix(static_cast<std::size_t>(bytes));
  }
}

void Im::send_what_is_due() {
  const auto now = monotonic_now();
  for (; !later_.empty() && later_.front().at <= now; later_.pop_front()) {
    if (const auto client = later_.front().client.lock()) send(*client, success_);
  }
}

// A client waits a little longer rather than that we spin.
int Im::until_next_ms() const {
  if (later_.empty()) return -1;
  const auto left = later_.front().at - monotonic_now();
  return static_cast<int>(std::max<Nanoseconds>(0, (left + kMillisecond - 1) / kMillisecond));
}

std::string Im::notes() const {
  std::string json = "{\"calls\":" + std::to_string(calls_) + ",\"messages\":[";
  for (const auto& [id, at] : messages_) {
    if (json.back() != '[') json += ',';
    json.append("[").append(std::to_string(id)).append(",").append(std::to_string(at)).append("]");
  }
  return json + "]}";
}

}  // namespace
}  // namespace kefu::bench

int main(int argc, char** argv) {
  const int port = argc == 2 ? std::atoi(argv[1]) : 0;
  if (port < 1 || port > 65535) {
    std::fputs("usage: kefu-bench-im PORT\n", stderr);
    return 2;
  }
  try {
    kefu::bench::Im(port).serve();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kefu-bench-im: %s\n", error.what());
    return 1;
  }
}
