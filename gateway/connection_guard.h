// Bounds what strangers can make the gateway's ZeroMQ sockets remember. libzmq keeps the frames of a message
// that has no end yet, and a tap's subscriptions, without any limit and without a word to us. So the guard is
// told of every connection, asks the system how much came in through it, and cuts those through which more
// came than was taken out, and those that are too many. Who is cut by mistake connects again by itself and
// says it again.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace zmq {
class context_t;
class socket_t;
}  // namespace zmq

namespace kefu {

struct DoorLimits {
  std::string name;             // for people: queue, tap, admin
  std::size_t connections_max;  // at a time; also bounded by a share of the descriptors that we may have
  std::size_t bytes_max;        // of one connection that were not taken out
  bool taken = true;            // what comes in is taken out; false: it stays, as subscriptions do
};

class ConnectionGuard {
 public:
  // `told`: a connection of this door was cut, and why: too_many, unfinished (more came than was taken out),
  // unwatched (we have no descriptor left to watch it); or could not be taken in: not_accepted. Called by the
  // guard's thread.
  using Told = std::function<void(std::string_view door, std::string_view why)>;
  ConnectionGuard(zmq::context_t& context, Told told);
  ~ConnectionGuard();  // stops
  ConnectionGuard(const ConnectionGuard&) = delete;
  ConnectionGuard& operator=(const ConnectionGuard&) = delete;

  // All by the thread that owns the sockets. watch() before its socket is bound; gives the door's number. The
  // socket must live until stop().
  std::size_t watch(zmq::socket_t& socket, DoorLimits limits);
  void start();  // when they are bound
  void stop();
  // A message came out of the door; `connection`: its descriptor.
  void took(std::size_t door, int connection, std::size_t bytes);
  // Nothing more waits at the door.
  void drained(std::size_t door);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kefu
