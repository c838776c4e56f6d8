// One worker's connection to the gateway: frames keep their order, may take long, get lost or come twice.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "kefu/v1/work.pb.h"
#include "tests/simulation/parts.h"

namespace kefu::simulation {

class Link {
 public:
  using ToGateway = std::function<void(const std::string& route, const v1::FromWorker& message)>;
  using ToWorker = std::function<void(const v1::ToWorker& message)>;

  Link(Parts& parts, std::string name, ToGateway to_gateway, ToWorker to_worker)
      : parts_(parts),
        name_(std::move(name)),
        to_gateway_(std::move(to_gateway)),
        to_worker_(std::move(to_worker)) {}

  const std::string& route() const { return route_; }
  bool open() const { return state_ != State::closed; }

  // False: both sides know that the connection is gone.
  bool up(v1::FromWorker message) {
    return carry(up_, [this, m = std::move(message)] { to_gateway_(route_, m); });
  }
  bool down(v1::ToWorker message) {
    return carry(down_, [this, m = std::move(message)] { to_worker_(m); });
  }

  // A new connection has a new route. What was under way on the old one is lost.
  void connect() {
    route_ = name_ + "/" + std::to_string(++connections_);
    state_ = State::connected;
    up_ = down_ = {};
  }
  void close() {
    state_ = State::closed;
    ++connections_;
  }
  // Frames vanish and nobody knows it.
  void cut() { state_ = State::cut; }
  // Nothing arrives until then; afterwards everything.
  void stall(Timestamp until) { up_.last_arrival = down_.last_arrival = until; }
  void calm() { calm_ = true; }

 private:
  enum class State { closed, connected, cut };
  struct Direction {
    Timestamp last_arrival{};
  };

  bool carry(Direction& direction, std::function<void()> arrive) {
    if (state_ == State::closed) return false;
    auto& figures = parts_.ledger.figures;
    auto& chance = parts_.chance;
    ++figures.frames;
    if (state_ == State::cut || (!calm_ && chance.in(0.005))) {
      ++figures.frames_lost;
      return true;
    }
    const auto takes = !calm_ && chance.in(0.01) ? chance.between(Millis(50), Millis(1500))
                                                 : chance.between(Millis(0), Millis(4));
    direction.last_arrival = std::max(direction.last_arrival, parts_.now() + takes);
    const bool twice = !calm_ && chance.in(0.01);
    if (twice) ++figures.frames_doubled;
    for (int copy = 0; copy < (twice ? 2 : 1); ++copy) {
      parts_.agenda.at(direction.last_arrival, [this, arrive, connection = connections_] {
        if (connection == connections_ && state_ == State::connected) arrive();
      });
    }
    return true;
  }

  Parts& parts_;
  std::string name_;
  ToGateway to_gateway_;
  ToWorker to_worker_;
  State state_ = State::closed;
  bool calm_ = false;
  int connections_ = 0;
  std::string route_;
  Direction up_;
  Direction down_;
};

}  // namespace kefu::simulation
