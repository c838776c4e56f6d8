// kefuctl: looks at and repairs the queues (contract §7), watches the tap (§6), asks for health (§3),
// explains the clouds' errors.
#include <CLI/CLI.hpp>
#include <string>
#include <utility>

#include "kefuctl/check.h"
#include "kefuctl/verbs.h"

namespace {

using namespace kefu::ctl;

constexpr const char* kExamples = R"(Examples:
  kefuctl queues                          how full the queues are, who works on them
  kefuctl list relay --state dead         what could not be delivered, and why
  kefuctl show 42                         one event whole
  kefuctl trace 42                        its way, hop by hop; also by MsgId, MsgKey or openid
  kefuctl customer oA1b2C3                what is known of a customer
  kefuctl agents                          which agents are online
  kefuctl explain 45015                   what an error means and what the queue does with it
  kefuctl replay 42                       try it again
  kefuctl replay relay                    try everything dead or parked of a queue again
  kefuctl quarantine                      pushes that made no message, and why; `submit` tries them again
  kefuctl pause notifier                  hand nothing out until `kefuctl resume notifier`
  kefuctl tap --queue relay --step dead   watch as it happens
  kefuctl top                             a live view, until q
  kefuctl export relay --file r.jsonl     what is unfinished, for `kefuctl import r.jsonl` elsewhere
  kefuctl check                           one line and an exit status for monitoring
`kefuctl VERB --help` shows more of each.
Exit status: 0 done, 1 refused or not healthy, 2 wrong usage, 3 no answer from the gateway; `check` has those of
monitoring plug-ins: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.)";

int check_config(const Common& common) {
  int status = kDone;
  for (const auto& [setting, address] :
       {std::pair{"KEFU_ADMIN_CONNECT", common.connect}, std::pair{"KEFU_TAP_CONNECT", common.tap_connect}}) {
    const std::string problem = endpoint_problem(address);
    if (!problem.empty()) status = complain(std::string(setting) + ": " + problem, kUsage);
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  Common common;
  Action action;
  bool only_check = false;
  CLI::App app{"Looks at and repairs the queues of Kefu Bridge through the gateway's admin socket."};
  app.footer(kExamples);
  app.set_version_flag("--version", "kefuctl " KEFU_VERSION);
  app.add_option("--connect", common.connect, "The gateway's KEFU_ADMIN_LISTEN")
      ->envname("KEFU_ADMIN_CONNECT")
      ->capture_default_str();
  app.add_option("--tap-connect", common.tap_connect, "For tap and top: the gateway's KEFU_TAP_LISTEN")
      ->envname("KEFU_TAP_CONNECT")
      ->capture_default_str();
  app.add_flag("--json", common.as_json, "Answers as JSON, for scripts");
  app.add_option("--timeout", common.timeout_ms, "How long to wait for an answer, ms")
      ->check(CLI::Range(1U, 600'000U))
      ->capture_default_str();
  app.add_flag("--check-config", only_check, "Check the addresses, ask nothing");
  app.require_subcommand(0, 1);
  app.fallthrough();  // --json and --connect may stand after the verb, too
  add_looking_verbs(app, common, action);
  add_repairing_verbs(app, common, action);
  add_quarantine_verbs(app, common, action);
  add_transfer_verbs(app, common, action);
  add_watching_verbs(app, common, action);
  add_monitoring_verbs(app, common, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Monitoring reads 2 as a queue in trouble.
    const int wrong_usage = app.got_subcommand("check") ? static_cast<int>(Probe::Health::unknown) : kUsage;
    return app.exit(error) == 0 ? kDone : wrong_usage;
  }
  if (only_check) return check_config(common);
  return action ? action() : complain("which verb? `kefuctl --help` lists them", kUsage);
}
