#include "lib/work/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace kefu::work {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kScheme = "tcp://";
constexpr auto kAskAgain = 3s;    // less than the quiet time after a gateway's restart
constexpr auto kAskSoon = 500ms;  // while a name has no address

struct HostPort {
  std::string host, port;
};

HostPort split(const std::string& endpoint) {
  std::string rest = endpoint.starts_with(kScheme) ? endpoint.substr(kScheme.size()) : endpoint;
  const auto colon = rest.rfind(':');
  if (colon == std::string::npos) return {rest, ""};
  std::string host = rest.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return {host, rest.substr(colon + 1)};
}

std::vector<std::string> addresses(const HostPort& of, int family) {
  addrinfo wanted{};
  wanted.ai_family = family;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(of.host.c_str(), of.port.c_str(), &wanted, &found) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, ::freeaddrinfo);
  std::vector<std::string> endpoints;
  for (const auto* one = found; one; one = one->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) !=
        0)
      continue;
    const std::string address = family == AF_INET6 ? "[" + std::string(text.data()) + "]" : text.data();
    endpoints.push_back(std::string(kScheme) + address + ":" + of.port);
  }
  std::sort(endpoints.begin(), endpoints.end());
  endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
  return endpoints;
}

}  // namespace

bool is_literal(const std::string& endpoint) {
  if (endpoint.starts_with("ipc://")) return true;
  const auto host = split(endpoint).host;
  in_addr v4{};
  in6_addr v6{};
  return ::inet_pton(AF_INET, host.c_str(), &v4) == 1 || ::inet_pton(AF_INET6, host.c_str(), &v6) == 1;
}

std::vector<std::string> resolve(const std::string& endpoint) {
  const auto of = split(endpoint);
  auto found = addresses(of, AF_INET);
  return found.empty() ? addresses(of, AF_INET6) : found;
}

struct NameWatch::State {
  explicit State(std::vector<std::string> names)
      : endpoints(std::move(names)), wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~State() { ::close(wake); }

  const std::vector<std::string> endpoints;
  const int wake;
  std::mutex mutex;
  std::condition_variable stopped;
  bool stopping = false;                          // guarded by mutex, as below
  std::optional<std::vector<std::string>> fresh;  // not taken yet

  void watch() {
    const bool literal = std::all_of(endpoints.begin(), endpoints.end(), is_literal);
    std::vector<std::string> last;
    for (;;) {
      bool missing = false;
      std::vector<std::string> found;
      for (const auto& endpoint : endpoints) {
        const auto addresses = is_literal(endpoint) ? std::vector{endpoint} : resolve(endpoint);
        missing = missing || addresses.empty();
        found.insert(found.end(), addresses.begin(), addresses.end());
      }
      std::unique_lock lock(mutex);
      if (found != last) {
        fresh = last = found;
        ::eventfd_write(wake, 1);
      }
      if (literal || stopped.wait_for(lock, missing ? kAskSoon : kAskAgain, [this] { return stopping; }))
        return;
    }
  }
};

NameWatch::NameWatch(std::vector<std::string> endpoints)
    : state_(std::make_shared<State>(std::move(endpoints))) {
  std::thread([state = state_] { state->watch(); }).detach();
}

NameWatch::~NameWatch() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->stopped.notify_all();
}

int NameWatch::descriptor() const {
  return state_->wake;
}

std::optional<std::vector<std::string>> NameWatch::take() {
  const std::lock_guard lock(state_->mutex);
  eventfd_t ignored = 0;
  ::eventfd_read(state_->wake, &ignored);
  return std::exchange(state_->fresh, std::nullopt);
}

}  // namespace kefu::work
