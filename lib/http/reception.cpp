#include "lib/http/reception.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "lib/http/answer.h"
#include "lib/ops/log.h"

namespace kefu::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kLookEvery = 50ms;  // for those who are late
constexpr auto kStopGrace = 1s;    // for a request that is on its way when the server stops
// Patience with a client from whom nothing comes, when they are many: one that has been served may come
// again, a new one most likely has its request on the way.
constexpr std::chrono::milliseconds kCrowdedKeepAlive = 100ms;
constexpr std::chrono::milliseconds kCrowdedFirstRequest = 1s;
constexpr std::size_t kEventsAtOnce = 256;
constexpr std::size_t kAcceptedAtOnce = 64;  // then those who are in have a turn

int made(int descriptor, const char* what) {
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), what);
  return descriptor;
}

}  // namespace

Reception::Inbox::Inbox() : descriptor(made(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {}

Reception::Inbox::~Inbox() {
  ::close(descriptor);
}

void Reception::Inbox::put(GuestPtr guest) {
  const std::lock_guard lock(mutex);
  if (!open) return;
  if (guests.empty() && answers.empty()) eventfd_write(descriptor, 1);
  guests.push_back(std::move(guest));
}

void Reception::Inbox::put(Answered answered) {
  const std::lock_guard lock(mutex);
  if (!open) return;
  if (guests.empty() && answers.empty()) eventfd_write(descriptor, 1);
  answers.push_back(std::move(answered));
}

void Reception::Inbox::close() {
  std::vector<GuestPtr> left;
  const std::lock_guard lock(mutex);
  open = false;
  left.swap(guests);
  answers.clear();
}

Reception::Reception(Rules rules, Host host, const StopSignal& stop)
    : rules_(rules),
      host_(std::move(host)),
      stop_(stop),
      epoll_(made(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      inbox_(std::make_shared<Inbox>()) {
  // Neither has a seat: they only wake.
  epoll_event event{EPOLLIN | EPOLLET, {.ptr = nullptr}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, inbox_->descriptor, &event);
  epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_.descriptor(), &event);
}

Reception::~Reception() {
  join();
  ::close(epoll_);
}

void Reception::start(Listener listener) {
  listener_ = std::move(listener);
  epoll_event event{0, {.ptr = &listener_}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_->descriptor(), &event);
  listen(true);
  thread_ = std::thread([this] { run(); });
}

void Reception::take(GuestPtr guest) {
  inbox_->put(std::move(guest));
}

void Reception::join() {
  if (thread_.joinable()) thread_.join();
}

void Reception::run() {
  while (!stopping_ || !seats_.empty()) {
    wait_for_events();
    take_inbox();
    if (stop_.raised() && !stopping_) begin_stopping();
    let_go_of_late_ones();
  }
  inbox_->close();
}

void Reception::wait_for_events() {
  std::array<epoll_event, kEventsAtOnce> events;
  const int wait_ms = seats_.empty() && listening_ ? -1 : static_cast<int>(kLookEvery.count());
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms);
  now_ = steady_clock::now();
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr) continue;
    if (event.data.ptr == &listener_) {
      accept();
      continue;
    }
    auto* seat = static_cast<Seat*>(event.data.ptr);
    seat->unread = true;
    seat->hung_up = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (seat->ticket == 0) read(*seat);
  }
}

void Reception::accept() {
  Accepted accepted;
  for (std::size_t i = 0; i < kAcceptedAtOnce; ++i) {
    switch (listener_->accept(accepted)) {
      case Listener::Came::one:
        seat(std::make_unique<Guest>(std::move(accepted), stop_, rules_.requests_max));
        break;
      case Listener::Came::none:
        return;
      case Listener::Came::no_room:
        log::error("no descriptor or no memory is left for a connection, trying again", {{"errno", errno}});
        listen(false);
        return;
    }
  }
}

void Reception::listen(bool now) {
  listening_ = now;
  epoll_event event{now ? std::uint32_t{EPOLLIN} : 0U, {.ptr = &listener_}};
  epoll_ctl(epoll_, EPOLL_CTL_MOD, listener_->descriptor(), &event);
}

void Reception::take_inbox() {
  std::vector<GuestPtr> guests;
  std::vector<Answered> answers;
  {
    const std::lock_guard lock(inbox_->mutex);
    if (inbox_->guests.empty() && inbox_->answers.empty()) return;
    eventfd_t ignored = 0;
    eventfd_read(inbox_->descriptor, &ignored);
    guests.swap(inbox_->guests);
    answers.swap(inbox_->answers);
  }
  for (const auto& [ticket, response] : answers) {
    const auto found = awaiting_.find(ticket);
    if (found != awaiting_.end()) answer(*found->second, response);
  }
  for (auto& guest : guests) seat(std::move(guest));
}

void Reception::seat(GuestPtr guest) {
  if (seats_.size() >= rules_.guests_max) {
    if (guest->requests_left < rules_.requests_max) return;  // it has been served
    guest->connection.receive_now();  // what is unread when a connection closes takes the answer with it
    guest->connection.write(bare_answer(503, "Retry-After: 1\r\n"));
    guest->connection.flush_now();
    return;
  }
  auto taken = std::make_unique<Seat>();
  Seat& seat = *taken;
  const int socket = guest->connection.socket();
  seat.guest = std::move(guest);
  seats_.emplace(&seat, std::move(taken));
  // Edges: the bytes that are there already make one.
  epoll_event event{EPOLLIN | EPOLLRDHUP | EPOLLET, {.ptr = &seat}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) {
    log::error("a connection cannot be waited for", {{"errno", errno}});
    return let_go(seat);
  }
  proceed(seat);
}

// After both of these the seat is gone.
GuestPtr Reception::stand_up(Seat& seat) {
  const auto left = seats_.extract(&seat);
  auto guest = std::move(left.mapped()->guest);
  epoll_ctl(epoll_, EPOLL_CTL_DEL, guest->connection.socket(), nullptr);
  return guest;
}
void Reception::let_go(Seat& seat) {
  seats_.erase(&seat);  // closes, which epoll notices
}

// REQUIRES: no answer is awaited.
void Reception::read(Seat& seat) {
  auto& connection = seat.guest->connection;
  // What goes on past the request that is waited for is looked at before more is taken.
  while (seat.unread && connection.received().size() <= kHeadBytesMax + seat.bytes_awaited) {
    const auto came = connection.receive_now();
    seat.farewell = came == Connection::Came::farewell;
    seat.unread = came == Connection::Came::bytes || (came == Connection::Came::last_bytes && seat.hung_up);
  }
  proceed(seat);
}

// Does what can be done with what has come.
void Reception::proceed(Seat& seat) {
  auto& connection = seat.guest->connection;
  if (seat.guest->requests_left == 0) return let_go(seat);
  if (!seat.in_request) {
    while (connection.received().starts_with("\r\n")) connection.consume(2);  // RFC 9112 §2.2
  }
  const auto received = connection.received();
  if (received.empty()) return await_request(seat);
  if (!std::exchange(seat.in_request, true)) {
    seat.request_deadline = now_ + rules_.request_timeout;
    seat.deadline = now_ + rules_.read_timeout;
  }
  if (received.size() < seat.bytes_awaited) return await_rest(seat, seat.bytes_awaited);
  auto plan = host_.plan(received, seat.bytes_searched);
  switch (plan.kind) {
    case Plan::Kind::wait:
      if (plan.bytes == 0) seat.bytes_searched = received.size();
      return await_rest(seat, plan.bytes);
    case Plan::Kind::elsewhere:
      return host_.serve(stand_up(seat), std::move(plan));
    case Plan::Kind::answer_later:
      return begin(seat, plan);
  }
}

void Reception::await_request(Seat& seat) {
  seat.in_request = false;
  seat.bytes_awaited = seat.bytes_searched = 0;
  if (seat.unread) return read(seat);
  if (stopping_ || seat.farewell) return let_go(seat);
  seat.deadline = now_ + rules_.keep_alive_timeout;
}

void Reception::await_rest(Seat& seat, std::size_t bytes) {
  seat.bytes_awaited = bytes;
  if (seat.unread) return read(seat);
  if (seat.farewell) return bytes > 0 ? host_.give_up(stand_up(seat)) : let_go(seat);
  if (bytes > 0) seat.deadline = std::min(seat.request_deadline, now_ + rules_.read_timeout);
  if (stopping_) seat.deadline = std::min(seat.deadline, now_ + kStopGrace);
}

void Reception::begin(Seat& seat, const Plan& plan) {
  auto& connection = seat.guest->connection;
  const auto body = connection.received().substr(plan.head_bytes, plan.bytes - plan.head_bytes);
  const auto request = request_of(plan.head, connection.remote_address(), std::string(body));
  connection.consume(plan.bytes);
  seat.in_request = false;
  seat.bytes_awaited = seat.bytes_searched = 0;
  seat.guest->requests_left = plan.head.keep_alive ? seat.guest->requests_left - 1 : 0;
  seat.route = plan.route;
  seat.ticket = ++last_ticket_;
  seat.deadline = now_ + plan.route->patience;
  awaiting_.emplace(seat.ticket, &seat);
  const auto give = [inbox = inbox_, ticket = seat.ticket](Response response) {
    inbox->put(Answered{ticket, std::move(response)});
  };
  try {
    plan.route->handler(request, give);
  } catch (...) {
    give(answer_to_failure(request));
  }
}

void Reception::answer(Seat& seat, const Response& response) {
  awaiting_.erase(std::exchange(seat.ticket, 0));
  if (stop_.raised()) seat.guest->requests_left = 0;
  const auto left = seat.guest->requests_left;
  auto& connection = seat.guest->connection;
  connection.write(answer_head(response, response.body.size(), {left == 0, rules_.keep_alive_timeout, left}));
  connection.write(response.body);
  switch (connection.flush_now()) {
    case Connection::Flushed::all:
      return proceed(seat);
    case Connection::Flushed::some:
      return host_.finish_sending(stand_up(seat));
    case Connection::Flushed::failed:
      return let_go(seat);
  }
}

bool Reception::is_crowded() const {
  return !listening_ || seats_.size() * 2 > rules_.guests_max;
}

void Reception::let_go_of_late_ones() {
  if (now_ < next_look_) return;
  next_look_ = now_ + kLookEvery;
  const auto hurry = is_crowded();
  if (!listening_ && !stopping_) listen(true);
  std::vector<Seat*> late;
  for (const auto& [key, seat] : seats_) {
    auto deadline = seat->deadline;
    if (hurry && seat->ticket == 0 && !seat->in_request) {
      const bool is_new = seat->guest->requests_left == rules_.requests_max;
      const auto patience = is_new ? kCrowdedFirstRequest : kCrowdedKeepAlive;
      deadline = std::min(deadline, deadline - rules_.keep_alive_timeout + patience);
    }
    if (now_ >= deadline) late.push_back(seat.get());
  }
  for (Seat* seat : late) {
    if (seat->ticket != 0) {
      answer(*seat, seat->route->when_late());
    } else if (seat->bytes_awaited > 0) {
      host_.give_up(stand_up(*seat));
    } else {
      let_go(*seat);
    }
  }
}

void Reception::begin_stopping() {
  stopping_ = true;
  listening_ = false;
  listener_.reset();
  std::vector<Seat*> idle;
  for (const auto& [key, seat] : seats_) {
    if (seat->ticket != 0) continue;
    seat->deadline = std::min(seat->deadline, now_ + kStopGrace);
    if (!seat->in_request) idle.push_back(seat.get());
  }
  for (Seat* seat : idle) {
    seat->unread = true;  // its request may be there already
    read(*seat);
  }
}

}  // namespace kefu::http
