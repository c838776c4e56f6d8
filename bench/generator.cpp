#include "bench/generator.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <deque>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace kefu::bench {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr Nanoseconds kPatience = 10 * kSecond;  // for what is on its way when the offering ends
constexpr std::size_t kAnswerBytesMax = 8192;
constexpr std::size_t kNoPush = std::numeric_limits<std::size_t>::max();
constexpr std::uint32_t kTimer = std::numeric_limits<std::uint32_t>::max();

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

Nanoseconds in_nanoseconds(double seconds) {
  return static_cast<Nanoseconds>(seconds * kSecond);
}

struct Answer {
  int status = 0;
  std::size_t bytes = 0;  // head and body
};

// Nothing while the head is not whole; status 0 when it is not what we understand.
std::optional<Answer> answer_in(std::string_view received) {
  constexpr std::string_view kLength = "\r\ncontent-length:";
  const auto end = received.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const auto head = received.substr(0, end + 2);
  Answer answer;
  if (!head.starts_with("HTTP/1.1 ") || head.size() < 12) return answer;
  for (auto line = head.find("\r\n"); line + kLength.size() < head.size();
       line = head.find("\r\n", line + 2)) {
    if (strncasecmp(head.data() + line, kLength.data(), kLength.size()) != 0) continue;
    const auto value = head.substr(head.find_first_not_of(' ', line + kLength.size()));
    std::size_t body = 0;
    if (std::from_chars(value.data(), value.data() + value.size(), body).ec != std::errc()) return answer;
    std::from_chars(head.data() + 9, head.data() + 12, answer.status);
    answer.bytes = end + 4 + body;
    return answer;
  }
  return answer;
}

struct Connection {
  int socket = -1;
  bool connected = false;
  std::size_t push = kNoPush;  // on its way
  std::size_t received = 0;
  std::array<char, kAnswerBytesMax> answer;
};

class Generator {
 public:
  Generator(const Load& load, const Pushes& pushes);
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  Report run();

 private:
  bool open_loop() const { return load_.rate > 0; }
  bool offering(Nanoseconds now) const {
    return next_ < pushes_.size() && (open_loop() || now < start_ + in_nanoseconds(load_.seconds));
  }
  Nanoseconds due(std::size_t push) const {
    return start_ + in_nanoseconds(static_cast<double>(push) / load_.rate);
  }

  void connect_all();
  void open(std::uint32_t number);
  void close(Connection& connection);
  void take_events(int timeout_ms);
  void react(std::uint32_t number, std::uint32_t events);
  void read_answer(std::uint32_t number);
  void take_answer(std::uint32_t number, int status);
  void lose(std::uint32_t number);

  void begin_push(Connection& connection, Nanoseconds due_at);
  void write_push(std::uint32_t number);
  void go_on(std::uint32_t number);
  void begin_what_is_due();
  void arm(Nanoseconds at) const;

  const Load load_;
  const Pushes& pushes_;
  const int epoll_;
  const int timer_;
  std::vector<Connection> connections_;
  std::deque<std::uint32_t>
      free_;  // open loop; the longest idle first, so that none idles until it is closed
  std::size_t connected_ = 0;
  std::size_t next_ = 0;  // push to be offered
  std::size_t under_way_ = 0;
  Nanoseconds start_ = 0;
  Nanoseconds last_answer_ = 0;
  Report report_;
};

Generator::Generator(const Load& load, const Pushes& pushes)
    : load_(load),
      pushes_(pushes),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      connections_(load.connections) {
  if (epoll_ < 0 || timer_ < 0) fail("epoll");
  epoll_event event{EPOLLIN, {.u32 = kTimer}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, timer_, &event) != 0) fail("epoll_ctl");
  report_.due.reserve(pushes.size());
  report_.answered.reserve(pushes.size());
}

Generator::~Generator() {
  for (auto& connection : connections_) close(connection);
  ::close(timer_);
  ::close(epoll_);
}

Report Generator::run() {
  if (!load_.fresh) connect_all();
  start_ = monotonic_now();
  if (open_loop()) {
    for (std::uint32_t number = 0; number < connections_.size(); ++number) free_.push_back(number);
    begin_what_is_due();
  } else {
    for (std::uint32_t number = 0; number < connections_.size(); ++number) go_on(number);
  }
  const auto give_up =
      (open_loop() ? due(pushes_.size()) : start_ + in_nanoseconds(load_.seconds)) + kPatience;
  while ((under_way_ > 0 || offering(monotonic_now())) && monotonic_now() < give_up) take_events(100);
  // Where pushes come at a rate, those that found no connection waited in vain too.
  report_.unanswered = under_way_ + (open_loop() ? pushes_.size() - next_ : 0);
  report_.seconds = static_cast<double>(std::max(last_answer_, start_) - start_) / kSecond;
  return std::move(report_);
}

// Before the clock starts.
void Generator::connect_all() {
  const auto give_up = monotonic_now() + kPatience;
  for (std::uint32_t number = 0; number < connections_.size(); ++number) open(number);
  while (connected_ < connections_.size()) {
    take_events(100);
    if (monotonic_now() > give_up || report_.broken > 0) throw std::runtime_error("cannot connect");
  }
}

// Edge-triggered and for both directions: registered once, even where a connection lives for one push.
void Generator::open(std::uint32_t number) {
  auto& connection = connections_[number];
  connection.connected = false;
  connection.received = 0;
  connection.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (connection.socket < 0) fail("socket");
  const int yes = 1;
  ::setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(load_.port));
  epoll_event event{EPOLLIN | EPOLLOUT | EPOLLET, {.u32 = number}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket, &event) != 0) fail("epoll_ctl");
  const bool begun =
      ::connect(connection.socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 ||
      errno == EINPROGRESS;
  if (!begun) fail("connect");
}

void Generator::close(Connection& connection) {
  if (connection.socket >= 0) ::close(connection.socket);
  connection.socket = -1;
}

void Generator::take_events(int timeout_ms) {
  std::array<epoll_event, 128> events;
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
  if (count < 0 && errno != EINTR) fail("epoll_wait");
  for (int i = 0; i < count; ++i) {
    if (events[i].data.u32 == kTimer) {
      std::uint64_t expirations = 0;
      [[maybe_unused]] const auto ignored = ::read(timer_, &expirations, sizeof(expirations));
    } else {
      react(events[i].data.u32, events[i].events);
    }
  }
  if (open_loop() && start_ > 0) begin_what_is_due();
}

void Generator::react(std::uint32_t number, std::uint32_t events) {
  auto& connection = connections_[number];
  if (connection.socket < 0) return;
  if (!connection.connected) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) return lose(number);
    if ((events & EPOLLOUT) == 0) return;
    connection.connected = true;
    ++connected_;
    if (connection.push != kNoPush) write_push(number);
    return;
  }
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) read_answer(number);
}

void Generator::read_answer(std::uint32_t number) {
  auto& connection = connections_[number];
  const auto room = connection.answer.size() - connection.received;
  const auto bytes = ::read(connection.socket, connection.answer.data() + connection.received, room);
  if (bytes < 0 && errno == EAGAIN) return;
  if (bytes <= 0) return lose(number);
  connection.received += static_cast<std::size_t>(bytes);
  const auto answer = answer_in({connection.answer.data(), connection.received});
  const bool whole = answer && connection.received == answer->bytes;
  if (whole && connection.push != kNoPush) return take_answer(number, answer->status);
  const bool senseless = connection.push == kNoPush || (answer && connection.received > answer->bytes);
  if (senseless || connection.received == connection.answer.size()) lose(number);
}

void Generator::take_answer(std::uint32_t number, int status) {
  auto& connection = connections_[number];
  last_answer_ = monotonic_now();
  if (status == 200) {
    report_.answered[connection.push] = last_answer_;
  } else {
    ++report_.refused[status];
  }
  connection.push = kNoPush;
  connection.received = 0;
  --under_way_;
  if (load_.fresh) close(connection);
  go_on(number);
}

// The server has closed the connection, or speaks what we do not understand.
void Generator::lose(std::uint32_t number) {
  auto& connection = connections_[number];
  const bool carried = connection.push != kNoPush;
  if (carried || !connection.connected) {
    ++report_.broken;
  } else {
    ++report_.reopened;
  }
  if (carried) --under_way_;
  connection.push = kNoPush;
  close(connection);
  if (start_ == 0) return;  // connect_all() gives up
  if (!load_.fresh) open(number);
  if (carried) go_on(number);
}

void Generator::begin_push(Connection& connection, Nanoseconds due_at) {
  connection.push = next_++;
  report_.due.push_back(due_at);
  report_.answered.push_back(0);
  ++under_way_;
}

void Generator::write_push(std::uint32_t number) {
  auto& connection = connections_[number];
  const auto request = pushes_[connection.push];
  // Nothing else is in the socket's buffer, which holds many pushes: what is not taken whole has failed.
  const auto written = ::send(connection.socket, request.data(), request.size(), MSG_NOSIGNAL);
  if (written != static_cast<ssize_t>(request.size())) lose(number);
}

// The connection has nothing to do any more.
void Generator::go_on(std::uint32_t number) {
  if (open_loop()) return free_.push_back(number);
  const auto now = monotonic_now();
  if (!offering(now)) return;
  auto& connection = connections_[number];
  begin_push(connection, now);
  if (load_.fresh) open(number);
  if (connection.connected) write_push(number);
}

void Generator::begin_what_is_due() {
  const auto now = monotonic_now();
  while (next_ < pushes_.size() && !free_.empty()) {
    if (due(next_) > now) return arm(due(next_));
    const auto number = free_.front();
    free_.pop_front();
    begin_push(connections_[number], due(next_));
    if (connections_[number].connected) write_push(number);  // otherwise once it is
  }
}

void Generator::arm(Nanoseconds at) const {
  const itimerspec when{{0, 0}, {at / kSecond, at % kSecond}};
  if (::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr) != 0) fail("timerfd_settime");
}

}  // namespace

Nanoseconds monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

Report offer(const Load& load, const Pushes& pushes) {
  return Generator(load, pushes).run();
}

}  // namespace kefu::bench
