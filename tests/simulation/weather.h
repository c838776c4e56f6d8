// How a cloud treats calls for a while. What the answer itself would have been is the cloud's business.
#pragma once

#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "tests/simulation/chance.h"

namespace kefu::simulation {

enum class Fault {
  none,
  not_sent,       // no connection
  lost_before,    // time-out: the call has not acted
  lost_after,     // time-out or reset: it has acted
  lost_and_late,  // time-out: it acts seconds later
  server_error,   // HTTP 503: it may have acted, and has not
  busy,           // the cloud's own "try again"
  throttled,
  http_429,
  credentials,    // UserSig or access token refused
  configuration,  // an operator must act
  dead,           // this message never
  garbled,        // no JSON
};
std::string_view name(Fault fault);

class Weather {
 public:
  // `pace`: 1, or how many times longer everything lasts.
  Weather(Chance& chance, int pace) : chance_(chance), pace_(pace) {}

  Fault next(Timestamp now);
  void calm() { calm_ = true; }
  std::string_view kind() const { return kind_; }

 private:
  void change(Timestamp now);

  Chance& chance_;
  int pace_;
  bool calm_ = false;
  Timestamp until_{};
  double share_ = 0;
  std::vector<Fault> faults_;
  std::string_view kind_ = "fine";
};

}  // namespace kefu::simulation
