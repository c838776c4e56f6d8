// export, import
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "kefuctl/transfer.h"
#include "kefuctl/verbs.h"

namespace kefu::ctl {
namespace {

using nlohmann::json;

struct ExportOptions {
  std::string queue;
  std::string state;
  std::string file;
};

Ask asker(const Common& common) {
  return [&common](const json& question) { return ask(common, question); };
}

int end_transfer(const Common& common, const Transfer& transfer, const std::string& said) {
  if (transfer.failed.kind != Answer::Kind::accepted) return failed(common, transfer.failed);
  complain(said, kDone);
  return kDone;
}

int run_export(const Common& common, const ExportOptions& options) {
  std::ofstream file;
  if (!options.file.empty()) {
    file.open(options.file, std::ios::trunc);
    if (!file) return complain("cannot write " + options.file, kUsage);
  }
  const Transfer transfer =
      export_events(options.queue, options.state, options.file.empty() ? std::cout : file, asker(common));
  return end_transfer(common, transfer, std::to_string(transfer.count) + " events exported");
}

int run_import(const Common& common, const std::string& path) {
  std::stringstream input;  // standard input cannot go back to its beginning
  if (path == "-") {
    input << std::cin.rdbuf();
  } else {
    std::ifstream file(path);
    if (!file) return complain("cannot read " + path, kUsage);
    input << file.rdbuf();
  }
  const Transfer transfer = import_events(input, asker(common));
  if (transfer.failed.kind != Answer::Kind::accepted) return failed(common, transfer.failed);
  if (common.as_json) {
    std::cout << json{{"ok", true}, {"count", transfer.count}, {"skipped", transfer.skipped}}.dump() << "\n";
  } else {
    std::cout << transfer.count << " events imported, " << transfer.skipped << " were there already\n";
  }
  return kDone;
}

}  // namespace

void add_transfer_verbs(CLI::App& app, const Common& common, Action& action) {
  auto* out =
      app.add_subcommand("export", "Events of a queue as JSON lines, for another gateway or an archive");
  const auto options = std::make_shared<ExportOptions>();
  out->add_option("queue,--queue", options->queue, "relay or notifier")->required();
  out->add_option("--state", options->state,
                  "ready, in_flight, waiting, parked, dead or done; all that are unfinished when left out");
  out->add_option("--file", options->file, "Where to; standard output when left out");
  out->footer(
      "Holds the text of messages: keep it as you keep the journal. Pause the queue first when another "
      "gateway\n"
      "shall carry the events on.\n"
      "Examples:\n"
      "  kefuctl export relay --file relay.jsonl\n"
      "  kefuctl export notifier --state dead | jq .error");
  out->callback(
      [&common, &action, options] { action = [&common, options] { return run_export(common, *options); }; });

  auto* in = app.add_subcommand("import", "Take over the events of an export");
  const auto path = std::make_shared<std::string>();
  in->add_option("file,--file", *path, "The export; - for standard input")->required();
  in->footer(
      "Every line is checked before the first one is applied. Dead and parked events are ready again; done "
      "ones\n"
      "are refused; those that this gateway has already are skipped and counted.\n"
      "Examples:\n"
      "  kefuctl import relay.jsonl\n"
      "  kefuctl --connect tcp://old:5557 export relay | kefuctl import -");
  in->callback([&common, &action, path] { action = [&common, path] { return run_import(common, *path); }; });
}

}  // namespace kefu::ctl
