#include "lib/base/clock.h"

#include <ctime>

namespace kefu {
namespace {

std::int64_t read_ms(clockid_t clock) {
  timespec at{};
  clock_gettime(clock, &at);
  return std::int64_t{at.tv_sec} * 1000 + at.tv_nsec / 1'000'000;
}

}  // namespace

Timestamp wall_now() {
  return {read_ms(CLOCK_REALTIME)};
}

Timestamp steady_now() {
  // BOOTTIME goes on while the machine sleeps, so that due times stay true on a laptop.
  static const std::int64_t offset = read_ms(CLOCK_REALTIME) - read_ms(CLOCK_BOOTTIME);
  return {offset + read_ms(CLOCK_BOOTTIME)};
}

}  // namespace kefu
