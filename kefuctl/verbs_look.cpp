// queues, list, show, trace, customer, agents
#include <memory>

#include "kefuctl/render.h"
#include "kefuctl/verbs.h"

namespace kefu::ctl {
namespace {

using nlohmann::json;

struct List {
  std::string queue;
  std::string state = "dead";
  std::uint32_t limit = 20;
};

void add_queues(CLI::App& app, const Common& common, Action& action) {
  auto* queues = app.add_subcommand("queues", "How full the queues are and who works on them");
  queues->footer(
      "Examples:\n"
      "  kefuctl queues\n"
      "  kefuctl --json queues | jq '.queues[] | {name, dead}'");
  queues->callback([&] {
    action = [&] { return ask_and_print(common, {{"cmd", "queues"}}, render_queues); };
  });
}

void add_list(CLI::App& app, const Common& common, Action& action) {
  auto* verb = app.add_subcommand("list", "Events of a queue in one state");
  const auto list = std::make_shared<List>();
  verb->add_option("queue,--queue", list->queue, "relay or notifier")->required();
  verb->add_option("--state", list->state, "ready, in_flight, waiting, parked, dead or done")
      ->capture_default_str();
  verb->add_option("--limit", list->limit, "At most so many")->capture_default_str();
  verb->footer(
      "Examples:\n"
      "  kefuctl list relay                        what could not be delivered, and why\n"
      "  kefuctl list notifier --state parked      replies that wait for their customers\n"
      "  kefuctl --json list relay --limit 1000 | jq -r '.events[].id'");
  verb->callback([&common, &action, list] {
    action = [&common, list] {
      const json question{
          {"cmd", "list"}, {"queue", list->queue}, {"state", list->state}, {"limit", list->limit}};
      return ask_and_print(common, question, render_events);
    };
  });
}

void add_show(CLI::App& app, const Common& common, Action& action) {
  auto* verb = app.add_subcommand("show", "One event whole");
  const auto id = std::make_shared<std::uint64_t>(0);
  verb->add_option("id,--id", *id, "The event's id")->required();
  verb->footer("Example:\n  kefuctl show 42");
  verb->callback([&common, &action, id] {
    action = [&common, id] { return ask_and_print(common, {{"cmd", "show"}, {"id", *id}}, render_pretty); };
  });
}

struct Trace {
  std::string what;
  std::uint32_t limit = 20;
};

void add_trace(CLI::App& app, const Common& common, Action& action) {
  auto* verb = app.add_subcommand("trace", "The way of an event, hop by hop");
  const auto trace = std::make_shared<Trace>();
  verb->add_option("what", trace->what, "An event's id, a MsgId, a MsgKey, an openid or an IM account")
      ->required();
  verb->add_option("--limit", trace->limit, "At most so many events, the newest first")
      ->capture_default_str();
  verb->footer(
      "Examples:\n"
      "  kefuctl trace 42\n"
      "  kefuctl trace 6054768590064713728        the MsgId of WeChat\n"
      "  kefuctl trace oGMVhwfWnJlRW1rvPiTJ-1nAZhkI --limit 5");
  verb->callback([&common, &action, trace] {
    action = [&common, trace] {
      return ask_and_print(common, {{"cmd", "trace"}, {"what", trace->what}, {"limit", trace->limit}},
                           render_trace);
    };
  });
}

void add_customer(CLI::App& app, const Common& common, Action& action) {
  auto* verb =
      app.add_subcommand("customer", "What is known of a customer: account, agent, reply window, events");
  const auto openid = std::make_shared<std::string>();
  verb->add_option("openid", *openid, "An openid, or an IM account of a customer")->required();
  verb->footer("Example:\n  kefuctl customer oGMVhwfWnJlRW1rvPiTJ-1nAZhkI");
  verb->callback([&common, &action, openid] {
    action = [&common, openid] {
      return ask_and_print(common, {{"cmd", "customer"}, {"openid", *openid}}, render_customer);
    };
  });
}

void add_agents(CLI::App& app, const Common& common, Action& action) {
  auto* verb = app.add_subcommand("agents", "Which agents are online, by what Tencent IM said last");
  verb->footer("Example:\n  kefuctl agents");
  verb->callback([&] { action = [&] { return ask_and_print(common, {{"cmd", "agents"}}, render_agents); }; });
}

}  // namespace

void add_looking_verbs(CLI::App& app, const Common& common, Action& action) {
  add_queues(app, common, action);
  add_list(app, common, action);
  add_show(app, common, action);
  add_trace(app, common, action);
  add_customer(app, common, action);
  add_agents(app, common, action);
}

}  // namespace kefu::ctl
