// A run as a page of Markdown.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/chaos/clouds.h"
#include "tests/chaos/ledger.h"
#include "tests/chaos/traffic.h"

namespace kefu::chaos {

struct Run {
  std::uint64_t seed = 0;
  double seconds = 0;  // of storm
  double rate = 0;     // messages a second, as asked for
  std::uint32_t customers = 0;
  std::string started;  // UTC
  std::size_t spells = 0;
  Moment outage = 0;  // ms
  std::map<std::string, std::uint64_t> deeds;
  Traffic::Figures traffic;
  std::uint64_t offered_in_storm = 0;
  std::uint64_t accepted_in_storm = 0;
  double drain_seconds = 0;
  Clouds::Figures clouds;
  Verdict verdict;
  std::uint64_t follows = 0;
  std::uint64_t never_imported = 0;           // of them
  std::map<std::string, std::uint64_t> dead;  // by reason
  std::uint64_t gateway_memory_kib = 0;
  std::uint64_t gateway_memory_most_kib = 0;
  std::vector<std::string> complaints;  // about processes, and about queues that do not get empty

  bool good() const { return verdict.good() && never_imported == 0 && complaints.empty(); }
};

std::string utc_now();
std::string markdown(const Run& run);

}  // namespace kefu::chaos
