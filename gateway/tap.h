// The tap (contract §6): every step of every event for whoever subscribes. It waits for nobody: a subscriber
// that does not keep up misses steps, and the queue and the other subscribers notice nothing of it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "gateway/dispatcher.h"

namespace zmq {
class context_t;
class socket_t;
}  // namespace zmq

namespace kefu {

struct TapMessage {
  std::string topic;
  std::string json;
  std::string event;  // protobuf
};

// Running numbers of the steps told since the gateway's start, so that a subscriber sees a gap where it
// missed something: `seq` among all, `queue_seq` among those of one queue, `step_seq` among those of one
// queue and step. Which one has no gaps by itself depends on what was subscribed to.
class TapNumbers {
 public:
  TapMessage number(const Step& step);
  // Counts it all the same, for nobody: who comes back sees what was missed meanwhile.
  void skip(const Step& step) { count(step); }

 private:
  struct Numbers {
    std::uint64_t all = 0;
    std::uint64_t of_queue = 0;
    std::uint64_t of_step = 0;
  };
  Numbers count(const Step& step);

  std::uint64_t all_ = 0;
  std::map<std::string, std::uint64_t> by_prefix_;  // "relay", "relay.done"
};

class Tap {
 public:
  explicit Tap(zmq::context_t& context);
  ~Tap();
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  zmq::socket_t& socket() { return *socket_; }  // to bind and to poll
  // After the socket has become readable.
  void take_subscriptions();

  enum class Told {
    to_all,  // that subscribe to it
    overrun  // and one of them had no room left: it misses this step and those that follow until it has read
             // half of what waits for it (libzmq leaves it out meanwhile and does not say for how long)
  };
  Told publish(const Step& step);

 private:
  std::unique_ptr<zmq::socket_t> socket_;
  std::set<std::string> subscriptions_;
  TapNumbers numbers_;
};

}  // namespace kefu
