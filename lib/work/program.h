// What relay and notifier have in common as programs.
#pragma once

#include <string_view>

#include "lib/base/settings.h"
#include "lib/ops/lifecycle.h"
#include "lib/ops/ops_page.h"
#include "lib/work/worker.h"

namespace kefu::work {

struct Job {
  v1::Queue queue = v1::QUEUE_UNSPECIFIED;
  Handler one;
  BundleHandler together{};  // none: deliveries come one by one
  TypingHandler typing{};    // none: the gateway sends no notices
  bool sweeps = false;       // `one` knows v1::Sweep
  bool presence = false;     // `one` knows v1::PresenceQuery
};

// Works at `job` and answers on the ops page until a stop signal comes; then finishes what it began. The
// program's exit status.
int run(std::string_view program, Job job, const Settings& settings, const ops::StopSignals& stop,
        ops::Metrics& metrics);

}  // namespace kefu::work
