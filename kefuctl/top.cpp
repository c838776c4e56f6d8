#include "kefuctl/top.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

#include "kefuctl/fields.h"
#include "kefuctl/render.h"
#include "kefuctl/step.h"
#include "kefuctl/table.h"

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

std::size_t columns_of(char32_t point) {
  const bool wide = (point >= 0x1100 && point <= 0x115F) || (point >= 0x2E80 && point <= 0xA4CF) ||
                    (point >= 0xAC00 && point <= 0xD7A3) || (point >= 0xF900 && point <= 0xFAFF) ||
                    (point >= 0xFE30 && point <= 0xFE6F) || (point >= 0xFF00 && point <= 0xFF60) ||
                    (point >= 0xFFE0 && point <= 0xFFE6) || (point >= 0x1F300 && point <= 0x3FFFD);
  return wide ? 2 : 1;
}

// One character of UTF-8 at `at`: how many bytes it has, and which it is. A stray byte is one of its own.
std::pair<std::size_t, char32_t> character(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (length == 1 || at + length > text.size()) return {1, lead};
  char32_t point = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i)
    point = (point << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  return {length, point};
}

void append_lines(const std::string& text, std::vector<std::string>& lines) {
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
}

}  // namespace

std::string fit(std::string_view line, std::size_t columns) {
  std::size_t used = 0;
  std::size_t at = 0;
  while (at < line.size()) {
    const auto [length, point] = character(line, at);
    if (used + columns_of(point) > columns) break;
    used += columns_of(point);
    at += length;
  }
  return std::string(line.substr(0, at));
}

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

std::vector<std::string> Top::frame(const Screen& screen, std::int64_t unix_ms) const {
  std::vector<std::string> lines{"Kefu Bridge at " + connect_ + ", " + format_time(unix_ms).substr(0, 19)};
  if (!trouble_.empty()) lines.push_back("NO ANSWER: " + printable(trouble_));
  lines.emplace_back();
  std::vector<std::vector<std::string>> rows;
  const json answer = parse(answer_);
  for (const json& queue : rows_of(answer, "queues")) {
    const auto rates = rates_.find(cell(queue, "name"));
    const bool known = rates != rates_.end() && rates->second.known;
    rows.push_back({cell(queue, "name"), known ? rate_text(rates->second.accepted) : "-",
                    known ? rate_text(rates->second.done) : "-", cell(queue, "ready"),
                    cell(queue, "in_flight"), cell(queue, "waiting"), cell(queue, "parked"),
                    cell(queue, "dead"), cell(queue, "done"), age_cell(queue, "oldest_ms"),
                    state_cell(queue)});
  }
  append_lines(format_table({{"QUEUE"},
                             {"ACCEPTED/S", true},
                             {"DONE/S", true},
                             {"READY", true},
                             {"IN FLIGHT", true},
                             {"WAITING", true},
                             {"PARKED", true},
                             {"DEAD", true},
                             {"DONE", true},
                             {"OLDEST", true},
                             {"STATE"}},
                            rows) +
                   render_rates(answer) + "\n" + render_workers(answer),
               lines);
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
