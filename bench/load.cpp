// kefu-bench-load: offers pushes or callbacks to a gateway, or to what is compared with it, and prints what
// came of it as JSON. Exit status 0 also when pushes were refused or lost: the numbers say so.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/figures.h"
#include "bench/generator.h"
#include "bench/pushes.h"

namespace kefu::bench {
namespace {

// More than any server here takes on one core.
constexpr double kMostPerSecond = 100'000;

struct Options {
  Load load;
  PushOptions pushes;
  std::string aes_key;
  std::string answered;
};

void add_options(CLI::App& app, Options& options) {
  app.add_option("--port", options.load.port, "on 127.0.0.1")->required();
  app.add_option("--connections", options.load.connections)->capture_default_str();
  app.add_option("--seconds", options.load.seconds)->capture_default_str();
  app.add_option("--rate", options.load.rate, "pushes due a second; 0: as fast as they are answered");
  app.add_flag("--fresh", options.load.fresh, "a new connection for each push");
  app.add_option("--count", options.pushes.count, "pushes at most; 0: as many as the seconds can need");
  app.add_option("--customers", options.pushes.customers)->capture_default_str();
  app.add_option("--first-id", options.pushes.first_id, "MsgId of the first push")->capture_default_str();
  app.add_option("--token", options.pushes.token, "WECHAT_TOKEN")->capture_default_str();
  app.add_option("--app-id", options.pushes.app_id, "WECHAT_APP_ID")->capture_default_str();
  app.add_flag("--callbacks", options.pushes.callbacks, "callbacks of Tencent IM instead of pushes");
  app.add_option("--aes-key", options.aes_key, "WECHAT_AES_KEY: push in safe mode");
  app.add_option(
      "--answered", options.answered,
      "file for a line `MsgId due answered` (nanoseconds) of each push that was answered with 200");
}

// What the options say together. Throws CLI::ValidationError.
void complete(Options& options) {
  options.pushes.keep_alive = !options.load.fresh;
  if (options.load.fresh && options.load.rate > 0)
    throw CLI::ValidationError("--fresh", "has no --rate: it offers as fast as pushes are answered");
  if (options.pushes.count == 0) {
    const auto rate = options.load.rate > 0 ? options.load.rate : kMostPerSecond;
    options.pushes.count = static_cast<std::size_t>(rate * options.load.seconds);
  }
  if (!options.aes_key.empty()) {
    const auto key = wechat::parse_aes_key(options.aes_key);
    if (!key) throw CLI::ValidationError("--aes-key", key.error());
    options.pushes.aes_key = *key;
  }
}

void write_answered(const std::string& path, const Report& report, const Pushes& pushes) {
  std::ofstream file(path);
  for (std::size_t push = 0; push < report.due.size(); ++push) {
    if (report.answered[push] != 0)
      file << pushes.id(push) << ' ' << report.due[push] << ' ' << report.answered[push] << '\n';
  }
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
}

// Answers a second while pushes were offered: of a long tail after that each connection has one push only.
double rate_of(const Report& report, const Load& load) {
  const auto seconds = load.rate > 0 ? report.seconds : std::min(report.seconds, load.seconds);
  if (seconds <= 0) return 0;
  const auto end = report.due.front() + static_cast<Nanoseconds>(seconds * 1e9);
  const auto in_time = std::count_if(report.answered.begin(), report.answered.end(),
                                     [end](Nanoseconds at) { return at != 0 && at <= end; });
  return static_cast<double>(in_time) / seconds;
}

void print(const Report& report, const Load& load) {
  std::vector<Nanoseconds> latencies;
  for (std::size_t push = 0; push < report.due.size(); ++push) {
    if (report.answered[push] != 0) latencies.push_back(report.answered[push] - report.due[push]);
  }
  std::size_t refused = 0;
  std::string statuses;
  for (const auto& [status, count] : report.refused) {
    refused += count;
    statuses += (statuses.empty() ? "\"" : ",\"") + std::to_string(status) + "\":" + std::to_string(count);
  }
  std::cout << R"({"offered":)" << report.due.size() << R"(,"answered":)" << latencies.size()
            << R"(,"refused":)" << refused << R"(,"statuses":{)" << statuses << R"(},"broken":)"
            << report.broken << R"(,"unanswered":)" << report.unanswered << R"(,"reopened":)"
            << report.reopened << R"(,"seconds":)" << report.seconds << R"(,"per_second":)"
            << rate_of(report, load) << R"(,"latency":)" << latency_json(latencies) << "}\n";
}

int run(const Options& options) {
  const Pushes pushes(options.pushes);
  const auto report = offer(options.load, pushes);
  if (!options.answered.empty()) write_answered(options.answered, report, pushes);
  print(report, options.load);
  return 0;
}

}  // namespace
}  // namespace kefu::bench

int main(int argc, char** argv) {
  CLI::App app("Offers pushes to a gateway and prints what came of it as JSON");
  kefu::bench::Options options;
  kefu::bench::add_options(app, options);
  app.callback([&options] { kefu::bench::complete(options); });
  CLI11_PARSE(app, argc, argv);
  try {
    return kefu::bench::run(options);
  } catch (const std::exception& error) {
    std::cerr << "kefu-bench-load: " << error.what() << "\n";
    return 1;
  }
}
