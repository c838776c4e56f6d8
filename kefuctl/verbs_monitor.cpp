// check, health, explain
#include <algorithm>
#include <iostream>
#include <memory>
#include <vector>

#include "kefuctl/check.h"
#include "kefuctl/explain.h"
#include "kefuctl/health.h"
#include "kefuctl/printable.h"
#include "kefuctl/verbs.h"

namespace kefu::ctl {
namespace {

using std::chrono::milliseconds;

int run_check(const Common& common, const Thresholds& thresholds) {
  const Answer answer = ask(common, {{"cmd", "queues"}});
  const Probe probe = answer.kind == Answer::Kind::accepted ? probe_of(answer.json, thresholds)
                      : answer.kind == Answer::Kind::bad_address
                          ? Probe{Probe::Health::unknown, {answer.error}, {}}
                          : unreachable_probe(answer.error);
  std::cout << (common.as_json ? probe_as_json(probe) : render_probe(probe));
  return static_cast<int>(probe.health);
}

void add_check(CLI::App& app, const Common& common, Action& action) {
  auto* verb = app.add_subcommand("check", "One line and an exit status for monitoring");
  const auto limits = std::make_shared<Thresholds>();
  verb->add_option("queue,--queue", limits->queue, "Only relay or notifier; both when left out");
  const auto add = [&](const char* flag, std::int64_t& value, const char* help) {
    verb->add_option(flag, value, help)->capture_default_str()->check(CLI::NonNegativeNumber);
  };
  add("--dead-warn", limits->dead_warn, "Warn at so many dead events");
  add("--dead-crit", limits->dead_crit, "Critical at so many dead events");
  add("--backlog-warn", limits->backlog_warn, "Warn at so many events ready or waiting");
  add("--backlog-crit", limits->backlog_crit, "Critical at so many events ready or waiting");
  add("--oldest-warn", limits->oldest_warn_s, "Warn when the oldest ready or waiting event is so old, s");
  add("--oldest-crit", limits->oldest_crit_s, "Critical when it is so old, s");
  verb->footer(
      "Also critical: no worker, a queue that stays closed until an operator acts, no answer from the "
      "gateway.\n"
      "Also a warning: paused by an operator, or closed for another reason. A threshold of 0 is off.\n"
      "Exit status, as Nagios, Icinga and others read it: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; wrong "
      "usage is\n"
      "3, too, and says so on stderr.\n"
      "Examples:\n"
      "  kefuctl check\n"
      "  kefuctl check relay --dead-warn 10 --dead-crit 500 --oldest-crit 600");
  verb->callback(
      [&common, &action, limits] { action = [&common, limits] { return run_check(common, *limits); }; });
}

// One object, and the same exit status as for people.
int print_health_as_json(const std::vector<Health>& pages) {
  const bool all_well =
      std::all_of(pages.begin(), pages.end(), [](const auto& one) { return one.kind == Health::Kind::well; });
  std::cout << printable_json(health_as_json(pages)) << "\n";
  return all_well ? kDone : kRefused;
}

int run_health(const Common& common, const std::vector<std::string>& urls) {
  std::vector<Health> pages;
  int status = kDone;
  for (const std::string& url : urls) {
    pages.push_back(ask_health(url, milliseconds(common.timeout_ms)));
    const auto& health = pages.back();
    if (health.kind == Health::Kind::bad_address) return complain(health.says, kUsage);
    if (common.as_json) continue;
    if (health.kind == Health::Kind::unwell) {
      status = complain(health.says, kRefused);
    } else {
      std::cout << printable(health.says) << "\n";
    }
  }
  return common.as_json ? print_health_as_json(pages) : status;
}

void add_health(CLI::App& app, const Common& common, Action& action) {
  auto* verb = app.add_subcommand("health", "Ask ops pages whether their programs are ready");
  const auto urls = std::make_shared<std::vector<std::string>>();
  verb->add_option("url", *urls, "http://host:port[/path]; without a path /readyz")->required();
  verb->footer(
      "Examples:\n"
      "  kefuctl health http://127.0.0.1:9101 http://127.0.0.1:9102\n"
      "  kefuctl --json health http://127.0.0.1:9101 | jq .ok");
  verb->callback(
      [&common, &action, urls] { action = [&common, urls] { return run_health(common, *urls); }; });
}

struct Explain {
  std::string what;
  std::string cloud;
};

void add_explain(CLI::App& app, const Common& common, Action& action) {
  auto* verb =
      app.add_subcommand("explain", "What an error of either cloud means and what the queue does with it");
  const auto options = std::make_shared<Explain>();
  verb->add_option("what", options->what,
                   "A code, or a class such as throttle or unknown_outcome; all when left out");
  verb->add_option("--cloud", options->cloud, "Only im or wechat")->check(CLI::IsMember({"im", "wechat"}));
  verb->footer(
      "Needs no gateway: it reads the tables that relay and notifier decide by.\n"
      "Examples:\n"
      "  kefuctl explain 45015\n"
      "  kefuctl explain 40001 --cloud wechat\n"
      "  kefuctl explain unknown_outcome\n"
      "  kefuctl explain                     every code of both clouds");
  // A code may be negative (-1 of WeChat), which is no option here.
  verb->prefix_command(false)->allow_extras(true);
  verb->callback([&common, &action, options, verb] {
    const auto extras = verb->remaining();
    action = [&common, options, extras] {
      if (extras.size() > 1 || (!extras.empty() && !options->what.empty()))
        return complain("explain takes one code or class", kUsage);
      const auto found = explain(extras.empty() ? options->what : extras.front(), options->cloud);
      if (!found) return complain(found.error(), kUsage);
      std::cout << (common.as_json ? explanations_as_json(*found) : render_explanations(*found));
      return static_cast<int>(kDone);
    };
  });
}

}  // namespace

void add_monitoring_verbs(CLI::App& app, const Common& common, Action& action) {
  add_check(app, common, action);
  add_health(app, common, action);
  add_explain(app, common, action);
}

}  // namespace kefu::ctl
