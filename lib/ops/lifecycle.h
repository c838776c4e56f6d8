// How every program begins and ends.
#pragma once

#include <csignal>
#include <string_view>

namespace kefu::ops {

// SIGTERM and SIGINT, taken by wait() alone. Make it before any thread starts: threads inherit what is
// blocked. SIGPIPE and SIGXFSZ are ignored: a peer that went away or a file that must not grow is an error to
// be handled, not a death.
class StopSignals {
 public:
  StopSignals();
  // Until one comes; logs which.
  void wait() const;

 private:
  sigset_t signals_{};
};

// To what the system allows: libzmq ends the process when it runs out of descriptors.
void raise_descriptor_limit();

// Says on stderr what is wrong with the settings or the place, and gives the exit status for it (contract
// §1).
int cannot_start(std::string_view program, std::string_view why);

}  // namespace kefu::ops
