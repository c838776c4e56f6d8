// quarantine, quarantine submit
#include <iostream>
#include <map>
#include <memory>

#include "kefuctl/fields.h"
#include "kefuctl/render.h"
#include "kefuctl/verbs.h"

namespace kefu::ctl {
namespace {

using nlohmann::json;

struct Quarantine {
  std::uint64_t id = 0;
  std::string source;
  std::string kind;
  std::uint64_t after = 0;
  std::uint32_t limit = 100;
  bool all = false;
};

json question_of(const char* command, const Quarantine& options) {
  json question{{"cmd", command}};
  if (options.id != 0) {
    question["id"] = options.id;
    return question;
  }
  if (!options.source.empty()) question["source"] = options.source;
  if (!options.kind.empty()) question["class"] = options.kind;
  if (options.after != 0) question["after"] = options.after;
  return question;
}

int show(const Common& common, const Quarantine& options) {
  json question = question_of("quarantine", options);
  if (options.id != 0) return ask_and_print(common, question, render_pretty);
  question["limit"] = options.limit;
  if (options.all) question["all"] = true;
  return ask_and_print(common, question, render_quarantine);
}

// Page after page: what cannot be submitted still stays where it is, and the next page begins behind it.
int submit(const Common& common, Quarantine options) {
  std::int64_t submitted = 0;
  std::int64_t duplicates = 0;
  std::int64_t failed = 0;
  std::map<std::string, std::int64_t> reasons;
  for (bool more = true; more;) {
    const Answer answer = ask(common, question_of("quarantine_submit", options));
    if (answer.kind != Answer::Kind::accepted) return kefu::ctl::failed(common, answer);
    const json told = parse(answer.json);
    submitted += number(told, "submitted");
    duplicates += number(told, "duplicates");
    for (const json& one : rows_of(told, "failed")) {
      failed += number(one, "count");
      reasons[cell(one, "reason")] += number(one, "count");
    }
    const auto next = static_cast<std::uint64_t>(number(told, "next"));
    more = options.id == 0 && next > options.after;
    options.after = next;
  }
  json sum{{"ok", true}, {"submitted", submitted}, {"duplicates", duplicates}, {"failed", json::array()}};
  for (const auto& [reason, count] : reasons) sum["failed"].push_back({{"reason", reason}, {"count", count}});
  std::cout << (common.as_json ? sum.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"
                               : render_submitted(sum.dump(-1, ' ', false, json::error_handler_t::replace)));
  return failed == 0 ? kDone : kRefused;
}

void add_filter(CLI::App& verb, Quarantine& options) {
  verb.add_option("--source", options.source, "Only those of wechat, or of im");
  verb.add_option(
      "--class", options.kind,
      "Only undecryptable, not_understood, unknown_agent, unknown_customer, left_out or informational");
}

}  // namespace

void add_quarantine_verbs(CLI::App& app, const Common& common, Action& action) {
  auto* verb =
      app.add_subcommand("quarantine", "Pushes that made no message, and why; `submit` tries them again");
  const auto options = std::make_shared<Quarantine>();
  verb->add_option("id", options->id, "One push whole");
  add_filter(*verb, *options);
  verb->add_option("--limit", options->limit, "At most so many, the oldest first")->capture_default_str();
  verb->add_option("--after", options->after, "Go on after this id");
  verb->add_flag("--all", options->all, "Those that were submitted, too");
  verb->require_subcommand(0, 1);
  verb->footer(
      "Examples:\n"
      "  kefuctl quarantine                 what was not delivered, and why\n"
      "  kefuctl quarantine 7               one push whole, with its body\n"
      "  kefuctl quarantine submit          try all of them again, in the order in which they came\n"
      "  kefuctl quarantine submit 7        try one of them again");
  auto* again = verb->add_subcommand(
      "submit", "Take quarantined pushes again, with the gateway's present settings, in their order");
  const auto chosen = std::make_shared<Quarantine>();
  again->add_option("id", chosen->id, "One push; without it all that can be submitted and were not");
  add_filter(*again, *chosen);
  again->footer(
      "They stand behind what was accepted since. What is known already makes no second message, and the "
      "customer\ngets no passive reply. Exit status 1: some still cannot be delivered; the reasons are "
      "told.");
  again->callback(
      [&common, &action, chosen] { action = [&common, chosen] { return submit(common, *chosen); }; });
  verb->callback([&common, &action, options, verb, again] {
    if (verb->got_subcommand(again)) return;
    action = [&common, options] { return show(common, *options); };
  });
}

}  // namespace kefu::ctl
