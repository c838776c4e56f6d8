#include "sandbox/faults.h"

#include <algorithm>
#include <array>

namespace kefu::sandbox {
namespace {

constexpr std::array<std::string_view, 7> kModes = {"error",         "http",           "hang", "reset",
                                                    "act_then_hang", "act_then_reset", "slow"};

}  // namespace

std::optional<Fault::Mode> fault_mode(std::string_view name) {
  const auto found = std::find(kModes.begin(), kModes.end(), name);
  if (found == kModes.end()) return std::nullopt;
  return static_cast<Fault::Mode>(found - kModes.begin());
}

std::string_view name(Fault::Mode mode) {
  return kModes[static_cast<std::size_t>(mode)];
}

void Faults::add(Fault fault) {
  const std::lock_guard lock(mutex_);
  faults_.push_back(std::move(fault));
}

std::optional<Fault> Faults::take(std::string_view cloud, std::string_view api) {
  const std::lock_guard lock(mutex_);
  const auto fits = [&](const Fault& fault) {
    return fault.cloud == cloud && (fault.api == api || fault.api == "*");
  };
  const auto found = std::find_if(faults_.begin(), faults_.end(), fits);
  if (found == faults_.end()) return std::nullopt;
  Fault fault = *found;
  if (--found->times <= 0) faults_.erase(found);
  return fault;
}

std::vector<Fault> Faults::pending() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

void Faults::hang(Millis time) {
  std::unique_lock lock(mutex_);
  released_.wait_for(lock, time, [this, before = cleared_] { return stopped_ || cleared_ != before; });
}

void Faults::clear() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
  ++cleared_;
  released_.notify_all();
}

void Faults::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  released_.notify_all();
}

}  // namespace kefu::sandbox
