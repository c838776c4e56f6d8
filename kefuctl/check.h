// The state of the queues as one line and a status that monitoring systems understand (the plug-in convention
// of Nagios, which Icinga, Zabbix, Sensu and others read, too). Pure: reads the answer to {"cmd":"queues"}.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kefu::ctl {

// A threshold of 0 is off.
struct Thresholds {
  std::string queue;  // only this one; empty: all
  std::int64_t dead_warn = 1;
  std::int64_t dead_crit = 100;
  std::int64_t backlog_warn = 10'000;  // ready and waiting
  std::int64_t backlog_crit = 100'000;
  std::int64_t oldest_warn_s = 300;  // of ready, in flight and waiting; parked ones wait for people
  std::int64_t oldest_crit_s = 3600;
};

struct Probe {
  enum class Health { ok = 0, warning = 1, critical = 2, unknown = 3 };
  struct Figure {
    std::string name;  // relay_dead
    std::int64_t value = 0;
    std::string unit;  // "s" or empty
    std::int64_t warn = 0;
    std::int64_t crit = 0;
  };
  Health health = Health::ok;
  std::vector<std::string> reasons;  // the worst first; when all is well what was looked at
  std::vector<Figure> figures;
};

Probe probe_of(std::string_view queues_answer, const Thresholds& thresholds);
// Nobody answered, or a refusal: critical, since nothing is carried.
Probe unreachable_probe(const std::string& why);

// "KEFU CRITICAL - relay: no worker; notifier: 12 dead | relay_dead=0;1;100 …", one line with its newline.
std::string render_probe(const Probe& probe);
// {"ok":…,"health":"critical","reasons":[…],"figures":{"relay_dead":0,…}}
std::string probe_as_json(const Probe& probe);

}  // namespace kefu::ctl
