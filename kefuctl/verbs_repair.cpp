// replay, drop, pause, resume
#include <memory>
#include <utility>

#include "kefuctl/render.h"
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

void add_replay(CLI::App& app, const Common& common, Action& action) {
  auto* verb = app.add_subcommand("replay", "Make dead or parked events ready again");
  const auto target = std::make_shared<std::string>();
  verb->add_option("target,--id,--queue", *target, "An event's id, or a queue for all of it")->required();
  verb->footer(
      "Examples:\n"
      "  kefuctl replay 42       one event\n"
      "  kefuctl replay relay    everything dead or parked, each customer's events in their order");
  verb->callback([&common, &action, target] {
    action = [&common, target] {
      return ask_and_print(common, replay_question(*target),
                           [](const std::string& answer) { return render_count(answer, "replayed"); });
    };
  });
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
  add_drop(app, common, action);
  add_switch(app, common, action, "pause", "Hand out nothing more of a queue");
  add_switch(app, common, action, "resume", "Hand out again, now, whatever closed the queue");
}

}  // namespace kefu::ctl
