// Runs worlds from seeds: simulation --seeds N [--first S] [--journal memory|sqlite]. A seed that fails is
// run again to print its last steps. Exit status 1 then.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <string>

#include "tests/simulation/world.h"

using namespace kefu::simulation;

namespace {

constexpr std::size_t kLogLines = 60;

void print_failure(WorldOptions options, std::size_t lines) {
  options.log_lines = lines;
  const auto again = run_world(options);
  std::printf("seed %llu fails: %s\n", static_cast<unsigned long long>(options.seed),
              again.complaint.value_or("not this time: the world is not repeatable!").c_str());
  std::printf("the last steps (seconds since the beginning):\n");
  for (const auto& line : again.log) std::printf("  %s\n", line.c_str());
  std::printf("again: ./dev sim --seeds 1 --first %llu --journal %s\n",
              static_cast<unsigned long long>(options.seed),
              options.journal == JournalKind::sqlite ? "sqlite" : "memory");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A gateway, its workers and both clouds in virtual time, with everything that can go wrong");
  std::uint64_t seeds = 1000;
  std::uint64_t first = 1;
  std::string journal = "memory";
  std::string mutation;
  std::size_t lines = kLogLines;
  std::size_t most_failures = 1;
  app.add_option("--seeds", seeds, "how many")->capture_default_str();
  app.add_option("--first", first, "the first of them")->capture_default_str();
  app.add_option("--journal", journal)->check(CLI::IsMember({"memory", "sqlite"}))->capture_default_str();
  app.add_option("--lines", lines, "of the last steps to print")->capture_default_str();
  app.add_option("--failures", most_failures, "after which it stops")->capture_default_str();
  app.add_option("--break", mutation, "a rule to break on purpose: see tests/simulation/mutation.h");
  CLI11_PARSE(app, argc, argv);

  WorldOptions options;
  options.journal = journal == "sqlite" ? JournalKind::sqlite : JournalKind::memory;
  for (const auto& named : kMutations) {
    if (named.name == mutation) options.mutation = named.mutation;
  }
  Figures sum;
  std::size_t failures = 0;
  std::uint64_t run = 0;
  const auto began = std::clock();
  for (options.seed = first; options.seed < first + seeds && failures < most_failures;
       ++options.seed, ++run) {
    const auto report = run_world(options);
    sum += report.figures;
    if (!report.complaint) continue;
    ++failures;
    print_failure(options, lines);
  }
  const double took = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  std::printf("%llu seeds from %llu (%s): %zu failed, %.1f s of CPU, %.1f ms each\n%s\n",
              static_cast<unsigned long long>(run), static_cast<unsigned long long>(first), journal.c_str(),
              failures, took, took * 1000 / static_cast<double>(run ? run : 1), sum.text().c_str());
  return failures == 0 ? 0 : 1;
}
