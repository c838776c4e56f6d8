// kefuctl: looks at and repairs the queues (contract §7), watches the tap (§6), asks for health (§3).
// Exit status: 0 done, 1 refused by the gateway or not healthy, 2 wrong usage, 3 no answer from the gateway.
#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "kefuctl/admin.h"
#include "kefuctl/health.h"
#include "kefuctl/render.h"
#include "kefuctl/tap.h"

namespace {

using kefu::ctl::Answer;
using nlohmann::json;

enum ExitStatus { kDone = 0, kRefused = 1, kUsage = 2, kNoAnswer = 3 };

constexpr const char* kExamples = R"(Examples:
  kefuctl queues                          how full the queues are, who works on them
  kefuctl list relay --state dead         what could not be delivered, and why
  kefuctl show 42                         one event whole
  kefuctl replay 42                       try it again
  kefuctl replay relay                    try everything dead or parked of a queue again
  kefuctl pause notifier                  hand nothing out until `kefuctl resume notifier`
  kefuctl tap --queue relay --step dead   watch as it happens
  kefuctl health http://127.0.0.1:9101/readyz
Exit status: 0 done, 1 refused or not healthy, 2 wrong usage, 3 no answer from the gateway.)";

struct Options {
  std::string connect = "tcp://127.0.0.1:5557";
  bool as_json = false;
  std::uint32_t timeout_ms = 3000;
  std::string queue;
  std::string state = "dead";
  std::uint32_t limit = 20;
  std::uint64_t id = 0;
  std::string replay_target;
  kefu::ctl::TapOptions tap{"tcp://127.0.0.1:5556", {}, 0};
  std::vector<std::string> urls;
  bool check_config = false;
};

int complain(const std::string& line, ExitStatus status) {
  std::cerr << "kefuctl: " << line << "\n";
  return status;
}

// Asks, and prints the answer: as it came with --json, through `render` for people.
int ask_and_print(const Options& options, const json& question,
                  const std::function<std::string(const std::string&)>& render) {
  const Answer answer =
      kefu::ctl::ask(options.connect, question.dump(), std::chrono::milliseconds(options.timeout_ms));
  switch (answer.kind) {
    case Answer::Kind::accepted:
      std::cout << (options.as_json ? answer.json + "\n" : render(answer.json));
      return kDone;
    case Answer::Kind::refused:
      if (options.as_json) std::cout << answer.json << "\n";
      return complain(answer.error, kRefused);
    case Answer::Kind::none:
      return complain(answer.error, kNoAnswer);
    case Answer::Kind::bad_address:
      return complain(answer.error, kUsage);
  }
  return kUsage;
}

volatile std::sig_atomic_t stop_asked = 0;

int run_tap(const Options& options) {
  std::signal(SIGINT, [](int) { stop_asked = 1; });
  std::signal(SIGTERM, [](int) { stop_asked = 1; });
  const auto watched = kefu::ctl::watch_tap(
      options.tap, [] { return stop_asked != 0; },
      [&](const std::string& step) {
        std::cout << (options.as_json ? step : kefu::ctl::render_step(step))
                  << std::endl;  // NOLINT: each line at once
      },
      [](const std::string& line) { std::cerr << "kefuctl: " << line << "\n"; });
  return watched ? kDone : complain(watched.error(), kUsage);
}

int run_health(const Options& options) {
  int status = kDone;
  for (const std::string& url : options.urls) {
    const auto health = kefu::ctl::ask_health(url, std::chrono::milliseconds(options.timeout_ms));
    if (health.kind == kefu::ctl::Health::Kind::bad_address) return complain(health.says, kUsage);
    if (health.kind == kefu::ctl::Health::Kind::unwell) {
      status = complain(health.says, kRefused);
    } else {
      std::cout << health.says << "\n";
    }
  }
  return status;
}

// A number is an event's id, anything else a queue's name.
json replay_question(const std::string& target) {
  const bool is_id =
      !target.empty() && target.size() < 19 && target.find_first_not_of("0123456789") == std::string::npos;
  if (is_id) return {{"cmd", "replay"}, {"id", std::stoull(target)}};
  return {{"cmd", "replay"}, {"queue", target}};
}

int check_config(const Options& options) {
  int status = kDone;
  for (const auto& [setting, address] : {std::pair{"KEFU_ADMIN_CONNECT", options.connect},
                                         std::pair{"KEFU_TAP_CONNECT", options.tap.connect}}) {
    const std::string problem = kefu::ctl::endpoint_problem(address);
    if (!problem.empty()) status = complain(std::string(setting) + ": " + problem, kUsage);
  }
  return status;
}

using Action = std::function<int()>;

void add_looking(CLI::App& app, Options& options, Action& action) {
  auto* queues = app.add_subcommand("queues", "How full the queues are and who works on them");
  queues->callback([&] {
    action = [&] { return ask_and_print(options, {{"cmd", "queues"}}, kefu::ctl::render_queues); };
  });

  auto* list = app.add_subcommand("list", "Events of a queue in one state");
  list->add_option("queue,--queue", options.queue, "relay or notifier")->required();
  list->add_option("--state", options.state, "ready, in_flight, waiting, parked, dead or done")
      ->capture_default_str();
  list->add_option("--limit", options.limit, "At most so many")->capture_default_str();
  list->callback([&] {
    action = [&] {
      const json question{
          {"cmd", "list"}, {"queue", options.queue}, {"state", options.state}, {"limit", options.limit}};
      return ask_and_print(options, question, kefu::ctl::render_events);
    };
  });

  auto* show = app.add_subcommand("show", "One event whole");
  show->add_option("id,--id", options.id, "The event's id")->required();
  show->callback([&] {
    action = [&] {
      return ask_and_print(options, {{"cmd", "show"}, {"id", options.id}}, kefu::ctl::render_pretty);
    };
  });
}

void add_repairs(CLI::App& app, Options& options, Action& action) {
  auto* replay = app.add_subcommand("replay", "Make dead or parked events ready again");
  replay->add_option("target,--id,--queue", options.replay_target, "An event's id, or a queue for all of it")
      ->required();
  replay->callback([&] {
    action = [&] {
      return ask_and_print(options, replay_question(options.replay_target), [](const std::string& answer) {
        return kefu::ctl::render_count(answer, "replayed");
      });
    };
  });

  auto* drop = app.add_subcommand("drop", "Give up one event for good");
  drop->add_option("id,--id", options.id, "The event's id")->required();
  drop->callback([&] {
    action = [&] {
      return ask_and_print(options, {{"cmd", "drop"}, {"id", options.id}}, [](const std::string& answer) {
        return kefu::ctl::render_count(answer, "dropped");
      });
    };
  });

  const std::vector<std::pair<std::string, std::string>> switches{
      {"pause", "Hand out nothing more of a queue"}, {"resume", "Hand out again"}};
  for (const auto& [verb, help] : switches) {
    auto* command = app.add_subcommand(verb, help);
    command->add_option("queue,--queue", options.queue, "relay or notifier")->required();
    command->callback([&options, &action, verb = verb] {
      action = [&options, verb] {
        return ask_and_print(options, {{"cmd", verb}, {"queue", options.queue}},
                             [&](const std::string&) { return options.queue + " " + verb + "d\n"; });
      };
    });
  }
}

void add_watching(CLI::App& app, Options& options, Action& action) {
  app.add_option("--tap-connect", options.tap.connect, "For tap: the gateway's KEFU_TAP_LISTEN")
      ->envname("KEFU_TAP_CONNECT")
      ->capture_default_str();
  auto* tap = app.add_subcommand("tap", "Print every step of every event as it happens, until Ctrl-C");
  tap->add_option("--queue", options.tap.filter.queue, "Only relay or notifier");
  tap->add_option("--step", options.tap.filter.step,
                  "Only accepted, delivered, done, retry, parked, dead or replayed");
  tap->add_option("--customer", options.tap.filter.customer, "Only this customer's (openid)");
  tap->add_option("--count", options.tap.count_max, "Stop after so many steps");
  tap->callback([&] { action = [&] { return run_tap(options); }; });

  auto* health = app.add_subcommand("health", "Ask ops pages whether their programs are ready");
  health->add_option("url", options.urls, "http://host:port[/path]; without a path /readyz")->required();
  health->callback([&] { action = [&] { return run_health(options); }; });
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  Action action;
  CLI::App app{"Looks at and repairs the queues of Kefu Bridge through the gateway's admin socket."};
  app.footer(kExamples);
  app.set_version_flag("--version", "kefuctl " KEFU_VERSION);
  app.add_option("--connect", options.connect, "The gateway's KEFU_ADMIN_LISTEN")
      ->envname("KEFU_ADMIN_CONNECT")
      ->capture_default_str();
  app.add_flag("--json", options.as_json, "Answers as JSON, for scripts");
  app.add_option("--timeout", options.timeout_ms, "How long to wait for an answer, ms")
      ->check(CLI::Range(1U, 600'000U))
      ->capture_default_str();
  app.add_flag("--check-config", options.check_config, "Check the addresses, ask nothing");
  app.require_subcommand(0, 1);
  app.fallthrough();  // --json and --connect may stand after the verb, too
  add_looking(app, options, action);
  add_repairs(app, options, action);
  add_watching(app, options, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  if (options.check_config) return check_config(options);
  return action ? action() : complain("which verb? `kefuctl --help` lists them", kUsage);
}
