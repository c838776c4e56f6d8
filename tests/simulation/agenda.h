// Virtual time: what happens when. Things of the same instant happen in the order they were put down.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "lib/base/clock.h"

namespace kefu::simulation {

class Agenda {
 public:
  explicit Agenda(Timestamp begin) : now_(begin) {}

  Timestamp now() const { return now_; }
  void at(Timestamp when, std::function<void()> what) {
    items_.push_back({std::max(when, now_), ++put_down_, std::move(what)});
    std::push_heap(items_.begin(), items_.end(), later);
  }
  void in(Millis delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }

  // Does the next thing. False: nothing is left.
  bool step() {
    if (items_.empty()) return false;
    std::pop_heap(items_.begin(), items_.end(), later);
    const auto item = std::move(items_.back());
    items_.pop_back();
    now_ = std::max(now_, item.when);
    item.what();
    return true;
  }
  // Nobody acts meanwhile: what was due then happens afterwards.
  void sleep(Millis time) { now_ = now_ + time; }

 private:
  struct Item {
    Timestamp when;
    std::uint64_t number = 0;
    std::function<void()> what;
  };
  static bool later(const Item& a, const Item& b) {
    return std::pair(a.when, a.number) > std::pair(b.when, b.number);
  }

  Timestamp now_;
  std::uint64_t put_down_ = 0;
  std::vector<Item> items_;
};

}  // namespace kefu::simulation
