// Watches the gateway's tap (contract §6) and prints every step as it comes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "kefuctl/render.h"
#include "lib/base/result.h"

namespace kefu::ctl {

struct TapOptions {
  std::string connect;  // tcp://127.0.0.1:5556
  StepFilter filter;
  std::uint64_t count_max = 0;  // stop after so many; 0: never
};

// Calls `print` with each step's JSON that passes the filter, and `warn` with what a person should know
// meanwhile (nobody there yet). Looks at `stop` at least four times a second. The error: an address that
// cannot be one.
Result<std::uint64_t> watch_tap(const TapOptions& options, const std::function<bool()>& stop,
                                const std::function<void(const std::string&)>& print,
                                const std::function<void(const std::string&)>& warn);

}  // namespace kefu::ctl
