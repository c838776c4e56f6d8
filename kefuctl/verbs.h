// What every verb of kefuctl shares: the common options, the exit statuses, how a question becomes a printed
// answer. Each add_*_verbs() brings a family of verbs with their options and their help.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "kefuctl/admin.h"

namespace kefu::ctl {

enum ExitStatus { kDone = 0, kRefused = 1, kUsage = 2, kNoAnswer = 3 };

struct Common {
  std::string connect = "tcp://127.0.0.1:5557";
  std::string tap_connect = "tcp://127.0.0.1:5556";
  bool as_json = false;
  std::uint32_t timeout_ms = 3000;
};

// What the command line has chosen; gives the exit status.
using Action = std::function<int()>;

void add_looking_verbs(CLI::App& app, const Common& common,
                       Action& action);  // queues list show trace customer agents
void add_repairing_verbs(CLI::App& app, const Common& common,
                         Action& action);  // replay jobs drop pause resume
void add_quarantine_verbs(CLI::App& app, const Common& common, Action& action);  // quarantine
void add_transfer_verbs(CLI::App& app, const Common& common, Action& action);    // export import
void add_watching_verbs(CLI::App& app, const Common& common, Action& action);    // tap top
void add_monitoring_verbs(CLI::App& app, const Common& common, Action& action);  // check health explain

// One line on stderr.
int complain(const std::string& line, ExitStatus status);
Answer ask(const Common& common, const nlohmann::json& question);
// The status of an answer that is not `accepted`; says why.
int failed(const Common& common, const Answer& answer);
// Asks, and prints the answer: as it came with --json, through `render` for people.
int ask_and_print(const Common& common, const nlohmann::json& question,
                  const std::function<std::string(const std::string&)>& render);

// From now on SIGINT and SIGTERM end nothing: the function given back becomes true.
std::function<bool()> stop_on_signals();

// Sleeps, and wakes up when a signal comes or `stop` holds.
void sleep_unless(const std::function<bool()>& stop, std::chrono::milliseconds time);

}  // namespace kefu::ctl
