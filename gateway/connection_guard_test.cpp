#include "gateway/connection_guard.h"

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "gateway/door.h"
#include "tests/raw_peer.h"

using namespace kefu;
using test::RawPeer;

namespace {

// A door and its guard.
struct Bench {
  zmq::context_t context{1};
  zmq::socket_t socket;
  std::mutex mutex;
  std::condition_variable told_more;
  std::vector<std::pair<std::string, std::string>> told;  // guarded by mutex
  std::optional<ConnectionGuard> guard;
  int port = 0;

  Bench(zmq::socket_type type, DoorLimits limits) : socket(context, type) {
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvtimeo, 30'000);
    guard.emplace(context, [this](std::string_view door, std::string_view why) {
      const std::lock_guard lock(mutex);
      told.emplace_back(door, why);
      told_more.notify_all();
    });
    guard->watch(socket, std::move(limits));
    const auto endpoint = open_door(socket, "tcp://127.0.0.1:*", "A_SETTING");
    port = std::stoi(endpoint.substr(endpoint.rfind(':') + 1));
    guard->start();
  }
  ~Bench() { guard.reset(); }

  // Waits for it.
  std::pair<std::string, std::string> first_told() {
    std::unique_lock lock(mutex);
    told_more.wait_for(lock, std::chrono::seconds(30), [this] { return !told.empty(); });
    return told.empty() ? std::pair<std::string, std::string>{} : told.front();
  }
  std::size_t times_told() {
    const std::lock_guard lock(mutex);
    return told.size();
  }
  // The next message, as the loop takes it.
  std::size_t take() {
    zmq::message_t peek;
    zmq::pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
    zmq::poll(&item, 1, std::chrono::seconds(30));
    const auto incoming = receive(socket);
    REQUIRE(incoming);
    CHECK(incoming->connection >= 0);
    guard->took(0, incoming->connection, incoming->bytes);
    return incoming->frames.back().size();
  }
};

using Told = std::pair<std::string, std::string>;

}  // namespace

TEST_CASE("a connection whose message has no end is cut, and the others are not") {
  Bench bench(zmq::socket_type::router, {"queue", 8, 1 << 20});
  const RawPeer good(bench.port, "DEALER");
  good.send_frame("hello", false);
  CHECK(bench.take() == 5);
  const RawPeer bad(bench.port, "DEALER");
  const std::string part(64 << 10, 'x');
  std::size_t parts = 0;
  while (parts < 20'000 && bad.send_frame(part, true)) ++parts;
  CHECK(parts < 20'000);  // more than a gigabyte, else
  CHECK(bench.first_told() == Told{"queue", "unfinished"});
  good.send_frame("here I am", false);
  CHECK(bench.take() == 9);
}

TEST_CASE("what is taken out is not held against a connection") {
  Bench bench(zmq::socket_type::router, {"queue", 8, 1 << 20});
  const RawPeer peer(bench.port, "DEALER");
  for (int i = 0; i < 40; ++i) {
    peer.send_frame(std::string(512 << 10, 'x'), false);
    CHECK(bench.take() == 512 << 10);
    bench.guard->drained(0);
  }
  CHECK(bench.times_told() == 0);
}

TEST_CASE("one connection too many is cut, and room is made when another leaves") {
  Bench bench(zmq::socket_type::router, {"queue", 2, 1 << 20});
  const RawPeer first(bench.port, "DEALER");
  {
    const RawPeer second(bench.port, "DEALER");
    second.send_frame("hello", false);
    bench.take();
    CHECK(RawPeer(bench.port, "DEALER").hangs_up());
    CHECK(bench.first_told() == Told{"queue", "too_many"});
  }
  for (int tries = 0; tries < 1000; ++tries) {
    const RawPeer next(bench.port, "DEALER");
    next.send_frame("hello", false);
    zmq::pollitem_t item{bench.socket.handle(), 0, ZMQ_POLLIN, 0};
    if (zmq::poll(&item, 1, std::chrono::milliseconds(100)) > 0) break;
  }
  CHECK(bench.take() == 5);
}

TEST_CASE("subscriptions stay, so all of them count") {
  Bench bench(zmq::socket_type::xpub, {"tap", 8, 128 << 10, false});
  const RawPeer peer(bench.port, "SUB");
  std::size_t subscriptions = 0;
  while (subscriptions < 100'000 &&
         peer.send_frame("\x01" + std::to_string(subscriptions) + std::string(1000, 'x'), false))
    ++subscriptions;
  CHECK(subscriptions < 100'000);  // a hundred megabytes, else
  CHECK(bench.first_told() == Told{"tap", "unfinished"});
}
