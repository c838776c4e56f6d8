#include "kefuctl/check.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace kefu::ctl;
using nlohmann::json;
using Health = Probe::Health;

namespace {

json queue(const std::string& name, const json& more = json::object()) {
  json told{
      {"name", name},    {"ready", 0},
      {"in_flight", 0},  {"waiting", 0},
      {"parked", 0},     {"dead", 0},
      {"done", 7},       {"oldest_ms", 0},
      {"paused", false}, {"workers", json::array({{{"id", "w1"}, {"capacity", 32}, {"in_flight", 0}}})}};
  told.update(more);
  return told;
}

std::string answer(const json& relay, const json& notifier = queue("notifier")) {
  return json{{"ok", true}, {"queues", {relay, notifier}}}.dump();
}

Health health_of(const json& more, const Thresholds& thresholds = {}) {
  return probe_of(answer(queue("relay", more)), thresholds).health;
}

Thresholds only(const std::string& queue) {
  Thresholds thresholds;
  thresholds.queue = queue;
  return thresholds;
}

}  // namespace

TEST_CASE("idle queues with workers are well, and the line carries their figures") {
  const Probe probe = probe_of(answer(queue("relay")), {});
  CHECK(probe.health == Health::ok);
  CHECK(render_probe(probe).starts_with(
      "KEFU OK - relay, notifier well | relay_dead=0;1;100 relay_backlog=0;"));
  CHECK(render_probe(probe).find("relay_oldest=0s;300;3600") != std::string::npos);
}

TEST_CASE("each threshold warns and then is critical") {
  CHECK(health_of({{"dead", 1}}) == Health::warning);
  CHECK(health_of({{"dead", 100}}) == Health::critical);
  Thresholds off;
  off.dead_warn = off.dead_crit = 0;
  CHECK(health_of({{"dead", 100}}, off) == Health::ok);
  CHECK(health_of({{"ready", 6000}, {"waiting", 4000}}) == Health::warning);
  CHECK(health_of({{"ready", 100'000}}) == Health::critical);
  CHECK(health_of({{"oldest_ms", 299'999}}) == Health::ok);
  CHECK(health_of({{"oldest_ms", 300'000}}) == Health::warning);
  CHECK(health_of({{"oldest_ms", 3'600'000}}) == Health::critical);
}

TEST_CASE("a parked reply may be old: it waits for its customer") {
  CHECK(health_of({{"parked", 1}, {"oldest_ms", 90'000'000}, {"oldest_working_ms", 0}}) == Health::ok);
}

TEST_CASE("nobody at work is critical, a pause and a closed gate are warnings") {
  CHECK(health_of({{"workers", json::array()}}) == Health::critical);
  CHECK(health_of({{"paused", true}}) == Health::warning);
  CHECK(health_of({{"unavailable", "calls fail for several customers"}}) == Health::warning);
  CHECK(health_of({{"gate", {{"state", "open"}, {"reason", ""}}}}) == Health::ok);
  CHECK(health_of({{"gate", {{"state", "probing"}, {"reason", "time-outs"}}}}) == Health::warning);
  CHECK(health_of({{"gate", {{"state", "closed"}, {"reason", "40164"}, {"needs_operator", true}}}}) ==
        Health::critical);
}

TEST_CASE("the worst reason stands first, all in one line without a second bar") {
  const Probe probe =
      probe_of(answer(queue("relay", {{"dead", 3}, {"gate", {{"state", "closed"}, {"reason", "a|b\nc"}}}}),
                      queue("notifier", {{"workers", json::array()}})),
               {});
  const std::string line = render_probe(probe);
  CHECK(line.starts_with("KEFU CRITICAL - notifier: no worker connected; relay: closed: a/b c; "));
  CHECK(std::count(line.begin(), line.end(), '|') == 1);
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
  CHECK(json::parse(probe_as_json(probe))["health"] == "critical");
  CHECK(json::parse(probe_as_json(probe))["figures"]["relay_dead"] == 3);
}

TEST_CASE("one queue alone can be asked for, and one that is not there is unknown") {
  const std::string both = answer(queue("relay", {{"dead", 500}}));
  CHECK(probe_of(both, only("notifier")).health == Health::ok);
  CHECK(probe_of(both, only("relay")).health == Health::critical);
  CHECK(probe_of(both, only("mail")).health == Health::unknown);
  CHECK(probe_of("no JSON", {}).health == Health::unknown);
}

TEST_CASE("a gateway that does not answer is critical") {
  CHECK(render_probe(unreachable_probe("no answer\nat all")) == "KEFU CRITICAL - no answer at all\n");
}
