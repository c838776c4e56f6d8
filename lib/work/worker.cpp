#include "lib/work/worker.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <zmq.hpp>

#include "lib/base/digest.h"
#include "lib/base/limits.h"
#include "lib/ops/log.h"
#include "lib/work/resolver.h"
#include "lib/work/session.h"
#include "lib/work/threads.h"

namespace kefu::work {
namespace {

constexpr Millis kLastWords{2000};  // for verdicts to be recorded when all work is done and we leave

WorkerId new_worker_id() {
  std::string host(64, '\0');
  if (::gethostname(host.data(), host.size() - 1) != 0) host = "worker";
  host.resize(host.find('\0') == std::string::npos ? host.size() : host.find('\0'));
  return WorkerId(host + "-" + std::to_string(::getpid()) + "-" + random_hex(4));
}

struct Finished {
  int connection = 0;
  Session::Group group;
  std::vector<Outcome> outcomes;  // of each in the group
};

std::string_view outcome_name(v1::Outcome outcome) {
  switch (outcome) {
    case v1::OUTCOME_DONE:
      return "done";
    case v1::OUTCOME_UNAVAILABLE:
      return "unavailable";
    case v1::OUTCOME_PARKED:
      return "parked";
    case v1::OUTCOME_DEAD:
      return "dead";
    case v1::OUTCOME_RETURNED:
      return "returned";
    default:
      return "retry";
  }
}

}  // namespace

struct Worker::Impl {
  Impl(WorkerOptions o, Handler h, ops::Metrics& m)
      : options(std::move(o)),
        handler(std::move(h)),
        metrics(m),
        wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        threads(options.slots),
        typing_threads(limits::kTypingMax) {}
  ~Impl() { ::close(wake); }

  struct Connection {
    std::string endpoint;
    zmq::socket_t socket;
    Timestamp opened_at{};
    Session session;
  };

  WorkerOptions options;
  Handler handler;
  ops::Metrics& metrics;
  const WorkerId id = new_worker_id();
  const int wake;
  Threads threads;
  Threads typing_threads;
  std::atomic<std::uint32_t> typing{0};  // notices under way
  std::thread loop;
  std::atomic<bool> stopping{false};
  std::atomic<std::int64_t> connected_until_ms{0};

  mutable std::mutex mutex;
  std::vector<Finished> finished;  // guarded by mutex, as below
  std::string refusal;

  // The loop's own.
  zmq::context_t context{1};
  std::optional<NameWatch> names;
  std::map<int, Connection> connections;
  int connections_made = 0;

  // --- connections ---

  // A session outlives the address of its gateway: what it holds and owes is told at the new one. A name that
  // has lost an address for a moment does not cost a connection that works.
  void connect_to(const std::vector<std::string>& wanted, Timestamp now) {
    std::vector<std::string> fresh;
    for (const auto& endpoint : wanted) {
      if (!connection_of(endpoint)) fresh.push_back(endpoint);
    }
    for (auto& [number, connection] : connections) {
      const bool gone = std::find(wanted.begin(), wanted.end(), connection.endpoint) == wanted.end();
      if (!gone || fresh.empty()) continue;
      connection.endpoint = fresh.back();
      fresh.pop_back();
      reopen(connection, now);
    }
    std::erase_if(connections, [&](const auto& entry) {
      const auto& [endpoint, socket, opened_at, session] = entry.second;
      const bool gone = std::find(wanted.begin(), wanted.end(), endpoint) == wanted.end();
      return gone && !session.connected(now) && session.holds_nothing();
    });
    for (const auto& endpoint : fresh) add_connection(endpoint, now);
    if (connections.empty()) return;
    const auto share =
        std::max<std::uint32_t>(1, options.slots / static_cast<std::uint32_t>(connections.size()));
    for (auto& [number, connection] : connections) connection.session.set_slots(share);
  }

  Connection* connection_of(const std::string& endpoint) {
    const auto at = std::find_if(connections.begin(), connections.end(),
                                 [&](const auto& c) { return c.second.endpoint == endpoint; });
    return at == connections.end() ? nullptr : &at->second;
  }

  // A worker of its own to the gateway behind it, in case two addresses are one gateway's.
  void add_connection(const std::string& endpoint, Timestamp now) {
    const int number = ++connections_made;
    const WorkerId name(number == 1 ? id.value : id.value + "-" + std::to_string(number));
    auto& connection =
        connections
            .emplace(number,
                     Connection{endpoint, open(endpoint), now,
                                Session(options.queue, name, options.slots,
                                        options.bundle_handler ? options.bundle : 0,
                                        {options.sweeps, bool(options.typing_handler), options.presence})})
            .first->second;
    if (stopping) connection.session.drain();
  }

  void reopen(Connection& connection, Timestamp now) {
    connection.socket = open(connection.endpoint);
    connection.opened_at = now;
  }

  // libzmq does not connect again after a protocol error, and says nothing.
  void revive(Connection& connection, Timestamp now) {
    if (now - std::max(connection.session.heard_at(), connection.opened_at) > limits::kWorkerLostAfter)
      reopen(connection, now);
  }

  zmq::socket_t open(const std::string& endpoint) {
    zmq::socket_t socket(context, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::immediate,
               true);  // refuse to send rather than pile up for a gateway that is away
    socket.set(zmq::sockopt::reconnect_ivl, 100);
    socket.set(zmq::sockopt::reconnect_ivl_max, 1000);  // after a gateway restart we are back within 2 s
    socket.set(zmq::sockopt::heartbeat_ivl, 1000);
    socket.set(zmq::sockopt::heartbeat_timeout, 3000);
    socket.set(zmq::sockopt::heartbeat_ttl, 3000);
    socket.set(zmq::sockopt::handshake_ivl, 5000);
    socket.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(limits::kFrameBytesMax));
    socket.set(zmq::sockopt::ipv6, endpoint.find('[') != std::string::npos);
    socket.connect(endpoint);
    return socket;
  }

  // --- loop ---

  void run() {
    names.emplace(options.connect);
    std::optional<Timestamp> leave_by;
    for (;;) {
      wait();
      const Timestamp now = steady_now();
      if (stopping && !leave_by) {
        for (auto& [number, connection] : connections) connection.session.drain();
        leave_by = now + limits::kDrain;
      }
      if (const auto fresh = names->take()) connect_to(*fresh, now);
      take_finished(now);
      for (auto& [number, connection] : connections) serve(number, connection, now);
      publish_state(now);
      if (!leave_by) continue;
      const bool working = std::any_of(connections.begin(), connections.end(),
                                       [](const auto& c) { return !c.second.session.running_nothing(); });
      const bool telling = std::any_of(connections.begin(), connections.end(),
                                       [](const auto& c) { return !c.second.session.holds_nothing(); });
      if (!working) leave_by = std::min(*leave_by, now + kLastWords);
      if (!telling || now >= *leave_by) break;
    }
    say_bye();
    connections.clear();
  }

  void wait() {
    Timestamp until = steady_now() + limits::kPing;
    std::vector<zmq::pollitem_t> items{{nullptr, wake, ZMQ_POLLIN, 0},
                                       {nullptr, names->descriptor(), ZMQ_POLLIN, 0}};
    for (auto& [number, connection] : connections) {
      items.push_back({connection.socket.handle(), 0, ZMQ_POLLIN, 0});
      until = std::min(until, connection.session.next_tick());
    }
    try {
      zmq::poll(items, std::max(until - steady_now(), Millis(0)));
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) throw;
    }
    eventfd_t ignored = 0;
    ::eventfd_read(wake, &ignored);
  }

  void take_finished(Timestamp now) {
    std::vector<Finished> done;
    {
      const std::lock_guard lock(mutex);
      done = std::exchange(finished, {});
    }
    for (const auto& [number, group, outcomes] : done) {
      const auto at = connections.find(number);
      if (at == connections.end()) continue;
      Session::Work work;
      for (std::size_t i = 0; i < group.size(); ++i)
        at->second.session.finished(group[i], outcomes[i], now, work);
      carry_out(number, at->second, work, now);
    }
  }

  void serve(int number, Connection& connection, Timestamp now) {
    revive(connection, now);
    Session::Work work;
    for (;;) {
      zmq::message_t frame;
      if (!connection.socket.recv(frame, zmq::recv_flags::dontwait)) break;
      v1::ToWorker message;
      if (message.ParseFromArray(frame.data(), static_cast<int>(frame.size())))
        connection.session.receive(message, now, work);
    }
    connection.session.tick(now, work);
    carry_out(number, connection, work, now);
  }

  void carry_out(int number, Connection& connection, Session::Work& work, Timestamp now) {
    for (const auto& message : work.messages) {
      const auto bytes = message.SerializeAsString();
      if (!connection.socket.send(zmq::buffer(bytes), zmq::send_flags::dontwait))
        connection.session.not_sent(now);
    }
    for (const auto& notice : work.typing) pass_on(notice, now + limits::kTypingDeadline);
    for (auto& group : work.start) {
      threads.run([this, number, group = std::move(group), deadline = now + limits::kHandlerBudget] {
        auto outcomes = handle(group, deadline);
        const std::lock_guard lock(mutex);
        if (finished.empty()) ::eventfd_write(wake, 1);
        finished.push_back({number, group, std::move(outcomes)});
      });
    }
  }

  void pass_on(const v1::Typing& notice, Timestamp deadline) {
    if (typing >= limits::kTypingMax) return;
    ++typing;  // by this thread alone
    typing_threads.run([this, notice, deadline] {
      try {
        options.typing_handler(notice, deadline);
      } catch (const std::exception& error) {
        log::error("a bug: the handler of typing notices threw", {{"what", error.what()}});
      }
      --typing;
    });
  }

  // As many outcomes as deliveries, whatever the handler does.
  std::vector<Outcome> handle(const Session::Group& group, Timestamp deadline) {
    Outcome broken;
    broken.reason = "internal error in the worker";
    broken.failure = v1::FAILURE_RETRY;
    std::vector<Outcome> outcomes;
    try {
      if (group.size() == 1) {
        outcomes.push_back(handler(group.front(), deadline));
      } else {
        outcomes = options.bundle_handler(group, deadline);
      }
    } catch (const std::exception& error) {
      log::error("a bug: the handler threw", {{"event", group.front().event().id()}, {"what", error.what()}});
    }
    outcomes.resize(group.size(), broken);
    for (std::size_t i = 0; i < group.size(); ++i) count(group[i], outcomes[i]);
    return outcomes;
  }

  void count(const v1::Delivery& delivery, const Outcome& outcome) {
    metrics
        .counter("kefu_handled_total", "Deliveries handled, by outcome",
                 {{"outcome", std::string(outcome_name(outcome.kind))}})
        .add();
    if (outcome.kind != v1::OUTCOME_DONE) {
      // A cloud's own words may name customers; why a destination cannot be used at all is for every operator
      // to see.
      const bool for_all = outcome.kind == v1::OUTCOME_UNAVAILABLE || log::enabled(log::Level::debug);
      log::warning("not delivered", {{"event", delivery.event().id()},
                                     {"attempt", delivery.attempt()},
                                     {"outcome", outcome_name(outcome.kind)},
                                     {"code", outcome.code},
                                     {"reason", for_all ? outcome.reason : "see kefuctl show"}});
    }
  }

  void publish_state(Timestamp now) {
    std::string why;
    bool connected = false;
    for (const auto& [number, connection] : connections) {
      connected = connected || connection.session.connected(now);
      if (!connection.session.refusal().empty())
        why = connection.endpoint + ": " + connection.session.refusal();
    }
    connected_until_ms = connected ? (now + limits::kWorkerLostAfter).ms : 0;
    const std::lock_guard lock(mutex);
    if (why != refusal && !why.empty()) log::error("the gateway refuses this worker", {{"why", why}});
    refusal = why;
  }

  void say_bye() {
    v1::FromWorker bye;
    bye.mutable_bye();
    const auto bytes = bye.SerializeAsString();
    for (auto& [number, connection] : connections) {
      connection.socket.set(zmq::sockopt::linger, 500);
      if (connection.session.holds_nothing())
        connection.socket.send(zmq::buffer(bytes), zmq::send_flags::dontwait);
    }
  }
};

Worker::Worker(WorkerOptions options, Handler handler, ops::Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handler), metrics)) {}

Worker::~Worker() {
  stop();
}

void Worker::start() {
  impl_->loop = std::thread([this] { impl_->run(); });
}

void Worker::stop() {
  impl_->stopping = true;
  ::eventfd_write(impl_->wake, 1);
  if (impl_->loop.joinable()) impl_->loop.join();
  impl_->threads.stop();
  impl_->typing_threads.stop();
}

bool Worker::connected() const {
  return steady_now().ms < impl_->connected_until_ms;
}

std::vector<std::string> Worker::missing() const {
  std::vector<std::string> reasons;
  if (!connected()) reasons.emplace_back("not connected to a gateway (KEFU_QUEUE_CONNECT)");
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->refusal.empty()) reasons.push_back("refused by a gateway: " + impl_->refusal);
  return reasons;
}

}  // namespace kefu::work
