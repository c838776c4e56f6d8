#include "kefuctl/transfer.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

using namespace kefu::ctl;
using nlohmann::json;

namespace {

Answer accepted(const json& told) {
  return {Answer::Kind::accepted, told.dump(), {}};
}

Answer refusal(const json& told) {
  return {Answer::Kind::refused, told.dump(), told["error"].get<std::string>()};
}

std::string lines(int count) {
  std::string text;
  for (int i = 1; i <= count; ++i) text += json{{"id", i}}.dump() + "\n";
  return text;
}

}  // namespace

TEST_CASE("export asks page after page and writes one event a line") {
  std::vector<json> asked;
  std::ostringstream out;
  const Transfer done = export_events("relay", "dead", out, [&](const json& question) {
    asked.push_back(question);
    const bool first = asked.size() == 1;
    return accepted(
        {{"ok", true}, {"events", {{{"id", asked.size()}}}}, {"next", first ? json(7U) : json()}});
  });
  CHECK(done.failed.kind == Answer::Kind::accepted);
  CHECK(done.count == 2);
  CHECK(out.str() == "{\"id\":1}\n{\"id\":2}\n");
  CHECK_FALSE(asked[0].contains("after"));
  CHECK(asked[1]["after"] == 7);
  CHECK(asked[1]["state"] == "dead");
}

TEST_CASE("import checks every line before it applies the first, and counts what was there already") {
  std::vector<bool> checks;
  std::istringstream file(lines(450) + "\n  \n");
  const Transfer done = import_events(file, [&](const json& question) {
    checks.push_back(question.contains("check"));
    const auto size = question["events"].size();
    return accepted({{"ok", true}, {"count", size - 1}, {"skipped", 1}});
  });
  CHECK(checks == std::vector<bool>{true, true, true, false, false, false});
  CHECK(done.count == 447);
  CHECK(done.skipped == 3);
}

TEST_CASE("a line that is no JSON, or that the gateway refuses, is named and nothing is applied") {
  int applied = 0;
  const Ask gateway = [&](const json& question) {
    if (!question.contains("check")) ++applied;
    for (std::size_t i = 0; i < question["events"].size(); ++i) {
      if (question["events"][i]["id"] == 260)
        return refusal(
            {{"ok", false}, {"error", "events[" + std::to_string(i) + "]: it is done"}, {"at", i}});
    }
    return accepted({{"ok", true}, {"count", 0}, {"skipped", 0}});
  };
  std::istringstream refused(lines(300));
  CHECK(import_events(refused, gateway).failed.error == "line 260: it is done");
  std::istringstream broken(lines(3) + "{oops\n");
  CHECK(import_events(broken, gateway).failed.error == "line 4: it is no JSON");
  CHECK(applied == 0);
}

TEST_CASE("an import that ends early says how far it got") {
  int applied = 0;
  std::istringstream file(lines(450));
  const Transfer done = import_events(file, [&](const json& question) {
    if (!question.contains("check") && ++applied == 2) return Answer{Answer::Kind::none, {}, "silence"};
    return accepted({{"ok", true}, {"count", question["events"].size()}, {"skipped", 0}});
  });
  CHECK(done.failed.kind == Answer::Kind::none);
  CHECK(done.failed.error == "silence (applied up to line 200; importing again skips those)");
  CHECK(done.count == 200);
}
