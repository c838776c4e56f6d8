// How the clouds misbehave in a run: spells of trouble, all drawn from a seed before the run begins.
// Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <string_view>
#include <vector>

#include "tests/chaos/moment.h"

namespace kefu::chaos {

enum class Cloud { im, wechat };

enum class Trouble {
  none,
  error,           // the cloud's own passing error
  throttle,        // too many calls
  page,            // HTTP 502 and no JSON
  garbage,         // 200 and no JSON
  reset,           // the connection is reset; nothing is done
  hang,            // no answer for longer than anybody waits; nothing is done
  act_then_reset,  // done, and the connection is reset
  act_then_hang,   // done, and no answer
  slow,            // done and answered, seconds later
  credentials,     // the UserSig or the access token is refused
  settings,        // an operator must act: the address is not on the allow-list
  forget,          // the customer's account is not known any more (IM)
  close,           // the customer must write first (WeChat)
  refuse,          // this message is refused for good
};
inline constexpr std::size_t kTroubles = static_cast<std::size_t>(Trouble::refuse) + 1;

std::string_view name(Trouble trouble);

// From `from` to `until` this share of the cloud's calls is in trouble.
struct Spell {
  Cloud cloud = Cloud::im;
  Trouble trouble = Trouble::none;
  double share = 0;
  Moment from = 0;
  Moment until = 0;
};

class Weather {
 public:
  // Spells between the two moments; before and after them all is well. Where there is room for it, IM is down
  // once for longer than it drops repeats, and acts without an answer just before.
  Weather(std::uint64_t seed, Moment from, Moment until);

  Trouble of_call(Cloud cloud, Moment now);
  // No spell demands an operator between the two moments.
  bool needs_operator(Cloud cloud, Moment from, Moment until) const;
  std::size_t spells() const;
  Moment longest_outage() const;  // ms, of all calls to one cloud

 private:
  void plan(Cloud cloud, Moment from, Moment until);
  Moment plan_outage(Moment from, Moment until);
  double uniform() { return std::uniform_real_distribution<>(0, 1)(chance_); }

  mutable std::mutex mutex_;  // guards all below
  std::mt19937_64 chance_;
  std::array<std::vector<Spell>, 2> spells_;  // in time, not overlapping
  Moment from_;
  Moment until_;
  Moment outage_ = 0;
};

}  // namespace kefu::chaos
