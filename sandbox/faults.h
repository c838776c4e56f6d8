// Failures on order: the next N calls of a cloud API go wrong in a chosen way. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kefu::sandbox {

struct Fault {
  enum class Mode {
    error,           // the cloud's own error answer with `code`; nothing is done
    http,            // HTTP `status` and no JSON; nothing is done
    hang,            // silence for `wait`, then the connection is reset; nothing is done
    reset,           // the connection is reset at once; nothing is done
    act_then_hang,   // as hang, but the work has been done
    act_then_reset,  // as reset, but the work has been done
    slow,            // done and answered after `wait`
  };
  std::string cloud;  // "im", "wechat"
  std::string api;    // "sendmsg", "custom_send", …; "*": every one
  Mode mode = Mode::error;
  std::int64_t code = 0;
  int status = 500;
  Millis wait{30'000};
  int times = 1;

  bool acts() const {
    return mode == Mode::act_then_hang || mode == Mode::act_then_reset || mode == Mode::slow;
  }
};

std::optional<Fault::Mode> fault_mode(std::string_view name);
std::string_view name(Fault::Mode mode);

class Faults {
 public:
  void add(Fault fault);
  // The oldest that fits; used up by one.
  std::optional<Fault> take(std::string_view cloud, std::string_view api);
  std::vector<Fault> pending() const;
  // Waits for `time`; ends early when all faults are cleared or stop() was called.
  void hang(Millis time);
  void clear();
  void stop();

 private:
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable released_;
  std::vector<Fault> faults_;
  std::uint64_t cleared_ = 0;
  bool stopped_ = false;
};

}  // namespace kefu::sandbox
