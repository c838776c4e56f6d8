// All luck of a simulated world, from its seed. The same everywhere: nothing of the standard library's
// distributions.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "lib/base/clock.h"

namespace kefu::simulation {

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : engine_(seed) {}

  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }  // [0,1)
  bool in(double share) { return uniform() < share; }
  // Both ends included.
  std::int64_t pick(std::int64_t from, std::int64_t to) {
    return from + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(to - from + 1));
  }
  Millis between(Millis from, Millis to) { return Millis(pick(from.count(), to.count())); }
  template <class T>
  const T& of(const std::vector<T>& things) {
    return things[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(things.size()) - 1))];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace kefu::simulation
