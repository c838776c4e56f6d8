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
constexpr std::size_t kReadsAtOnce = 4;      // from one connection, then the others have a turn
// A connection that was refused is read on for a while: see Connection::end_sending.
constexpr auto kDrainTime = 1s;
constexpr std::size_t kDrainBytesMax = 8 << 20;
// A larger body is understood on a thread: on this one it would keep all others waiting.
constexpr std::size_t kSmallBodyBytes = 64 << 10;

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
    shed_load();
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
    if (seat->ticket == 0) advance(*seat);
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
    if (guest->is_refused) guest->connection.flush_now();
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
  if (!seat.guest->is_refused || drain(seat) != Next::gone) advance(seat);
}

// After both of these the seat is gone.
GuestPtr Reception::stand_up(Seat& seat) {
  uncount(seat);
  const auto left = seats_.extract(&seat);
  auto guest = std::move(left.mapped()->guest);
  epoll_ctl(epoll_, EPOLL_CTL_DEL, guest->connection.socket(), nullptr);
  return guest;
}
void Reception::let_go(Seat& seat) {
  uncount(seat);
  seats_.erase(&seat);  // closes, which epoll notices
}

// Does what can be done with what has come and what still can be read. REQUIRES: no answer is awaited.
void Reception::advance(Seat& seat) {
  for (std::size_t reads = 0;; ++reads) {
    switch (proceed(seat)) {
      case Next::gone:
        return;
      case Next::pause:
        return recount(seat);
      case Next::need_more:
        break;
    }
    if (!seat.unread) break;
    if (reads == kReadsAtOnce) {
      wake_again(seat);
      break;
    }
    receive(seat);
  }
  recount(seat);
  await_more(seat);
}

// Makes another edge of the bytes that are left.
void Reception::wake_again(Seat& seat) const {
  epoll_event event{EPOLLIN | EPOLLRDHUP | EPOLLET, {.ptr = &seat}};
  epoll_ctl(epoll_, EPOLL_CTL_MOD, seat.guest->connection.socket(), &event);
}

void Reception::receive(Seat& seat) {
  const auto came = seat.guest->connection.receive_now();
  seat.farewell = came == Connection::Came::farewell;
  seat.unread = came == Connection::Came::bytes || (came == Connection::Came::last_bytes && seat.hung_up);
}

// One step: a head, a body, or what is discarded.
Reception::Next Reception::proceed(Seat& seat) {
  auto& connection = seat.guest->connection;
  if (seat.draining) {
    seat.bytes_drained += connection.received().size();
    connection.consume(connection.received().size());
    if (seat.bytes_drained <= kDrainBytesMax) return Next::need_more;
    let_go(seat);
    return Next::gone;
  }
  if (seat.guest->requests_left == 0) {
    let_go(seat);
    return Next::gone;
  }
  return seat.arriving ? take_body(seat) : take_head(seat);
}

Reception::Next Reception::take_head(Seat& seat) {
  auto& connection = seat.guest->connection;
  if (!seat.in_request) {
    while (connection.received().starts_with("\r\n")) connection.consume(2);  // RFC 9112 §2.2
    if (connection.received().empty()) return Next::need_more;
    seat.in_request = true;
    seat.request_deadline = now_ + rules_.request_timeout;
    seat.deadline = now_ + rules_.read_timeout;
  }
  auto plan = host_.plan(connection, seat.bytes_searched);
  if (plan.kind == Plan::Kind::wait) {
    seat.bytes_searched = connection.received().size();
    return Next::need_more;
  }
  connection.consume(plan.head_bytes);
  seat.bytes_searched = 0;
  if (plan.kind == Plan::Kind::refuse) return refuse(seat, plan.refusal);
  if (plan.head.expects_continue) {
    connection.write("HTTP/1.1 100 Continue\r\n\r\n");
    if (connection.flush_now() != Connection::Flushed::all) {
      let_go(seat);
      return Next::gone;
    }
  }
  seat.arriving.emplace(std::move(plan));
  return take_body(seat);
}

Reception::Next Reception::take_body(Seat& seat) {
  auto& connection = seat.guest->connection;
  auto& body = seat.arriving->body;
  connection.consume(body.take(connection.received()));
  if (body.refusal() != 0) return refuse(seat, bare_answer(body.refusal()));
  return body.complete() ? dispatch(seat) : Next::need_more;
}

// REQUIRES: the request has arrived.
Reception::Next Reception::dispatch(Seat& seat) {
  Plan plan = std::move(seat.arriving->plan);
  std::string body = seat.arriving->body.release();
  seat.arriving.reset();
  seat.in_request = false;
  if (plan.later == nullptr || body.size() > kSmallBodyBytes) {
    host_.serve(stand_up(seat), {std::move(plan.head), std::move(body)});
    return Next::gone;
  }
  begin(seat, plan, std::move(body));
  return Next::pause;
}

// Waits for the rest of a request, for the next one, or for the end of a connection that was refused.
void Reception::await_more(Seat& seat) {
  if (seat.farewell && seat.arriving) {
    if (refuse(seat, bare_answer(400)) == Next::gone) return;
    return let_go(seat);
  }
  if (seat.farewell || (stopping_ && !seat.in_request)) return let_go(seat);
  if (seat.draining) return;
  if (!seat.in_request) {
    seat.deadline = now_ + rules_.keep_alive_timeout;
    return;
  }
  if (seat.arriving) seat.deadline = std::min(seat.request_deadline, now_ + rules_.read_timeout);
  if (stopping_) seat.deadline = std::min(seat.deadline, now_ + kStopGrace);
}

void Reception::begin(Seat& seat, const Plan& plan, std::string body) {
  auto& guest = *seat.guest;
  const auto request = request_of(plan.head, guest.connection.remote_address(), std::move(body));
  guest.requests_left = plan.head.keep_alive ? guest.requests_left - 1 : 0;
  seat.route = plan.later;
  seat.ticket = ++last_ticket_;
  seat.deadline = now_ + plan.later->patience;
  awaiting_.emplace(seat.ticket, &seat);
  const auto give = [inbox = inbox_, ticket = seat.ticket](Response response) {
    inbox->put(Answered{ticket, std::move(response)});
  };
  try {
    plan.later->handler(request, give);
  } catch (...) {
    give(answer_to_failure(request));
  }
}

// Gives the last answer of a connection.
Reception::Next Reception::refuse(Seat& seat, std::string_view answer) {
  seat.guest->connection.write(answer);
  return drain(seat);
}

// Lets what was written go out, and keeps the connection until the client ends it, too.
Reception::Next Reception::drain(Seat& seat) {
  auto& connection = seat.guest->connection;
  seat.arriving.reset();
  seat.in_request = false;
  uncount(seat);
  if (connection.flush_now() != Connection::Flushed::all) {
    let_go(seat);
    return Next::gone;
  }
  connection.end_sending();
  seat.draining = true;
  seat.deadline = now_ + (stopping_ ? 0s : kDrainTime);
  return Next::need_more;
}

// Keeps the sums of what is held for requests that nobody vouches for.
void Reception::recount(Seat& seat) {
  uncount(seat);
  const bool authentic = seat.arriving && seat.arriving->plan.authentic;
  if (!seat.in_request || authentic) return;
  const auto of_body = seat.arriving ? seat.arriving->body.bytes().size() : 0;
  seat.bytes_held = seat.guest->connection.received().size() + of_body;
  unauthenticated_bytes_ += *seat.bytes_held;
  ++unauthenticated_;
}

void Reception::uncount(Seat& seat) {
  if (!seat.bytes_held) return;
  unauthenticated_bytes_ -= *seat.bytes_held;
  --unauthenticated_;
  seat.bytes_held.reset();
}

// A request of WeChat or Tencent IM is small and arrives at once. So when unfinished ones are too much, those
// that are large go first, and when they are too many, those that are old.
void Reception::shed_load() {
  for (;;) {
    const bool too_large = unauthenticated_bytes_ > rules_.unauthenticated_bytes_max;
    if (!too_large && unauthenticated_ <= rules_.unauthenticated_max) return;
    Seat* victim = nullptr;
    for (const auto& [key, seat] : seats_) {
      if (!seat->bytes_held) continue;
      const bool goes_first =
          victim == nullptr || (too_large ? *seat->bytes_held > *victim->bytes_held
                                          : seat->request_deadline < victim->request_deadline);
      if (goes_first) victim = seat.get();
    }
    refuse(*victim, bare_answer(503, "Retry-After: 1\r\n"));
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
      return advance(seat);
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
    if (hurry && seat->ticket == 0 && !seat->in_request && !seat->draining) {
      const bool is_new = seat->guest->requests_left == rules_.requests_max;
      const auto patience = is_new ? kCrowdedFirstRequest : kCrowdedKeepAlive;
      deadline = std::min(deadline, deadline - rules_.keep_alive_timeout + patience);
    }
    if (now_ >= deadline) late.push_back(seat.get());
  }
  for (Seat* seat : late) {
    if (seat->ticket != 0) {
      answer(*seat, seat->route->when_late());
    } else if (seat->arriving) {
      refuse(*seat, bare_answer(400));
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
    advance(*seat);
  }
}

}  // namespace kefu::http
