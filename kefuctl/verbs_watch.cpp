// tap, top
#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "kefuctl/printable.h"
#include "kefuctl/step.h"
#include "kefuctl/tap.h"
#include "kefuctl/terminal.h"
#include "kefuctl/top.h"
#include "kefuctl/verbs.h"

namespace kefu::ctl {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kLook = 100ms;       // how soon keys and signals are noticed
constexpr auto kPatience = 2000ms;  // of the network, not of the events, before we say that nobody is there

// --- tap ---

struct Tap {
  StepFilter filter;
  bool content = false;
  std::uint64_t count = 0;  // stop after so many; 0: never
};

void print_step(const Common& common, const Tap& options, const TapListener::Message& message) {
  const std::string step = options.content ? with_content(message.step, message.event) : message.step;
  std::cout << (common.as_json ? printable_json(step) : render_step(step))
            << std::endl;  // NOLINT: each line at once
}

void tell_missed(std::uint64_t missed) {
  if (missed > 0) complain("missed " + std::to_string(missed) + " steps: too slow for the tap", kDone);
}

int run_tap(const Common& common, const Tap& options) {
  auto tap = TapListener::listen(common.tap_connect, {options.filter.topic()});
  if (!tap) return complain(tap.error(), kUsage);
  const auto stop = stop_on_signals();
  const auto began = SteadyClock::now();
  bool warned = false;
  MissedSteps missed(options.filter);
  for (std::uint64_t count = 0; !stop() && (options.count == 0 || count < options.count);) {
    const auto message = tap->next(kLook);
    if (!warned && !tap->connected() && SteadyClock::now() - began > kPatience) {
      warned = true;
      complain("nobody answers at " + common.tap_connect +
                   " yet, still trying. Is kefu-gateway running, and is this its KEFU_TAP_LISTEN?",
               kDone);
    }
    if (!message) continue;
    tell_missed(missed.before(message->step));
    if (!options.filter.lets_pass(message->step)) continue;
    print_step(common, options, *message);
    ++count;
  }
  return kDone;
}

void add_tap(CLI::App& app, const Common& common, Action& action) {
  auto* verb = app.add_subcommand("tap", "Print every step of every event as it happens, until Ctrl-C");
  const auto tap = std::make_shared<Tap>();
  verb->add_option("--queue", tap->filter.queue, "Only relay or notifier");
  verb->add_option(
      "--step", tap->filter.step,
      "Only accepted, delivered, done, retry, parked, dead, replayed; of a queue: closed, opened");
  verb->add_option("--type", tap->filter.type, "Only follow, unfollow, customer_message or agent_message");
  verb->add_option("--customer", tap->filter.customer, "Only this customer's (openid)");
  verb->add_option("--error", tap->filter.error, "Only failures with this code or text in them");
  verb->add_flag("--content", tap->content, "With the text of messages, which is private");
  verb->add_option("--count", tap->count, "Stop after so many steps");
  verb->footer(
      "Says on stderr how many steps it missed when it cannot keep up; the queue never waits for it.\n"
      "Examples:\n"
      "  kefuctl tap\n"
      "  kefuctl tap --queue notifier --step dead --content\n"
      "  kefuctl tap --error 45015\n"
      "  kefuctl --json tap --queue relay --step done | jq .customer");
  verb->callback([&common, &action, tap] { action = [&common, tap] { return run_tap(common, *tap); }; });
}

// --- top ---

struct TopOptions {
  double interval_s = 1;
  std::uint64_t count = 0;
};

std::int64_t steady_ms() {
  return std::chrono::duration_cast<milliseconds>(SteadyClock::now().time_since_epoch()).count();
}
std::int64_t unix_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::vector<std::string> failure_topics() {
  std::vector<std::string> topics;
  for (const char* queue : {"relay", "notifier"}) {
    for (const char* step : {"retry", "parked", "dead", "closed", "opened"})
      topics.push_back(std::string(queue) + "." + step + ".");
  }
  return topics;
}

void show(const Common& common, const Top& top, std::optional<Terminal>& terminal) {
  if (common.as_json) {
    std::cout << printable_json(top.as_json(unix_ms())) << std::endl;  // NOLINT: each frame at once
  } else if (terminal) {
    terminal->show(top.frame(terminal->size(), unix_ms()));
  } else {
    for (const std::string& line : top.frame({}, unix_ms())) std::cout << line << "\n";
    std::cout << std::endl;  // NOLINT: each frame at once
  }
}

int run_top(const Common& common, const TopOptions& options) {
  auto tap = TapListener::listen(common.tap_connect, failure_topics());
  if (!tap) return complain(tap.error(), kUsage);
  if (std::string problem = endpoint_problem(common.connect); !problem.empty())
    return complain(problem, kUsage);
  const auto stop = stop_on_signals();
  std::optional<Terminal> terminal;
  if (!common.as_json && Terminal::there()) terminal.emplace();
  const auto interval =
      std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(options.interval_s));
  Top top(common.connect);
  bool answered = false;
  bool quit = false;
  for (std::uint64_t frames = 0; !quit && !stop();) {
    const auto next_frame = SteadyClock::now() + interval;
    const Answer answer = ask(common, {{"cmd", "queues"}});
    answered = answer.kind == Answer::Kind::accepted;
    answered ? top.take_queues(answer.json, steady_ms()) : top.take_trouble(answer.error);
    show(common, top, terminal);
    if (options.count != 0 && ++frames >= options.count) break;
    while (!quit && !stop() && SteadyClock::now() < next_frame) {
      const auto left = std::chrono::duration_cast<milliseconds>(next_frame - SteadyClock::now());
      if (const auto message = tap->next(std::clamp<milliseconds>(left, 1ms, kLook)))
        top.take_step(message->step);
      quit = terminal && terminal->key() == 'q';
    }
  }
  return answered ? kDone : kNoAnswer;
}

void add_top(CLI::App& app, const Common& common, Action& action) {
  auto* verb = app.add_subcommand("top", "A live view of the queues, until q or Ctrl-C");
  const auto top = std::make_shared<TopOptions>();
  verb->add_option("--interval", top->interval_s, "How often it is drawn, s")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  verb->add_option("--count", top->count, "Stop after so many frames");
  verb->footer(
      "Redraws a terminal; into a file or a pipe it prints one frame after another, --json one object a "
      "line.\n"
      "Examples:\n"
      "  kefuctl top\n"
      "  kefuctl top --interval 0.5\n"
      "  kefuctl top --count 2 > frames.txt");
  verb->callback([&common, &action, top] { action = [&common, top] { return run_top(common, *top); }; });
}

}  // namespace

void add_watching_verbs(CLI::App& app, const Common& common, Action& action) {
  add_tap(app, common, action);
  add_top(app, common, action);
}

}  // namespace kefu::ctl
