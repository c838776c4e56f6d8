// That the simulation can fail: with a rule broken on purpose somewhere, the ledger complains.
#include "tests/simulation/world.h"

#include <doctest/doctest.h>

using namespace kefu;
using namespace kefu::simulation;

TEST_CASE("a world from the same seed is the same world") {
  for (const auto journal : {JournalKind::memory, JournalKind::sqlite}) {
    const WorldOptions options{6, journal, Mutation::none, 100'000};
    const auto first = run_world(options);
    const auto again = run_world(options);
    CHECK(first.log.size() > 1000);
    CHECK(first.log == again.log);
    CHECK(first.figures.text() == again.figures.text());
  }
}

TEST_CASE("a world sees everything that can go wrong, and things of every end") {
  Figures sum;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const auto report = run_world({seed});
    CHECK_MESSAGE(!report.complaint, "seed ", seed, ": ", report.complaint.value_or(""));
    sum += report.figures;
  }
  CHECK(sum.events > 3000);
  for (const auto count :
       {sum.duplicates, sum.done, sum.dead, sum.parked, sum.retries, sum.replays, sum.faults, sum.unsure,
        sum.gateway_crashes, sum.worker_crashes, sum.frames_lost, sum.frames_doubled, sum.cuts, sum.freezes,
        sum.disk_troubles, sum.wechat_repeats}) {
    CHECK(count > 0);
  }
}

TEST_CASE("every rule that is broken on purpose is found") {
  constexpr std::uint64_t kSeeds = 1000;
  for (const auto& [mutation, name] : kMutations) {
    CAPTURE(std::string(name));
    std::uint64_t seed = 1;
    while (seed <= kSeeds && !run_world({seed, JournalKind::memory, mutation}).complaint) ++seed;
    CHECK(seed <= kSeeds);
    MESSAGE(std::string(name), " is found by seed ", seed);
  }
}
