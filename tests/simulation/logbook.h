// The last steps of a world, to be read when it has failed. Off unless asked for: a seed that failed is run
// again with it.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <utility>

#include "lib/base/clock.h"

namespace kefu::simulation {

class Logbook {
 public:
  Logbook(bool on, std::size_t lines) : on_(on), most_(lines) {}

  bool on() const { return on_; }
  // `make` gives the line; not called when nobody reads it.
  template <class Make>
  void note(Timestamp at, Make make) {
    if (!on_) return;
    if (begin_.ms == 0) begin_ = at;
    const auto ms = (at - begin_).count();
    auto fraction = std::to_string(1000 + ms % 1000);
    lines_.push_back(std::to_string(ms / 1000) + "." + fraction.substr(1) + "  " + make());
    if (lines_.size() > most_) lines_.pop_front();
  }
  const std::deque<std::string>& lines() const { return lines_; }

 private:
  bool on_;
  std::size_t most_;
  Timestamp begin_{};
  std::deque<std::string> lines_;
};

}  // namespace kefu::simulation
