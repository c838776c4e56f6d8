#include "kefuctl/transfer.h"

#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>
#include <vector>

#include "kefuctl/fields.h"
#include "kefuctl/printable.h"

namespace kefu::ctl {
namespace {

using nlohmann::json;

constexpr std::size_t kEventsAtOnce = 200;
constexpr std::size_t kBytesAtOnce = 400 << 10;  // a question has at most 1 MiB

// Lines that travel in one question.
struct Batch {
  json events = json::array();
  std::vector<std::uint64_t> lines;  // where each stands in the file
  std::size_t bytes = 0;

  bool full() const { return lines.size() >= kEventsAtOnce || bytes >= kBytesAtOnce; }
};

Answer refused(const std::string& why) {
  return {Answer::Kind::refused, json{{"ok", false}, {"error", why}}.dump(), why};
}

// The gateway names an event by its place in the question; people look for a line.
Answer with_line(Answer answer, const Batch& batch) {
  const json told = parse(answer.json);
  const auto at = told.is_object() ? told.find("at") : told.end();
  if (answer.kind != Answer::Kind::refused || at == told.end() || !at->is_number_unsigned()) return answer;
  const auto place = at->get<std::size_t>();
  if (place >= batch.lines.size()) return answer;
  const std::string why = answer.error.substr(answer.error.find(": ") + 2);
  return refused("line " + std::to_string(batch.lines[place]) + ": " + why);
}

// Reads all lines and hands them on in batches until one fails.
Answer in_batches(std::istream& lines, const std::function<Answer(const Batch&)>& take) {
  lines.clear();
  lines.seekg(0);
  Batch batch;
  std::uint64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    json event = json::parse(line, nullptr, false);
    if (event.is_discarded()) return refused("line " + std::to_string(number) + ": it is no JSON");
    batch.events.push_back(std::move(event));
    batch.lines.push_back(number);
    batch.bytes += line.size();
    if (!batch.full()) continue;
    if (Answer answer = take(batch); answer.kind != Answer::Kind::accepted) return answer;
    batch = {};
  }
  if (batch.lines.empty()) return {Answer::Kind::accepted, {}, {}};
  return take(batch);
}

}  // namespace

Transfer export_events(const std::string& queue, const std::string& state, std::ostream& out,
                       const Ask& ask) {
  Transfer transfer;
  json question{{"cmd", "export"}, {"queue", queue}, {"limit", kEventsAtOnce}};
  if (!state.empty()) question["state"] = state;
  while (true) {
    const Answer answer = ask(question);
    if (answer.kind != Answer::Kind::accepted) {
      transfer.failed = answer;
      return transfer;
    }
    const json told = parse(answer.json);
    for (const json& event : rows_of(told, "events")) {
      out << printable_json(event.dump(-1, ' ', false, json::error_handler_t::replace)) << "\n";
      ++transfer.count;
    }
    if (!out.flush()) {
      transfer.failed = refused("cannot write the events: is the disk full?");
      return transfer;
    }
    const auto next = told.find("next");
    if (next == told.end() || !next->is_number_unsigned()) return transfer;
    question["after"] = *next;
  }
}

Transfer import_events(std::istream& lines, const Ask& ask) {
  Transfer transfer;
  transfer.failed = in_batches(lines, [&](const Batch& batch) {
    return with_line(ask({{"cmd", "import"}, {"events", batch.events}, {"check", true}}), batch);
  });
  if (transfer.failed.kind != Answer::Kind::accepted) return transfer;
  std::uint64_t reached = 0;
  transfer.failed = in_batches(lines, [&](const Batch& batch) {
    Answer answer = with_line(ask({{"cmd", "import"}, {"events", batch.events}}), batch);
    if (answer.kind != Answer::Kind::accepted) {
      answer.error += " (applied up to line " + std::to_string(reached) + "; importing again skips those)";
      return answer;
    }
    const json told = parse(answer.json);
    transfer.count += static_cast<std::uint64_t>(number(told, "count"));
    transfer.skipped += static_cast<std::uint64_t>(number(told, "skipped"));
    reached = batch.lines.back();
    return answer;
  });
  return transfer;
}

}  // namespace kefu::ctl
