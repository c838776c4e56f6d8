// Where connections wait, all of them on one thread: for a request, for the rest of one, or for an answer
// that somebody gives later. A connection takes a thread of its own only while its complete request is served
// elsewhere, so that no client holds one by sending slowly. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lib/http/body.h"
#include "lib/http/connection.h"
#include "lib/http/head.h"
#include "lib/http/listener.h"
#include "lib/http/server.h"

namespace kefu::http {

// A connection and what is left of its right to be served.
struct Guest {
  Guest(Accepted accepted, const StopSignal& stop, std::size_t requests_max)
      : connection(accepted.socket, std::move(accepted.remote_address), stop), requests_left(requests_max) {}

  Connection connection;
  std::size_t requests_left;  // 0: the connection ends when what was written has gone out
  bool is_refused = false;    // and nothing that may still come is read as a request
};
using GuestPtr = std::unique_ptr<Guest>;

// A handler that answers later, and how long for.
struct LaterRoute {
  LaterHandler handler;
  std::chrono::milliseconds patience{};
  std::function<Response()> when_late;
};

// What the bytes are that came from a guest.
struct Plan {
  enum class Kind {
    wait,     // the head is not complete
    refuse,   // `refusal` is the whole answer, and the connection ends
    receive,  // the request is served when its body has arrived; it may be empty
  };
  Kind kind = Kind::wait;
  std::size_t head_bytes = 0;
  Head head{};
  std::string refusal{};
  std::size_t body_bytes_max = 0;
  bool authentic = false;             // the head alone proved who sends the request
  const LaterRoute* later = nullptr;  // how to answer when the body is small; else it is served elsewhere
};

// A request that has arrived.
struct Arrived {
  Head head;
  std::string body;  // still compressed, when the head says so
};

class Reception {
 public:
  struct Rules {
    std::chrono::milliseconds keep_alive_timeout;  // for the next request to begin
    std::chrono::milliseconds read_timeout;        // for the head; for each piece of the body
    std::chrono::milliseconds request_timeout;     // for the whole request to arrive
    std::size_t guests_max;                        // past that: 503 at once
    std::size_t requests_max;                      // of a guest
    // Unfinished requests that are not authentic, all together. Past that the largest ones are refused with
    // 503. Buffers may be twice as large.
    std::size_t unauthenticated_bytes_max;
    // How many such requests there may be. Past that the oldest ones are refused with 503.
    std::size_t unauthenticated_max;
  };
  struct Host {
    // `searched`: of what has come, so much holds no end of the head. Called whenever more has come, until
    // the head is complete.
    std::function<Plan(const Connection& connection, std::size_t searched)> plan;
    // Serves a request; may take its time on a thread of its own.
    std::function<void(GuestPtr, Arrived)> serve;
    // Sends what is left in the guest's buffer, to one who reads slowly.
    std::function<void(GuestPtr)> finish_sending;
  };

  Reception(Rules rules, Host host, const StopSignal& stop);
  ~Reception();  // joins
  Reception(const Reception&) = delete;
  Reception& operator=(const Reception&) = delete;

  void start(Listener listener);
  // One whose request was served elsewhere. Once the reception has ended it is let go of.
  void take(GuestPtr guest);
  // Waits until nobody is left; after the stop signal that is soon.
  void join();

 private:
  using Deadline = Connection::Deadline;
  using Ticket = std::uint64_t;  // of an answer that is awaited

  // A request whose head is complete and whose body is not.
  struct Arriving {
    explicit Arriving(Plan planned) : plan(std::move(planned)), body(plan.head, plan.body_bytes_max) {}

    Plan plan;
    ArrivingBody body;
  };
  struct Seat {
    GuestPtr guest;
    Deadline deadline;               // of what is waited for
    Deadline request_deadline{};     // while a request arrives
    std::size_t bytes_searched = 0;  // of a head that has not ended
    std::optional<Arriving> arriving;
    Ticket ticket = 0;  // 0: none
    const LaterRoute* route = nullptr;
    std::size_t bytes_drained = 0;          // of a connection that was refused
    std::optional<std::size_t> bytes_held;  // of an unfinished request that is not authentic
    bool in_request = false;                // it has begun and not ended
    bool unread = false;                    // more may have come
    bool hung_up = false;                   // behind what is unread is the end
    bool farewell = false;                  // nothing more will come
    bool draining = false;                  // refused; what still comes is discarded
  };
  using SeatPtr = std::unique_ptr<Seat>;

  struct Answered {
    Ticket ticket;
    Response response;
  };
  // Outlives the reception: who answers late must not find a ruin.
  struct Inbox {
    Inbox();
    ~Inbox();
    void put(GuestPtr guest);
    void put(Answered answered);
    void close();

    const int descriptor;  // readable when something is in
    std::mutex mutex;      // guards everything below
    std::vector<GuestPtr> guests;
    std::vector<Answered> answers;
    bool open = true;
  };

  void run();
  void wait_for_events();
  void accept();
  void listen(bool now);
  void take_inbox();
  void seat(GuestPtr guest);
  enum class Next { need_more, pause, gone };
  void advance(Seat& seat);
  void receive(Seat& seat);
  Next proceed(Seat& seat);
  Next take_head(Seat& seat);
  Next take_body(Seat& seat);
  Next dispatch(Seat& seat);
  void begin(Seat& seat, const Plan& plan, std::string body);
  void answer(Seat& seat, const Response& response);
  void await_more(Seat& seat);
  Next refuse(Seat& seat, std::string_view answer);
  Next drain(Seat& seat);
  void recount(Seat& seat);
  void uncount(Seat& seat);
  void shed_load();
  void wake_again(Seat& seat) const;
  void let_go_of_late_ones();
  void begin_stopping();
  GuestPtr stand_up(Seat& seat);
  void let_go(Seat& seat);
  bool is_crowded() const;

  const Rules rules_;
  const Host host_;
  const StopSignal& stop_;
  const int epoll_;
  const std::shared_ptr<Inbox> inbox_;
  // Of the thread:
  std::optional<Listener> listener_;
  bool listening_ = false;
  std::unordered_map<const Seat*, SeatPtr> seats_;
  std::unordered_map<Ticket, Seat*> awaiting_;
  Ticket last_ticket_ = 0;
  std::size_t unauthenticated_bytes_ = 0;  // of unfinished requests
  std::size_t unauthenticated_ = 0;        // such requests
  Deadline now_{};
  Deadline next_look_{};
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace kefu::http
