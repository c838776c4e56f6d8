// tap
#include <iostream>
#include <memory>

#include "kefuctl/render.h"
#include "kefuctl/tap.h"
#include "kefuctl/verbs.h"

namespace kefu::ctl {
namespace {

int run_tap(const Common& common, const TapOptions& options) {
  const auto watched = watch_tap(
      options, stop_on_signals(),
      [&](const std::string& step) {
        std::cout << (common.as_json ? step : render_step(step)) << std::endl;  // NOLINT: each line at once
      },
      [](const std::string& line) { std::cerr << "kefuctl: " << line << "\n"; });
  return watched ? kDone : complain(watched.error(), kUsage);
}

void add_tap(CLI::App& app, const Common& common, Action& action) {
  auto* verb = app.add_subcommand("tap", "Print every step of every event as it happens, until Ctrl-C");
  const auto tap = std::make_shared<TapOptions>();
  verb->add_option("--queue", tap->filter.queue, "Only relay or notifier");
  verb->add_option("--step", tap->filter.step,
                   "Only accepted, delivered, done, retry, parked, dead or replayed");
  verb->add_option("--customer", tap->filter.customer, "Only this customer's (openid)");
  verb->add_option("--count", tap->count_max, "Stop after so many steps");
  verb->callback([&common, &action, tap] {
    action = [&common, tap] {
      tap->connect = common.tap_connect;
      return run_tap(common, *tap);
    };
  });
}

}  // namespace

void add_watching_verbs(CLI::App& app, const Common& common, Action& action) {
  add_tap(app, common, action);
}

}  // namespace kefu::ctl
