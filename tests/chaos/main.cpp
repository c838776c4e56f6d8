// kefu-chaos: the real programs under load while they are killed, frozen and scaled and the clouds fail; then
// calm, and a ledger of what was answered 200 against what arrived. Exit status 0 only when nothing was lost,
// reordered or doubled. `./dev chaos` runs it.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <regex>
#include <set>
#include <thread>

#include "tests/chaos/mischief.h"
#include "tests/chaos/report.h"
#include "tests/chaos/services.h"
#include "tests/chaos/traffic.h"

namespace kefu::chaos {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWorkersInCalm = 2;  // of each kind
constexpr auto kStep = 50ms;
constexpr Moment kEverySecond = 1'000;
constexpr Moment kStuckAfter = 120'000;  // nothing moves for so long: it never will
constexpr std::uint64_t kListed = 1000;
constexpr std::string_view kUnknownOutcome = "it may have been delivered";

struct Options {
  double minutes = 1;
  double rate = 2000;
  std::uint32_t customers = 4000;
  std::uint64_t seed = std::random_device{}();
  std::string report;
  std::string keep;
  std::string log_level = "error";
};

// Every worker calls an address of its own: the reasons of all are the same without it.
std::string without_addresses(const std::string& reason) {
  static const std::regex address("http://127\\.0\\.0\\.1:[0-9]+/[0-9]+");
  return std::regex_replace(reason, address, "");
}

class Conductor {
 public:
  explicit Conductor(const Options& options)
      : options_(options),
        ledger_(options.customers),
        start_(moment_now()),
        weather_(options.seed + 1, start_ + kWarmUp, storm_end()),
        clouds_(ledger_, weather_, options.customers),
        services_(clouds_, options.log_level),
        mischief_(options.seed + 2, pause_between_deeds(), services_, ledger_, weather_) {
    run_.seed = options.seed;
    run_.seconds = options.minutes * 60;
    run_.rate = options.rate;
    run_.customers = options.customers;
    run_.started = utc_now();
    run_.spells = weather_.spells();
    run_.outage = weather_.longest_outage();
  }

  Run conduct() {
    services_.start_gateway();
    services_.await_gateway();
    for (const auto job : {Job::relay, Job::notifier}) services_.start_worker(job);
    Traffic traffic({services_.gateway_url(), Services::kWechatToken, Services::kCallbackToken,
                     Services::kSdkAppId, Services::agents(), options_.customers, options_.rate,
                     options_.seed, std::min<Moment>(20'000, storm_length() / 4)},
                    ledger_, clouds_);
    storm(traffic);
    mischief_.calm(kWorkersInCalm);
    const Moment calm_since = moment_now();
    drain(traffic);
    run_.drain_seconds = static_cast<double>(moment_now() - calm_since) / 1000;
    sum_up(traffic);
    if (!run_.good() && !options_.keep.empty()) keep_data();
    return run_;
  }

 private:
  static constexpr Moment kWarmUp = 2'000;

  Moment storm_length() const { return static_cast<Moment>(options_.minutes * 60'000); }
  Moment storm_end() const { return start_ + storm_length(); }

  // A short storm is a dense one.
  Moment pause_between_deeds() const { return std::min<Moment>(6'000, storm_length() / 8); }

  void storm(Traffic& traffic) {
    traffic.start();
    Moment next_look = 0;
    for (Moment now = moment_now(); now < storm_end(); now = moment_now()) {
      mischief_.step(now, now > start_ + kWarmUp);
      if (now >= next_look) look(traffic, now);
      if (now >= next_look) next_look = now + kEverySecond;
      std::this_thread::sleep_for(kStep);
    }
    traffic.stop_offering();
    run_.seconds = static_cast<double>(moment_now() - start_) / 1000;
    run_.offered_in_storm = traffic.figures().offered;
    run_.accepted_in_storm = traffic.figures().accepted;
  }

  void look(const Traffic& traffic, Moment now) {
    if (services_.gateway() != nullptr)
      run_.gateway_memory_most_kib = std::max(run_.gateway_memory_most_kib, services_.gateway_memory_kib());
    const auto figures = traffic.figures();
    if ((now - start_) / kEverySecond % 10 != 0) return;
    std::cerr << (now - start_) / kEverySecond << " s: offered " << figures.offered << ", answered "
              << figures.accepted << ", at their senders " << figures.waiting << ", arrived "
              << ledger_.arrivals() << std::endl;
  }

  // Until everything is pushed and every queue is empty, or nothing moves any more.
  void drain(Traffic& traffic) {
    Moment moved_at = moment_now();
    std::uint64_t before = 0;
    for (Moment now = moved_at; now - moved_at < kStuckAfter; now = moment_now()) {
      mischief_.step(now, false);
      look(traffic, now);
      const auto figures = traffic.figures();
      const auto moved = figures.attempts + ledger_.arrivals();
      if (moved != before) moved_at = now;
      before = moved;
      if (figures.waiting == 0) {
        if (clouds_.closed().empty() && queues_are_empty()) return;
        let_customers_write(traffic);
      }
      std::this_thread::sleep_for(1s);
    }
    const auto queues = services_.ask({{"cmd", "queues"}});
    run_.complaints.push_back("the queues do not get empty: " + (queues ? queues->dump() : "no answer"));
  }

  // Those whose replies wait for a word of theirs.
  void let_customers_write(Traffic& traffic) {
    std::set<std::uint32_t> silent;
    for (const auto customer : clouds_.closed()) silent.insert(customer);
    const auto answer =
        services_.ask({{"cmd", "list"}, {"queue", "notifier"}, {"state", "parked"}, {"limit", kListed}});
    if (answer && answer->contains("events")) {
      for (const auto& event : (*answer)["events"]) {
        if (const auto customer = customer_in(event.value("customer", std::string())))
          silent.insert(*customer);
      }
    }
    for (const auto customer : silent) traffic.have_written(customer);
  }

  bool queues_are_empty() const {
    const auto answer = services_.ask({{"cmd", "queues"}});
    if (!answer || !answer->contains("queues")) return false;
    for (const auto& queue : (*answer)["queues"]) {
      for (const auto* state : {"ready", "in_flight", "waiting", "parked"}) {
        if (queue.at(state) != 0) return false;
      }
    }
    return true;
  }

  void sum_up(const Traffic& traffic) {
    run_.deeds = mischief_.deeds();
    run_.traffic = traffic.figures();
    run_.clouds = clouds_.figures();
    for (const auto customer : traffic.followers()) {
      ++run_.follows;
      if (!clouds_.was_imported(customer)) ++run_.never_imported;
    }
    for (const auto* queue : {"relay", "notifier"}) take_in_dead(queue);
    run_.verdict = ledger_.verdict();
    services_.look_for_the_dead();
    if (services_.gateway() != nullptr) run_.gateway_memory_kib = services_.gateway_memory_kib();
    for (const auto& complaint : services_.complaints()) run_.complaints.push_back(complaint);
    for (const auto& [status, count] : run_.traffic.odd_answers) {
      run_.complaints.push_back("the gateway answered " + std::to_string(count) + " pushes with " +
                                std::to_string(status));
    }
  }

  // Every dead event has a reason; those that died of unknown outcomes are known to the ledger.
  void take_in_dead(const std::string& queue) {
    const auto answer =
        services_.ask({{"cmd", "list"}, {"queue", queue}, {"state", "dead"}, {"limit", kListed}});
    if (!answer || !answer->contains("events")) return;
    for (const auto& event : (*answer)["events"]) {
      const auto reason = event.value("error", std::string("no reason"));
      ++run_.dead[queue + ": " + without_addresses(reason)];
      if (reason.find(kUnknownOutcome) == std::string::npos) continue;
      if (const auto message = message_of(event.at("id"))) ledger_.doubted(*message);
    }
  }

  std::optional<Message> message_of(const nlohmann::json& event) const {
    const auto answer = services_.ask({{"cmd", "show"}, {"id", event}});
    if (!answer || !answer->contains("event")) return std::nullopt;
    const auto& content = (*answer)["event"].at("content");
    const auto* body = content.contains("agent_message") ? "agent_message" : "customer_message";
    return content.contains(body) ? message_in(content[body].value("text", std::string())) : std::nullopt;
  }

  void keep_data() {
    std::error_code failure;
    std::filesystem::copy(
        services_.data_folder(), options_.keep,
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing,
        failure);
    if (failure) std::cerr << "cannot keep the data: " << failure.message() << "\n";
  }

  const Options options_;
  Ledger ledger_;
  const Moment start_;
  Weather weather_;
  Clouds clouds_;
  Services services_;
  Mischief mischief_;
  Run run_;
};

int run(const Options& options) {
  std::cerr << "seed " << options.seed << std::endl;
  const auto result = Conductor(options).conduct();
  const auto page = markdown(result);
  std::cout << page;
  if (!options.report.empty()) {
    const auto folder = std::filesystem::path(options.report).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder);
    std::ofstream(options.report) << page;
    std::cerr << "written to " << options.report << std::endl;
  }
  std::cerr << (result.good() ? "chaos: passed" : "chaos: FAILED") << ", seed " << options.seed << std::endl;
  return result.good() ? 0 : 1;
}

}  // namespace
}  // namespace kefu::chaos

int main(int count, char** arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  kefu::chaos::Options options;
  CLI::App app{
      "Kills, freezes and scales the real programs under load while the clouds fail, then compares what was "
      "answered 200 with what arrived."};
  app.add_option("--minutes", options.minutes, "of storm; the queues are drained after it")
      ->check(CLI::Range(0.05, 1440.0));
  app.add_option("--rate", options.rate, "messages offered a second")->check(CLI::Range(1.0, 100000.0));
  app.add_option("--customers", options.customers, "how many take part")->check(CLI::Range(1, 40000));
  app.add_option("--seed", options.seed, "plans the same storm again; by default another one each time");
  app.add_option("--report", options.report, "file for the report");
  app.add_option("--keep", options.keep, "folder for the journal of a run that failed");
  app.add_option("--log-level", options.log_level,
                 "of the programs; their last lines are shown when they end badly");
  CLI11_PARSE(app, count, arguments);
  try {
    return kefu::chaos::run(options);
  } catch (const std::exception& error) {
    std::cerr << "chaos: " << error.what() << std::endl;
    return 1;
  }
}
