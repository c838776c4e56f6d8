#include "kefuctl/top.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>
#include <utility>

#include "kefuctl/fields.h"
#include "kefuctl/printable.h"
#include "kefuctl/render.h"
#include "kefuctl/step.h"
#include "kefuctl/table.h"
#include "kefuctl/width.h"

namespace kefu::ctl {
namespace {

using nlohmann::json;

constexpr std::size_t kFailuresKept = 100;
constexpr std::size_t kFailuresWithoutScreen = 10;
constexpr std::size_t kFailuresAtLeast = 3;

std::string rate_text(double per_second) {
  const auto tenths = static_cast<std::int64_t>(std::llround(per_second * 10));
  return tenths >= 1000 ? std::to_string(tenths / 10)
                        : std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

void append_lines(const std::string& text, std::vector<std::string>& lines) {
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
}

bool is_wider(const std::string& text, std::size_t columns) {
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (columns_of(line) > columns) return true;
  }
  return false;
}

// Whole, however long: what holds a queue back is what people look for.
void append_reasons(const json& answer, std::size_t screen_columns, std::vector<std::string>& lines) {
  for (const json& queue : rows_of(answer, "queues")) {
    const auto reason = state_cell(queue);
    if (reason == state_word(queue)) continue;
    const auto line = cell(queue, "name") + " is " + reason;
    if (screen_columns < 2) {
      lines.push_back(line);
      continue;
    }
    for (auto& part : wrap(line, screen_columns)) lines.push_back(std::move(part));
  }
}

}  // namespace

void Top::take_queues(std::string_view answer, std::int64_t now_ms) {
  trouble_.clear();
  answer_ = answer;
  const json told = parse(answer);
  for (const json& queue : rows_of(told, "queues")) {
    const std::string name = cell(queue, "name");
    Counted now;
    now.done = number(queue, "done");
    now.accepted = now.done + number(queue, "dead") + number(queue, "ready") + number(queue, "in_flight") +
                   number(queue, "waiting") + number(queue, "parked");
    now.at_ms = now_ms;
    const auto before = counted_.find(name);
    if (before != counted_.end() && now_ms > before->second.at_ms) {
      const double seconds = static_cast<double>(now_ms - before->second.at_ms) / 1000.0;
      const auto rate = [&](std::int64_t from, std::int64_t to) {
        return static_cast<double>(std::max<std::int64_t>(to - from, 0)) / seconds;
      };
      rates_[name] = {rate(before->second.accepted, now.accepted), rate(before->second.done, now.done), true};
    }
    counted_[name] = now;
  }
}

void Top::take_step(std::string_view step) {
  const std::string name = cell(parse(step), "step");
  constexpr std::array kShown{"retry", "parked", "dead", "closed", "opened"};
  if (std::find(kShown.begin(), kShown.end(), name) == kShown.end()) return;
  failures_.push_front(render_step(step));
  if (failures_.size() > kFailuresKept) failures_.pop_back();
}

// The most wanted columns first: those for which a screen has no room are left out.
std::string Top::queue_table(const json& answer, std::size_t screen_columns) const {
  std::vector<Column> columns{{"QUEUE"},        {"STATE"},         {"IN/S", true}, {"OUT/S", true},
                              {"READY", true},  {"FLIGHT", true},  {"DEAD", true}, {"OLDEST", true},
                              {"PARKED", true}, {"WAITING", true}, {"DONE", true}};
  std::vector<std::vector<std::string>> rows;
  for (const json& queue : rows_of(answer, "queues")) {
    const auto rates = rates_.find(cell(queue, "name"));
    const bool known = rates != rates_.end() && rates->second.known;
    rows.push_back({cell(queue, "name"), state_word(queue), known ? rate_text(rates->second.accepted) : "-",
                    known ? rate_text(rates->second.done) : "-", cell(queue, "ready"),
                    cell(queue, "in_flight"), cell(queue, "dead"), age_cell(queue, "oldest_ms"),
                    cell(queue, "parked"), cell(queue, "waiting"), cell(queue, "done")});
  }
  std::string table = format_table(columns, rows);
  while (screen_columns != 0 && columns.size() > 1 && is_wider(table, screen_columns)) {
    columns.pop_back();
    table = format_table(columns, rows);
  }
  return table;
}

std::vector<std::string> Top::frame(const Screen& screen, std::int64_t unix_ms) const {
  std::vector<std::string> lines{"Kefu Bridge at " + connect_ + ", " + format_second(unix_ms)};
  if (!trouble_.empty()) lines.push_back("NO ANSWER: " + printable(trouble_));
  lines.emplace_back();
  const json answer = parse(answer_);
  append_lines(queue_table(answer, screen.columns), lines);
  append_reasons(answer, screen.columns, lines);
  append_lines(render_rates(answer) + "\n" + render_workers(answer), lines);
  // Many workers must not push the failures out of sight.
  const std::size_t below = 2 + (failures_.empty() ? 1 : std::min(failures_.size(), kFailuresAtLeast));
  if (screen.lines > below && lines.size() > screen.lines - below) {
    lines.resize(screen.lines - below - 1);
    lines.emplace_back("...");
  }
  lines.emplace_back();
  lines.emplace_back("NEWEST FAILURES");
  if (failures_.empty()) lines.emplace_back("none since this view began");
  const std::size_t room =
      screen.lines == 0 ? kFailuresWithoutScreen : screen.lines - std::min(lines.size(), screen.lines);
  for (std::size_t i = 0; i < std::min(room, failures_.size()); ++i) lines.push_back(failures_[i]);
  if (screen.lines != 0 && lines.size() > screen.lines) lines.resize(screen.lines);
  if (screen.columns != 0) {
    for (std::string& line : lines) line = fit(line, screen.columns);
  }
  return lines;
}

std::string Top::as_json(std::int64_t unix_ms) const {
  const json answer = parse(answer_);
  json queues = rows_of(answer, "queues");
  for (json& queue : queues) {
    const auto rates = rates_.find(cell(queue, "name"));
    if (rates == rates_.end()) continue;
    queue["accepted_per_s"] = std::round(rates->second.accepted * 10) / 10;
    queue["done_per_s"] = std::round(rates->second.done * 10) / 10;
  }
  json told{{"at", unix_ms}, {"queues", std::move(queues)}};
  if (!trouble_.empty()) told["error"] = trouble_;
  return told.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace kefu::ctl
