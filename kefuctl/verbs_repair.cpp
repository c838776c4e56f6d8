// replay, jobs, drop, pause, resume
#include <chrono>
#include <iostream>
#include <memory>
#include <utility>

#include "kefuctl/fields.h"
#include "kefuctl/render.h"
#include "kefuctl/terminal.h"
#include "kefuctl/verbs.h"

namespace kefu::ctl {
namespace {

using nlohmann::json;

// A number is an event's id, anything else a queue's name.
json replay_question(const std::string& target) {
  const bool is_id =
      !target.empty() && target.size() < 19 && target.find_first_not_of("0123456789") == std::string::npos;
  if (is_id) return {{"cmd", "replay"}, {"id", std::stoull(target)}};
  return {{"cmd", "replay"}, {"queue", target}};
}

struct Replay {
  std::string target;
  bool no_wait = false;
};

// The line that a terminal rewrites; elsewhere only the end is told.
void show_progress(const json& job) {
  if (Terminal::there())
    std::cout << "\r" << number(job, "replayed") << " of " << number(job, "total") << " replayed"
              << std::flush;
}

const json* job_of(const json& answer, std::int64_t id) {
  for (const json& job : rows_of(answer, "jobs")) {
    if (number(job, "id") == id) return &job;
  }
  return nullptr;
}

// The gateway goes on without us: leaving early changes nothing.
int wait_for_job(const Common& common, std::int64_t id) {
  const auto stop = stop_on_signals();
  while (!stop()) {
    const Answer answer = ask(common, {{"cmd", "jobs"}});
    if (answer.kind != Answer::Kind::accepted) return failed(common, answer);
    const json told = parse(answer.json);
    const json* job = job_of(told, id);
    if (!job)
      return complain(
          "job " + std::to_string(id) +
              " is gone: the gateway was restarted. What it had not reached is still dead or parked; "
              "`kefuctl replay` again does the rest",
          kRefused);
    show_progress(*job);
    if (job->contains("finished_at") && !(*job)["finished_at"].is_null()) {
      if (Terminal::there()) std::cout << "\r";
      std::cout << (common.as_json
                        ? job->dump() + "\n"
                        : render_count(json{{"count", number(*job, "replayed")}}.dump(), "replayed"));
      return kDone;
    }
    sleep_unless(stop, std::chrono::milliseconds(200));
  }
  return complain("job " + std::to_string(id) + " goes on in the gateway; `kefuctl jobs` shows it", kDone);
}

int run_replay(const Common& common, const Replay& options) {
  const Answer answer = ask(common, replay_question(options.target));
  if (answer.kind != Answer::Kind::accepted) return failed(common, answer);
  const json told = parse(answer.json);
  const auto id = number(told, "job");
  if (id != 0 && !options.no_wait) return wait_for_job(common, id);
  std::cout << (common.as_json ? answer.json + "\n"
                : id != 0      ? render_count(answer.json, "to be replayed by job " + std::to_string(id))
                               : render_count(answer.json, "replayed"));
  return kDone;
}

void add_replay(CLI::App& app, const Common& common, Action& action) {
  auto* verb = app.add_subcommand("replay", "Make dead or parked events ready again");
  const auto replay = std::make_shared<Replay>();
  verb->add_option("target,--id,--queue", replay->target, "An event's id, or a queue for all of it")
      ->required();
  verb->add_flag("--no-wait", replay->no_wait,
                 "Begin a job for many events and leave; `kefuctl jobs` shows it");
  verb->footer(
      "Many events are replayed by a job of the gateway, some hundreds at a time, each customer's in their "
      "order.\n"
      "A job does not survive a restart of the gateway: what it had not reached is still dead or parked, and "
      "the\n"
      "same command does the rest.\n"
      "Examples:\n"
      "  kefuctl replay 42       one event\n"
      "  kefuctl replay relay    everything dead or parked");
  verb->callback(
      [&common, &action, replay] { action = [&common, replay] { return run_replay(common, *replay); }; });
}

void add_jobs(CLI::App& app, const Common& common, Action& action) {
  auto* verb = app.add_subcommand("jobs", "Replays of many events: how far they are");
  verb->footer("Example:\n  kefuctl jobs");
  verb->callback([&] { action = [&] { return ask_and_print(common, {{"cmd", "jobs"}}, render_jobs); }; });
}

void add_drop(CLI::App& app, const Common& common, Action& action) {
  auto* verb = app.add_subcommand("drop", "Give up one event for good");
  const auto id = std::make_shared<std::uint64_t>(0);
  verb->add_option("id,--id", *id, "The event's id")->required();
  verb->footer(
      "Example:\n  kefuctl drop 42   a waiting or parked event becomes dead, a dead one is forgotten");
  verb->callback([&common, &action, id] {
    action = [&common, id] {
      return ask_and_print(common, {{"cmd", "drop"}, {"id", *id}},
                           [](const std::string& answer) { return render_count(answer, "dropped"); });
    };
  });
}

void add_switch(CLI::App& app, const Common& common, Action& action, const std::string& name,
                const std::string& help) {
  auto* verb = app.add_subcommand(name, help);
  const auto queue = std::make_shared<std::string>();
  verb->add_option("queue,--queue", *queue, "relay or notifier")->required();
  verb->footer("Example:\n  kefuctl " + name + " notifier");
  verb->callback([&common, &action, queue, name] {
    action = [&common, queue, name] {
      return ask_and_print(common, {{"cmd", name}, {"queue", *queue}},
                           [&](const std::string&) { return *queue + " " + name + "d\n"; });
    };
  });
}

}  // namespace

void add_repairing_verbs(CLI::App& app, const Common& common, Action& action) {
  add_replay(app, common, action);
  add_jobs(app, common, action);
  add_drop(app, common, action);
  add_switch(app, common, action, "pause", "Hand out nothing more of a queue");
  add_switch(app, common, action, "resume", "Hand out again, now, whatever closed the queue");
}

}  // namespace kefu::ctl
