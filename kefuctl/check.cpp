#include "kefuctl/check.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "kefuctl/printable.h"
#include "kefuctl/table.h"
#include "lib/base/ascii.h"

namespace kefu::ctl {
namespace {

using nlohmann::json;
using Health = Probe::Health;

constexpr std::array kNames{"OK", "WARNING", "CRITICAL", "UNKNOWN"};

struct Finding {
  Health health;
  std::string reason;
};

std::int64_t number(const json& object, const char* key) {
  const auto field = object.find(key);
  return field != object.end() && field->is_number() ? field->get<std::int64_t>() : 0;
}

bool flag(const json& object, const char* key) {
  const auto field = object.find(key);
  return field != object.end() && field->is_boolean() && field->get<bool>();
}

std::string text(const json& object, const char* key) {
  const auto field = object.find(key);
  return field != object.end() && field->is_string() ? printable(field->get<std::string>()) : std::string();
}

Health judge(const Probe::Figure& figure) {
  if (figure.crit != 0 && figure.value >= figure.crit) return Health::critical;
  if (figure.warn != 0 && figure.value >= figure.warn) return Health::warning;
  return Health::ok;
}

// In the words of a gate: open lets work through. An older gateway tells `unavailable` only.
std::optional<Finding> look_at_gate(const json& queue) {
  const auto gate = queue.find("gate");
  if (gate == queue.end() || !gate->is_object()) {
    const std::string why = text(queue, "unavailable");
    if (why.empty()) return std::nullopt;
    return Finding{Health::warning, "closed: " + why};
  }
  const std::string state = text(*gate, "state");
  if (state.empty() || state == "open") return std::nullopt;
  const Health health = flag(*gate, "needs_operator") ? Health::critical : Health::warning;
  return Finding{health, state + ": " + text(*gate, "reason")};
}

std::vector<Finding> look_at(const json& queue) {
  std::vector<Finding> found;
  const auto workers = queue.find("workers");
  if (workers == queue.end() || workers->empty()) found.push_back({Health::critical, "no worker connected"});
  if (flag(queue, "paused")) found.push_back({Health::warning, "paused by an operator"});
  if (auto gate = look_at_gate(queue)) found.push_back(std::move(*gate));
  return found;
}

struct Measure {
  Probe::Figure figure;
  std::string reason;
};

std::vector<Measure> measure(const std::string& name, const json& queue, const Thresholds& limits) {
  const std::int64_t dead = number(queue, "dead");
  const std::int64_t backlog = number(queue, "ready") + number(queue, "waiting");
  const auto working = queue.find("oldest_working_ms");
  const std::int64_t oldest = number(queue, working == queue.end() ? "oldest_ms" : "oldest_working_ms");
  return {{{name + "_dead", dead, "", limits.dead_warn, limits.dead_crit}, std::to_string(dead) + " dead"},
          {{name + "_backlog", backlog, "", limits.backlog_warn, limits.backlog_crit},
           std::to_string(backlog) + " ready or waiting"},
          {{name + "_oldest", oldest / 1000, "s", limits.oldest_warn_s, limits.oldest_crit_s},
           "oldest event is " + format_age(oldest) + " old"},
          {{name + "_parked", number(queue, "parked"), "", 0, 0}, ""},
          {{name + "_in_flight", number(queue, "in_flight"), "", 0, 0}, ""}};
}

std::string format_figure(const Probe::Figure& figure) {
  std::string told = figure.name + "=" + std::to_string(figure.value) + figure.unit;
  if (figure.warn == 0 && figure.crit == 0) return told;
  told += ";" + (figure.warn == 0 ? "" : std::to_string(figure.warn));
  return told + ";" + (figure.crit == 0 ? "" : std::to_string(figure.crit));
}

const char* name_of(Health health) {
  return kNames.at(static_cast<std::size_t>(health));
}

}  // namespace

Probe probe_of(std::string_view queues_answer, const Thresholds& thresholds) {
  const json answer = json::parse(queues_answer, nullptr, false);
  const auto queues = answer.is_object() ? answer.find("queues") : answer.end();
  Probe probe;
  std::vector<Finding> findings;
  std::string seen;
  if (answer.is_object() && queues != answer.end() && queues->is_array()) {
    for (const json& queue : *queues) {
      if (!queue.is_object()) continue;
      const std::string name = text(queue, "name");
      if (!thresholds.queue.empty() && name != thresholds.queue) continue;
      for (Finding& one : look_at(queue)) findings.push_back({one.health, name + ": " + one.reason});
      for (Measure& one : measure(name, queue, thresholds)) {
        const Health health = judge(one.figure);
        if (health != Health::ok) findings.push_back({health, name + ": " + one.reason});
        probe.figures.push_back(std::move(one.figure));
      }
      seen += (seen.empty() ? "" : ", ") + name;
    }
  }
  if (seen.empty()) {
    const std::string wanted = thresholds.queue.empty() ? "queues" : "queue '" + thresholds.queue + "'";
    return {Health::unknown, {"the gateway tells of no " + wanted}, {}};
  }
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.health > b.health; });
  if (findings.empty()) return {Health::ok, {seen + " well"}, std::move(probe.figures)};
  probe.health = findings.front().health;
  for (Finding& one : findings) probe.reasons.push_back(std::move(one.reason));
  return probe;
}

Probe unreachable_probe(const std::string& why) {
  return {Health::critical, {printable(why)}, {}};
}

std::string render_probe(const Probe& probe) {
  std::string line = std::string("KEFU ") + name_of(probe.health) + " - ";
  for (std::size_t i = 0; i < probe.reasons.size(); ++i) line += (i == 0 ? "" : "; ") + probe.reasons[i];
  // What follows the bar is for machines: a stranger's text must not bring a bar of its own.
  std::replace(line.begin(), line.end(), '|', '/');
  for (std::size_t i = 0; i < probe.figures.size(); ++i)
    line += (i == 0 ? " | " : " ") + format_figure(probe.figures[i]);
  return line + "\n";
}

std::string probe_as_json(const Probe& probe) {
  json figures = json::object();
  for (const auto& figure : probe.figures) figures[figure.name] = figure.value;
  const json told{{"ok", probe.health == Health::ok},
                  {"health", lower_ascii(name_of(probe.health))},
                  {"reasons", probe.reasons},
                  {"figures", std::move(figures)}};
  return told.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace kefu::ctl
