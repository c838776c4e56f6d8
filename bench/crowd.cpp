// kefu-bench-crowd: holds connections open as clients do that have gone to sleep or trickle their request in,
// and opens each anew when the server closes it. Says `ready` once all are open; ends with its standard input
// and prints how many it held as JSON. Usage: kefu-bench-crowd PORT SILENT SLOW
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

constexpr int kStepMs = 1000;  // between two bytes of a slow connection
constexpr std::string_view kRequest =
    "POST /?signature=0&timestamp=0&nonce=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n";

struct Member {
  int socket = -1;
  bool slow = false;
  std::size_t said = 0;  // bytes
};

class Crowd {
 public:
  Crowd(int port, int silent, int slow);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  void hold_until_input_ends();
  void print() const;

 private:
  void open(Member& member);
  void say_a_byte(Member& member) const;
  void reopen_closed(const std::vector<pollfd>& polled);

  sockaddr_in server_{};
  std::vector<Member> members_;
  std::size_t closed_ = 0;
};

Crowd::Crowd(int port, int silent, int slow) : members_(static_cast<std::size_t>(silent + slow)) {
  server_.sin_family = AF_INET;
  server_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  server_.sin_port = htons(static_cast<std::uint16_t>(port));
  for (std::size_t i = 0; i < members_.size(); ++i) {
    members_[i].slow = i >= static_cast<std::size_t>(silent);
    open(members_[i]);
  }
}

Crowd::~Crowd() {
  for (const auto& member : members_) ::close(member.socket);
}

void Crowd::open(Member& member) {
  if (member.socket >= 0) ::close(member.socket);
  member.said = 0;
  member.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const bool begun = member.socket >= 0 &&
                     (::connect(member.socket, reinterpret_cast<sockaddr*>(&server_), sizeof(server_)) == 0 ||
                      errno == EINPROGRESS);
  if (!begun) throw std::system_error(errno, std::generic_category(), "a connection of the crowd");
}

void Crowd::say_a_byte(Member& member) const {
  if (!member.slow || member.said == kRequest.size()) return;
  if (::send(member.socket, &kRequest[member.said], 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) ++member.said;
}

// Whatever the server has to say to them is an end.
void Crowd::reopen_closed(const std::vector<pollfd>& polled) {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (polled[i].revents == 0) continue;
    ++closed_;
    open(members_[i]);
  }
}

void Crowd::hold_until_input_ends() {
  std::vector<pollfd> polled(members_.size() + 1);
  int step = 0;
  while (true) {
    for (std::size_t i = 0; i < members_.size(); ++i) polled[i] = {members_[i].socket, POLLIN, 0};
    polled.back() = {STDIN_FILENO, POLLIN, 0};
    // A hundred steps: the crowd does not speak all at once.
    ::poll(polled.data(), polled.size(), kStepMs / 100);
    if (polled.back().revents != 0) return;
    reopen_closed(polled);
    step = (step + 1) % 100;
    for (auto i = static_cast<std::size_t>(step); i < members_.size(); i += 100) say_a_byte(members_[i]);
  }
}

void Crowd::print() const {
  std::printf("{\"connections\":%zu,\"closed_by_server\":%zu}\n", members_.size(), closed_);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: kefu-bench-crowd PORT SILENT SLOW\n", stderr);
    return 2;
  }
  try {
    Crowd crowd(std::atoi(argv[1]), std::atoi(argv[2]), std::atoi(argv[3]));
    std::puts("ready");
    std::fflush(stdout);
    crowd.hold_until_input_ends();
    crowd.print();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kefu-bench-crowd: %s\n", error.what());
    return 1;
  }
}
