#include "tests/simulation/weather.h"

namespace kefu::simulation {
namespace {

struct Kind {
  std::string_view name;
  double share;
  std::vector<Fault> faults;
  int weight;
};

const std::vector<Kind>& kinds() {
  using enum Fault;
  static const std::vector<Kind> all{
      {"fine", 0.0, {none}, 8},
      {"flaky",
       0.25,
       {not_sent, lost_before, lost_after, lost_and_late, server_error, busy, throttled, http_429,
        credentials, dead, garbled},
       8},
      {"timing out", 0.6, {lost_before, lost_after, lost_after, lost_and_late}, 4},
      {"unreachable", 1.0, {not_sent}, 2},
      {"busy", 0.7, {busy, server_error}, 3},
      {"throttling", 0.6, {throttled, http_429}, 2},
      {"refusing credentials", 0.8, {credentials}, 2},
      {"misconfigured", 1.0, {configuration}, 1},
  };
  return all;
}

}  // namespace

std::string_view name(Fault fault) {
  switch (fault) {
    case Fault::none:
      return "none";
    case Fault::not_sent:
      return "not sent";
    case Fault::lost_before:
      return "timed out, did nothing";
    case Fault::lost_after:
      return "timed out, but did it";
    case Fault::lost_and_late:
      return "timed out, does it later";
    case Fault::server_error:
      return "HTTP 503";
    case Fault::busy:
      return "busy";
    case Fault::throttled:
      return "throttled";
    case Fault::http_429:
      return "HTTP 429";
    case Fault::credentials:
      return "credentials refused";
    case Fault::configuration:
      return "misconfigured";
    case Fault::dead:
      return "refused for good";
    case Fault::garbled:
      return "garbled";
  }
  return "unknown";
}

Fault Weather::next(Timestamp now) {
  if (calm_) return Fault::none;
  if (now >= until_) change(now);
  return chance_.in(share_) ? chance_.of(faults_) : Fault::none;
}

void Weather::change(Timestamp now) {
  int sum = 0;
  for (const auto& kind : kinds()) sum += kind.weight;
  auto left = chance_.pick(0, sum - 1);
  for (const auto& kind : kinds()) {
    left -= kind.weight;
    if (left >= 0) continue;
    kind_ = kind.name;
    share_ = kind.share;
    faults_ = kind.faults;
    break;
  }
  until_ = now + pace_ * chance_.between(Millis(3'000), Millis(25'000));
}

}  // namespace kefu::simulation
