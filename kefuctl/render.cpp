#include "kefuctl/render.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "kefuctl/fields.h"
#include "kefuctl/printable.h"
#include "kefuctl/table.h"

namespace kefu::ctl {
using nlohmann::json;

namespace {

// What holds the queue back, in a word and in full.
struct Hold {
  std::string word;  // "running" when nothing does
  std::string why;
};

// An older gateway tells `unavailable` only.
Hold hold_of(const json& queue) {
  if (cell(queue, "paused") == "true") return {"paused", ""};
  const auto gate = queue.find("gate");
  const bool told = gate != queue.end() && gate->is_object();
  const std::string state = told ? cell(*gate, "state") : "-";
  const std::string why = told ? cell(*gate, "reason") : cell(queue, "unavailable");
  const bool is_open = told ? state == "open" || state == "-" : why == "-";
  if (!is_open) return {state == "probing" ? "probing" : "closed", why};
  const auto workers = queue.find("workers");
  const bool has_none = workers != queue.end() && workers->is_array() && workers->empty();
  return {has_none ? "no worker" : "running", ""};
}

}  // namespace

std::string state_cell(const json& queue) {
  const auto hold = hold_of(queue);
  return hold.why.empty() ? hold.word : hold.word + ": " + hold.why;
}

std::string state_word(const json& queue) {
  return hold_of(queue).word;
}

// "limits: im_send 140 of 200/s"; empty when there are none.
std::string render_rates(const json& answer) {
  // 200.0 as 200
  const auto whole_cell = [](const json& rate, const char* key) {
    std::string text = cell(rate, key);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text;
  };
  std::string text;
  for (const json& queue : rows_of(answer, "queues")) {
    for (const json& rate : rows_of(queue, "rates"))
      text += (text.empty() ? "\nrates: " : ", ") + cell(rate, "call") + " " +
              (whole_cell(rate, "limit") == "0"
                   ? "without limit"
                   : whole_cell(rate, "now") + " of " + whole_cell(rate, "limit") + "/s");
  }
  return text.empty() ? text : text + "\n";
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

std::string render_queues(std::string_view answer) {
  const json parsed = parse(answer);
  if (parsed.is_discarded()) return printable(answer);
  std::vector<std::vector<std::string>> rows;
  for (const json& queue : rows_of(parsed, "queues")) {
    rows.push_back({cell(queue, "name"), cell(queue, "ready"), cell(queue, "in_flight"),
                    cell(queue, "waiting"), cell(queue, "parked"), cell(queue, "dead"), cell(queue, "done"),
                    age_cell(queue, "oldest_ms"), state_cell(queue)});
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
         render_rates(parsed) + "\n" + render_workers(parsed);
}

std::string render_trace(std::string_view answer) {
  const json parsed = parse(answer);
  if (parsed.is_discarded()) return printable(answer);
  std::string text;
  for (const json& event : rows_of(parsed, "events")) {
    std::vector<std::vector<std::string>> rows;
    for (const json& hop : rows_of(event, "hops")) {
      std::string said = cell(hop, "error");
      if (const std::string failure = cell(hop, "failure"); failure != "-")
        said = said == "-" ? failure : std::string(failure).append(": ").append(said);
      rows.push_back({time_cell(hop, "at"), cell(hop, "step"), cell(hop, "attempt"), cell(hop, "worker"),
                      age_cell(hop, "took_ms"), cell(hop, "code"), said});
    }
    if (!text.empty()) text += "\n";
    text += "event";
    for (const char* key : {"id", "queue", "type", "customer", "state"})
      text.append("  ").append(cell(event, key));
    if (cell(event, "source_id") != "-") text += "  " + cell(event, "source_id");
    text += "\n" +
            format_table(
                {{"AT"}, {"STEP"}, {"ATTEMPT", true}, {"WORKER"}, {"TOOK", true}, {"CODE", true}, {"ANSWER"}},
                rows);
  }
  return text.empty() ? "no such events\n" : text;
}

std::string render_agents(std::string_view answer) {
  const json parsed = parse(answer);
  if (parsed.is_discarded()) return printable(answer);
  std::vector<std::vector<std::string>> rows;
  for (const json& agent : rows_of(parsed, "agents")) {
    rows.push_back({cell(agent, "agent"), cell(agent, "state"), time_cell(agent, "since"),
                    cell(agent, "open"), cell(agent, "reason"), cell(agent, "kicked")});
  }
  if (rows.empty()) return "IM has told of no agent yet: is the callback State.StateChange enabled?\n";
  return format_table({{"AGENT"}, {"STATE"}, {"SINCE"}, {"OPEN", true}, {"REASON"}, {"KICKED"}}, rows);
}

std::string render_customer(std::string_view answer) {
  const json parsed = parse(answer);
  const auto found = parsed.is_object() ? parsed.find("customer") : parsed.end();
  if (!parsed.is_object() || found == parsed.end() || !found->is_object()) return printable(answer);
  const json& customer = *found;
  const auto yes_or_no = [&](const char* key) { return cell(customer, key) == "true" ? "yes" : "no"; };
  const std::string waiting = cell(customer, "ready") + " ready, " + cell(customer, "in_flight") +
                              " in flight, " + cell(customer, "waiting") + " waiting, " +
                              cell(customer, "parked") + " parked";
  const std::vector<std::vector<std::string>> rows{
      {"openid", cell(customer, "openid")},
      {"IM account",
       cell(customer, "im_user") + (cell(customer, "imported") == "true" ? "" : " (not imported)")},
      {"follows", yes_or_no("following")},
      {"agent", cell(customer, "agent")},
      {"last active", time_cell(customer, "active_at")},
      {"reply window ends", time_cell(customer, "window_ends_at")},
      {"opened by", cell(customer, "window_opened_by")},
      {"replies left", cell(customer, "replies_left")},
      {"events", waiting}};
  std::string text;
  for (const auto& row : rows) {
    std::string name = row[0];
    name.resize(19, ' ');
    text += name + row[1] + "\n";
  }
  return text;
}

std::string render_jobs(std::string_view answer) {
  const json parsed = parse(answer);
  if (parsed.is_discarded()) return printable(answer);
  std::vector<std::vector<std::string>> rows;
  for (const json& job : rows_of(parsed, "jobs")) {
    const std::string finished = time_cell(job, "finished_at");
    rows.push_back({cell(job, "id"), cell(job, "queue"), cell(job, "replayed"), cell(job, "total"),
                    time_cell(job, "started_at"), finished == "-" ? "at work" : finished});
  }
  if (rows.empty()) return "no replays since the gateway's start\n";
  return format_table({{"JOB", true}, {"QUEUE"}, {"REPLAYED", true}, {"OF", true}, {"STARTED"}, {"FINISHED"}},
                      rows);
}

std::string render_quarantine(std::string_view answer) {
  const json parsed = parse(answer);
  if (parsed.is_discarded()) return std::string(answer);
  std::vector<std::vector<std::string>> rows;
  for (const json& push : rows_of(parsed, "pushes")) {
    const std::string submitted = time_cell(push, "submitted_at");
    const std::string state = submitted != "-"                           ? "submitted " + submitted
                              : cell(push, "can_be_submitted") == "true" ? "waits"
                                                                         : "only kept";
    rows.push_back({cell(push, "id"), time_cell(push, "at"), cell(push, "source"), cell(push, "class"),
                    cell(push, "bytes"), state, cell(push, "reason")});
  }
  if (rows.empty()) return "no such pushes in quarantine\n";
  const std::string waiting = cell(parsed, "waiting");
  std::string text = format_table(
      {{"ID", true}, {"AT"}, {"SOURCE"}, {"CLASS"}, {"BYTES", true}, {"STATE"}, {"REASON"}}, rows);
  text += "\n" + waiting + (waiting == "1" ? " waits" : " wait") + " to be submitted\n";
  if (cell(parsed, "next") != "-") text += "there may be more: --after " + cell(parsed, "next") + "\n";
  return text;
}

std::string render_submitted(std::string_view answer) {
  const json parsed = parse(answer);
  if (parsed.is_discarded()) return std::string(answer);
  const std::string count = cell(parsed, "submitted");
  std::string text = count + (count == "1" ? " push" : " pushes") + " submitted, " +
                     cell(parsed, "duplicates") + " were there already\n";
  for (const json& one : rows_of(parsed, "failed"))
    text += cell(one, "count") + " still cannot be delivered: " + cell(one, "reason") + "\n";
  return text;
}

std::string render_events(std::string_view answer) {
  const json parsed = parse(answer);
  if (parsed.is_discarded()) return printable(answer);
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
  if (parsed.is_discarded()) return printable(answer);
  return printable_json(parsed.dump(2, ' ', false, json::error_handler_t::replace)) + "\n";
}

std::string render_count(std::string_view answer, std::string_view what_happened) {
  const json parsed = parse(answer);
  if (parsed.is_discarded()) return printable(answer);
  const std::string count = cell(parsed, "count");
  return count + (count == "1" ? " event " : " events ") + std::string(what_happened) + "\n";
}

}  // namespace kefu::ctl
