#include "lib/work/program.h"

#include <string>
#include <utility>

#include "lib/ops/log.h"

namespace kefu::work {

int run(std::string_view program, Job job, const Settings& settings, const ops::StopSignals& stop,
        ops::Metrics& metrics) {
  WorkerOptions options;
  options.queue = job.queue;
  options.connect = settings.list("KEFU_QUEUE_CONNECT");
  options.slots = static_cast<std::uint32_t>(settings.number("KEFU_CONCURRENCY"));
  options.bundle_handler = std::move(job.together);
  options.typing_handler = std::move(job.typing);
  options.sweeps = job.sweeps;
  options.presence = job.presence;
  Worker worker(std::move(options), std::move(job.one), metrics);
  ops::OpsPage page(settings.text("KEFU_OPS_LISTEN"), metrics,
                    [&] { return ops::Readiness{worker.missing()}; });

  for (const auto& line : settings.describe()) log::debug(line);
  if (const auto port = page.start(); !port)
    return ops::cannot_start(program, "KEFU_OPS_LISTEN: " + port.error());
  worker.start();
  log::info(std::string(program) + " is up", {{"version", KEFU_VERSION}});
  stop.wait();
  worker.stop();
  page.stop();
  return 0;
}

}  // namespace kefu::work
