#include "kefuctl/render.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "kefuctl/table.h"

namespace kefu::ctl {
namespace {

using nlohmann::json;

json parse(std::string_view text) {
  return json::parse(text, nullptr, false);
}

// A field as text: strings as they are (made printable), anything else as JSON, a missing one as "-".
std::string cell(const json& object, const char* key) {
  if (!object.is_object()) return "-";
  const auto field = object.find(key);
  if (field == object.end() || field->is_null()) return "-";
  if (!field->is_string()) return field->dump();
  const std::string text = printable(field->get_ref<const std::string&>());
  return text.empty() ? "-" : text;
}

std::string age_cell(const json& object, const char* key) {
  const auto field = object.find(key);
  if (field == object.end() || !field->is_number()) return "-";
  const auto milliseconds = field->get<std::int64_t>();
  return milliseconds == 0 ? "-" : format_age(milliseconds);
}

std::string time_cell(const json& object, const char* key) {
  const auto field = object.find(key);
  return field == object.end() || !field->is_number() ? "-" : format_time(field->get<std::int64_t>());
}

// The array under `key`, or an empty one.
const json& rows_of(const json& object, const char* key) {
  static const json kNone = json::array();
  if (!object.is_object()) return kNone;
  const auto field = object.find(key);
  return field != object.end() && field->is_array() ? *field : kNone;
}

std::string render_workers(const json& answer) {
  std::vector<std::vector<std::string>> rows;
  for (const json& queue : rows_of(answer, "queues")) {
    for (const json& worker : rows_of(queue, "workers")) {
      rows.push_back({cell(queue, "name"), cell(worker, "id"), cell(worker, "capacity"),
                      cell(worker, "in_flight"), age_cell(worker, "last_seen_ms")});
    }
  }
  if (rows.empty()) return "no workers connected\n";
  return format_table({{"QUEUE"}, {"WORKER"}, {"CAPACITY", true}, {"IN FLIGHT", true}, {"LAST SEEN", true}},
                      rows);
}

bool is_or_empty(const std::string& wanted, const json& object, const char* key) {
  return wanted.empty() || cell(object, key) == wanted;
}

}  // namespace

std::string render_queues(std::string_view answer) {
  const json parsed = parse(answer);
  if (parsed.is_discarded()) return std::string(answer);
  std::vector<std::vector<std::string>> rows;
  for (const json& queue : rows_of(parsed, "queues")) {
    rows.push_back({cell(queue, "name"), cell(queue, "ready"), cell(queue, "in_flight"),
                    cell(queue, "waiting"), cell(queue, "parked"), cell(queue, "dead"), cell(queue, "done"),
                    age_cell(queue, "oldest_ms"), cell(queue, "paused") == "true" ? "paused" : "running"});
  }
  return format_table({{"QUEUE"},
                       {"READY", true},
                       {"IN FLIGHT", true},
                       {"WAITING", true},
                       {"PARKED", true},
                       {"DEAD", true},
                       {"DONE", true},
                       {"OLDEST", true},
                       {"STATE"}},
                      rows) +
         "\n" + render_workers(parsed);
}

std::string render_events(std::string_view answer) {
  const json parsed = parse(answer);
  if (parsed.is_discarded()) return std::string(answer);
  std::vector<std::vector<std::string>> rows;
  for (const json& event : rows_of(parsed, "events")) {
    rows.push_back({cell(event, "id"), time_cell(event, "accepted_at"), cell(event, "type"),
                    cell(event, "customer"), cell(event, "attempt"), cell(event, "error")});
  }
  if (rows.empty()) return "no such events\n";
  return format_table({{"ID", true}, {"ACCEPTED"}, {"TYPE"}, {"CUSTOMER"}, {"ATTEMPT", true}, {"ERROR"}},
                      rows);
}

std::string render_pretty(std::string_view answer) {
  const json parsed = parse(answer);
  if (parsed.is_discarded()) return std::string(answer);
  return parsed.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string render_count(std::string_view answer, std::string_view what_happened) {
  const json parsed = parse(answer);
  if (parsed.is_discarded()) return std::string(answer);
  const std::string count = cell(parsed, "count");
  return count + (count == "1" ? " event " : " events ") + std::string(what_happened) + "\n";
}

std::string render_step(std::string_view step) {
  const json parsed = parse(step);
  if (!parsed.is_object()) return printable(step);
  std::string line = time_cell(parsed, "at");
  // Widths of the longest queue, step and type, so that lines stand in columns without knowing the next one.
  for (const auto& [key, width] : {std::pair{"queue", 8}, {"step", 9}, {"type", 16}, {"id", 8}}) {
    std::string text = cell(parsed, key);
    if (text.size() < static_cast<std::size_t>(width)) text.resize(static_cast<std::size_t>(width), ' ');
    line += "  " + text;
  }
  line += "  " + cell(parsed, "customer");
  const std::string attempt = cell(parsed, "attempt");
  if (attempt != "-" && attempt != "0" && attempt != "1") line += "  attempt " + attempt;
  const std::string error = cell(parsed, "error");
  if (error != "-") line += "  " + error;
  return line;
}

bool StepFilter::lets_pass(std::string_view step_json) const {
  const json parsed = parse(step_json);
  return is_or_empty(queue, parsed, "queue") && is_or_empty(step, parsed, "step") &&
         is_or_empty(customer, parsed, "customer");
}

std::string StepFilter::topic() const {
  if (queue.empty()) return "";
  if (step.empty()) return queue + ".";
  return queue + "." + step + "." + customer;
}

}  // namespace kefu::ctl
