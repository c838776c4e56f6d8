// Listens to the gateway's tap (contract §6).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace kefu::ctl {

class TapListener {
 public:
  // Connects in the background and goes on trying. `topics`: prefixes. The error: an address that cannot be
  // one.
  static Result<TapListener> listen(const std::string& connect, const std::vector<std::string>& topics);
  TapListener(TapListener&&) noexcept;
  TapListener& operator=(TapListener&&) noexcept;
  ~TapListener();

  struct Message {
    std::string step;   // JSON
    std::string event;  // kefu.v1.Event
  };
  // The next one, when it comes within `wait`. A signal ends the wait early.
  std::optional<Message> next(std::chrono::milliseconds wait);
  // Whether somebody has taken our connection since the start.
  bool connected();

 private:
  struct Impl;
  explicit TapListener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kefu::ctl
