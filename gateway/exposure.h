// Settings with which strangers can do what only operators, workers and the clouds should: allowed, and said
// at start. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/settings.h"

namespace kefu {

struct Exposure {
  std::string_view setting;
  std::string_view warning;  // what it means, and what to do about it
};

// In the order of the settings table.
std::vector<Exposure> exposures(const Settings& settings);

// Whether only this machine can connect: "127.0.0.1:9101", "tcp://[::1]:5555", "ipc://…", "off".
bool is_local(std::string_view address);

}  // namespace kefu
