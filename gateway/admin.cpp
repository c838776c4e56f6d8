#include "gateway/admin.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "gateway/event_json.h"
#include "lib/base/ascii.h"
#include "lib/base/digest.h"
#include "lib/base/json.h"
#include "lib/base/utf8.h"
#include "lib/ops/log.h"

namespace kefu {
namespace {

using nlohmann::json;

constexpr std::uint32_t kListDefault = 20;
constexpr std::uint32_t kListMost = 1000;
constexpr std::uint32_t kPage = 200;
constexpr std::size_t kExportBytes = 512 << 10;  // content of one page; then the loop has other things to do
constexpr std::string_view kStateNames = "ready, in_flight, waiting, parked, done or dead";
constexpr const char* kBadLimit = "\"limit\" is a number from 1 to 1000, \"after\" the id of an event";
static_assert(kListMost == 1000);
constexpr std::array<std::string_view, 9> kLooks{"queues", "list", "show",   "customer",  "trace",
                                                 "export", "jobs", "agents", "quarantine"};
constexpr const char* kBadPushId = "\"id\" is the number of a quarantined push";
constexpr const char* kBadQuarantineFilter =
    "\"source\" is wechat or im; \"class\" is undecryptable, not_understood, unknown_agent, "
    "unknown_customer, "
    "left_out or informational; \"after\" is the id of a quarantined push";
constexpr std::array kStates{queue::State::ready,  queue::State::in_flight, queue::State::waiting,
                             queue::State::parked, queue::State::done,      queue::State::dead};

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}
json refusal(const std::string& why) {
  return {{"ok", false}, {"error", why}};
}
json counted(const Result<int>& result) {
  return result ? json{{"ok", true}, {"count", *result}} : refusal(result.error());
}

const json* field(const json& question, const char* name) {
  const auto at = question.find(name);
  return at == question.end() ? nullptr : &*at;
}

std::string text_of(const json& question, const char* name) {
  const auto* value = field(question, name);
  return value && value->is_string() ? value->get<std::string>() : std::string();
}

// Scripts send ids as numbers, people's shells as text.
std::optional<EventId> id_in(const json& value) {
  if (value.is_number_unsigned()) return EventId{value.get<std::uint64_t>()};
  const auto text = value.is_string() ? value.get<std::string>() : std::string();
  if (text.empty() || text.size() > 19 || text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return EventId{std::stoull(text)};
}

std::optional<EventId> id_of(const json& question) {
  const auto* value = field(question, "id");
  return value ? id_in(*value) : std::nullopt;
}

std::optional<queue::State> state_of(const json& question) {
  const auto wanted = text_of(question, "state");
  for (const auto one : kStates) {
    if (name(one) == wanted) return one;
  }
  return std::nullopt;
}

// No value: it is there and is no number.
std::optional<std::uint32_t> limit_of(const json& question, std::uint32_t missing) {
  const auto* limit = field(question, "limit");
  if (!limit) return missing;
  if (!limit->is_number_unsigned() || *limit == 0U) return std::nullopt;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(limit->get<std::uint64_t>(), kListMost));
}

std::optional<v1::Queue> queue_of(const json& question) {
  const auto name = text_of(question, "queue");
  if (name == "relay") return v1::QUEUE_RELAY;
  if (name == "notifier") return v1::QUEUE_NOTIFIER;
  return std::nullopt;
}

queue::State state_now(const Dispatcher& dispatcher, const StoredEvent& stored) {
  return dispatcher.queue(stored.event.queue()).state_of(EventId{stored.event.id()}).value_or(stored.state);
}

std::string_view state_name(queue::Gate::State state) {
  switch (state) {
    case queue::Gate::State::open:
      return "open";
    case queue::Gate::State::closed:
      return "closed";
    case queue::Gate::State::probing:
      return "probing";
  }
  return "unknown";
}

json gate_of(const queue::Gate& gate) {
  return {{"state", state_name(gate.state())},
          {"reason", gate.reason()},
          {"since", gate.since().ms},
          {"needs_operator", gate.needs_operator()}};
}

// Calls a second: what the settings allow, and what is used of it now; 0: no limit.
json rates(v1::Queue which, const queue::Pacer& pacer, Timestamp now) {
  json rates = json::array();
  for (const auto kind : queue::kKindsInOrder) {
    if (queue::queue_of(kind) != which) continue;
    rates.push_back({{"call", queue::call_name(kind)},
                     {"limit", pacer.limit(kind)},
                     {"now", std::round(pacer.rate(kind, now) * 10) / 10}});
  }
  return rates;
}

json describe(v1::Queue which, const Dispatcher& dispatcher, Journal& journal, Timestamp now) {
  const auto& queue = dispatcher.queue(which);
  const auto counts = queue.counts();
  const auto totals = journal.totals(which);
  Millis working{0};
  for (const auto state : {queue::State::ready, queue::State::in_flight, queue::State::waiting}) {
    if (const auto at = queue.oldest_accepted(state)) working = std::max(working, now - *at);
  }
  Millis oldest = working;
  if (const auto at = queue.oldest_accepted(queue::State::parked)) oldest = std::max(oldest, now - *at);
  json workers = json::array();
  for (const auto& worker : queue.workers()) {
    workers.push_back({{"id", worker.id.value},
                       {"capacity", worker.capacity},
                       {"in_flight", worker.in_flight},
                       {"last_seen_ms", (now - worker.last_seen).count()},
                       {"draining", worker.draining}});
  }
  const auto& gate = queue.gate();
  return {{"name", queue_name(which)},
          {"ready", counts.ready},
          {"in_flight", counts.in_flight},
          {"waiting", counts.waiting},
          {"parked", counts.parked},
          {"dead", totals.dead},
          {"done", totals.done},
          {"oldest_ms", oldest.count()},
          {"oldest_working_ms", working.count()},
          {"paused", gate.paused_by_operator()},
          {"unavailable", gate.closed() ? gate.reason() : ""},
          {"gate", gate_of(gate)},
          {"rates", rates(which, queue.pacer(), now)},
          {"workers", std::move(workers)}};
}

json queues(const Dispatcher& dispatcher, Journal& journal, Timestamp now) {
  return {{"ok", true},
          {"queues", json::array({describe(v1::QUEUE_RELAY, dispatcher, journal, now),
                                  describe(v1::QUEUE_NOTIFIER, dispatcher, journal, now)})}};
}

// The journal tells finished events apart. Of unfinished ones only the queue knows what is in flight and what
// came due.
std::vector<StoredEvent> in_state(v1::Queue which, queue::State state, std::uint32_t most,
                                  const Dispatcher& dispatcher, Journal& journal) {
  if (state == queue::State::done || state == queue::State::dead) return journal.list(which, state, most);
  const auto& queue = dispatcher.queue(which);
  std::vector<StoredEvent> found;
  if (state != queue::State::ready) {
    auto ids = queue.in_state(state);
    std::sort(ids.begin(), ids.end());
    for (const auto id : ids) {
      if (found.size() == most) break;
      if (auto stored = journal.event(id)) found.push_back(std::move(*stored));
    }
    return found;
  }
  // Behind the heads that are not ready stand the ready ones: there is no need to look far.
  EventId after{};
  while (found.size() < most) {
    auto page = journal.page(which, std::nullopt, after, kPage);
    if (page.empty()) break;
    after = EventId{page.back().event.id()};
    for (auto& stored : page) {
      if (found.size() < most && queue.state_of(EventId{stored.event.id()}) == state)
        found.push_back(std::move(stored));
    }
  }
  return found;
}

json list(const json& question, const Dispatcher& dispatcher, Journal& journal) {
  const auto which = queue_of(question);
  if (!which) return refusal("list needs \"queue\": relay or notifier");
  const auto state = state_of(question);
  if (!state) return refusal("list needs \"state\": " + std::string(kStateNames));
  const auto most = limit_of(question, kListDefault);
  if (!most) return refusal(kBadLimit);
  json events = json::array();
  for (const auto& stored : in_state(*which, *state, *most, dispatcher, journal))
    events.push_back(brief(stored, *state));
  return {{"ok", true}, {"events", std::move(events)}};
}

json show(const json& question, const Dispatcher& dispatcher, Journal& journal) {
  const auto id = id_of(question);
  if (!id) return refusal("show needs \"id\": the number of an event");
  const auto stored = journal.event(*id);
  if (!stored) return refusal("there is no event " + std::to_string(id->value));
  json event = brief(*stored, state_now(dispatcher, *stored));
  event["queue"] = queue_name(stored->event.queue());
  event["progress"] = stored->progress;
  event["content"] = content_of(stored->event);
  if (stored->damaged) event["damaged_base64"] = base64_encode(stored->damaged_bytes);
  return {{"ok", true}, {"event", std::move(event)}};
}

json when(Timestamp at) {
  return at == Timestamp{} ? json() : json(at.ms);
}

json customer(const json& question, const Dispatcher& dispatcher, Journal& journal, Timestamp now) {
  const auto wanted = text_of(question, "openid");
  if (wanted.empty()) return refusal("customer needs \"openid\": an openid, or an IM account of a customer");
  auto found = journal.customer(OpenId(wanted));
  if (!found) found = journal.customer_of(ImUserId(wanted));
  if (!found) return refusal("there is no customer " + wanted);
  queue::Counts counts;
  for (const auto which : {v1::QUEUE_RELAY, v1::QUEUE_NOTIFIER}) {
    const auto own = dispatcher.queue(which).counts_of(found->openid);
    counts.ready += own.ready;
    counts.in_flight += own.in_flight;
    counts.waiting += own.waiting;
    counts.parked += own.parked;
  }
  const auto& window = found->window;
  return {{"ok", true},
          {"customer",
           {{"openid", found->openid.value},
            {"im_user", found->im_user.value},
            {"imported", found->imported},
            {"following", found->following},
            {"agent", found->agent},
            {"active_at", when(found->active_at)},
            {"window_ends_at", when(window.ends_at)},
            {"replies_left", window.is_open(now) ? window.replies_left : 0},
            {"window_opened_by", name(window.opened_by)},
            {"ready", counts.ready},
            {"in_flight", counts.in_flight},
            {"waiting", counts.waiting},
            {"parked", counts.parked}}}};
}

// `what`: an event's id, a MsgId, a MsgKey, an openid or an IM account. The newest first.
std::vector<EventId> find_events(const json& what, std::uint32_t most, Journal& journal) {
  std::vector<EventId> found;
  if (const auto id = id_in(what); id && journal.event(*id)) found.push_back(*id);
  // A MsgId is a number, too.
  const auto text = what.is_string() ? what.get<std::string>() : what.dump();
  const auto add = [&](const std::vector<EventId>& more) {
    for (const auto event : more) {
      const bool known = std::find(found.begin(), found.end(), event) != found.end();
      if (!known && found.size() < most) found.push_back(event);
    }
  };
  add(journal.find_source(text));
  if (!found.empty()) return found;
  add(journal.events_of(OpenId(text), most));
  const auto customer = found.empty() ? journal.customer_of(ImUserId(text)) : std::nullopt;
  if (customer) add(journal.events_of(customer->openid, most));
  return found;
}

json trace(const json& question, const Dispatcher& dispatcher, Journal& journal) {
  const auto* what = field(question, "what");
  const bool named = what && (what->is_number_unsigned() || !text_of(question, "what").empty());
  if (!named) return refusal("trace needs \"what\": an event's id, a MsgId, a MsgKey or an openid");
  const auto most = limit_of(question, kListDefault);
  if (!most) return refusal(kBadLimit);
  json events = json::array();
  for (const auto id : find_events(*what, *most, journal)) {
    const auto stored = journal.event(id);
    if (!stored) continue;
    const auto& queue = dispatcher.queue(stored->event.queue());
    json event = brief(*stored, state_now(dispatcher, *stored));
    event["queue"] = queue_name(stored->event.queue());
    event["source_id"] = stored->event.source_id();
    event["hops"] = told_hops(journal.hops(id), queue.flight_of(id), *stored);
    events.push_back(std::move(event));
  }
  return {{"ok", true}, {"events", std::move(events)}};
}

// A page of events that another gateway can import. `next` is what to ask for "after"; null: that was all.
json export_page(const json& question, const Dispatcher& dispatcher, Journal& journal) {
  const auto which = queue_of(question);
  if (!which) return refusal("export needs \"queue\": relay or notifier");
  const auto state = state_of(question);
  if (field(question, "state") && !state)
    return refusal("export takes \"state\": " + std::string(kStateNames));
  const auto most = limit_of(question, kPage);
  const auto* after = field(question, "after");
  if (!most || (after && !after->is_number_unsigned())) return refusal(kBadLimit);
  EventId last{after ? after->get<std::uint64_t>() : 0};
  // Of unfinished events only the queue knows the state.
  const bool finished = state == queue::State::done || state == queue::State::dead;
  const auto page = journal.page(*which, finished ? state : std::nullopt, last, *most);
  json events = json::array();
  std::size_t bytes = 0;
  bool all = page.size() < *most;
  for (const auto& stored : page) {
    if (bytes > kExportBytes) {
      all = false;
      break;
    }
    last = EventId{stored.event.id()};
    const auto now = state_now(dispatcher, stored);
    if (state && now != *state) continue;
    bytes += stored.event.ByteSizeLong() + stored.damaged_bytes.size() * 4 / 3;
    events.push_back(exported(stored, now));
  }
  return {{"ok", true}, {"events", std::move(events)}, {"next", all ? json() : json(last.value)}};
}

// All of the question or nothing. With "check" it only says whether it would be taken.
json import_events(const json& question, Dispatcher& dispatcher, Timestamp now) {
  const auto* events = field(question, "events");
  if (!events || !events->is_array()) return refusal("import needs \"events\": those of export");
  std::vector<StoredEvent> taken;
  for (const auto& told : *events) {
    auto stored = imported(told);
    if (!stored) {
      json no = refusal("events[" + std::to_string(taken.size()) + "]: " + stored.error());
      no["at"] = taken.size();
      return no;
    }
    taken.push_back(std::move(*stored));
  }
  const auto* check = field(question, "check");
  if (check && *check == true) return {{"ok", true}, {"count", taken.size()}, {"skipped", 0}};
  std::size_t count = 0;
  for (auto& stored : taken) count += dispatcher.take_over(std::move(stored), now) ? 1 : 0;
  return {{"ok", true}, {"count", count}, {"skipped", taken.size() - count}};
}

json replay(const json& question, Dispatcher& dispatcher, Timestamp now) {
  if (const auto id = id_of(question)) return counted(dispatcher.replay(*id, now));
  if (field(question, "id")) return refusal("\"id\" is the number of an event");
  const auto which = queue_of(question);
  if (!which) return refusal("replay needs \"id\": the number of an event, or \"queue\": relay or notifier");
  const auto begun = dispatcher.replay_all(*which, now);
  json told = {{"ok", true}, {"count", begun.count}};
  if (begun.job) told["job"] = *begun.job;
  return told;
}

json jobs(const Dispatcher& dispatcher) {
  json told = json::array();
  for (const auto& job : dispatcher.replay_jobs()) {
    told.push_back({{"id", job.id},
                    {"queue", queue_name(job.queue)},
                    {"total", job.total},
                    {"replayed", job.replayed},
                    {"started_at", job.started_at.ms},
                    {"finished_at", when(job.finished_at)}});
  }
  return {{"ok", true}, {"jobs", std::move(told)}};
}

json agents(const Dispatcher& dispatcher, Timestamp now) {
  json told = json::array();
  for (const auto& [known, open] : dispatcher.agents(now)) {
    told.push_back({{"agent", known.agent},
                    {"state", known.state.empty() ? "unknown" : known.state},
                    {"reason", known.reason},
                    {"kicked", known.kicked},
                    {"since", when(known.since)},
                    {"open", open}});
  }
  return {{"ok", true}, {"agents", std::move(told)}};
}

json quarantine_row(const QuarantinedPush& push) {
  return {{"id", push.id},
          {"at", push.at.ms},
          {"source", push.source},
          {"class", name(push.kind)},
          {"reason", push.reason},
          {"bytes", push.body_bytes},
          {"can_be_submitted", can_be_submitted(push.kind)},
          {"submitted_at", when(push.submitted_at)}};
}

// Nothing: the question names a source or a class that there is not.
std::optional<QuarantineFilter> quarantine_filter(const json& question) {
  QuarantineFilter wanted;
  wanted.source = text_of(question, "source");
  if (!wanted.source.empty() && wanted.source != "wechat" && wanted.source != "im") return std::nullopt;
  if (const auto* after = field(question, "after")) {
    if (!after->is_number_unsigned()) return std::nullopt;
    wanted.after = after->get<std::uint64_t>();
  }
  if (const auto* all = field(question, "all")) wanted.submitted = *all == true;
  if (!field(question, "class")) return wanted;
  for (const auto kind : kQuarantineClasses) {
    if (text_of(question, "class") == name(kind)) wanted.kind = kind;
  }
  return wanted.kind ? std::optional(wanted) : std::nullopt;
}

json quarantined(EventId id, Journal& journal) {
  const auto push = journal.quarantined(id.value);
  if (!push) return refusal("there is no quarantined push " + std::to_string(id.value));
  json row = quarantine_row(*push);
  row["query"] = push->query;
  row["cut"] = push->is_cut();
  if (is_valid_utf8(push->body)) {
    row["body"] = push->body;
  } else {
    row["body_base64"] = base64_encode(push->body);
  }
  return {{"ok", true}, {"push", std::move(row)}};
}

json quarantine(const json& question, Journal& journal) {
  if (const auto id = id_of(question)) return quarantined(*id, journal);
  if (field(question, "id")) return refusal(kBadPushId);
  const auto wanted = quarantine_filter(question);
  if (!wanted) return refusal(kBadQuarantineFilter);
  const auto most = limit_of(question, kListDefault);
  if (!most) return refusal(kBadLimit);
  json pushes = json::array();
  for (const auto& push : journal.quarantined(*wanted, *most)) pushes.push_back(quarantine_row(push));
  std::uint64_t waiting = 0;
  for (const auto& [of, count] : journal.quarantine_waiting()) waiting += count;
  const bool all = pushes.size() < *most;
  const json next = all ? json() : pushes.back()["id"];
  return {{"ok", true}, {"pushes", std::move(pushes)}, {"waiting", waiting}, {"next", next}};
}

json told(const QuarantineSubmitted& submitted) {
  json failed = json::array();
  for (const auto& [reason, count] : submitted.failed)
    failed.push_back({{"reason", reason}, {"count", count}});
  return {{"ok", true},
          {"submitted", submitted.submitted},
          {"duplicates", submitted.duplicates},
          {"failed", std::move(failed)},
          {"next", submitted.next == 0 ? json() : json(submitted.next)}};
}

json quarantine_submit(const json& question, Dispatcher& dispatcher, Timestamp now) {
  if (const auto id = id_of(question)) {
    const auto submitted = dispatcher.submit_quarantined(id->value, now);
    return submitted ? told(*submitted) : refusal(submitted.error());
  }
  if (field(question, "id")) return refusal(kBadPushId);
  auto wanted = quarantine_filter(question);
  if (!wanted) return refusal(kBadQuarantineFilter);
  wanted->submitted = false;
  const auto most = limit_of(question, kPage);
  if (!most) return refusal(kBadLimit);
  return told(dispatcher.submit_quarantined(*wanted, *most, now));
}

json drop(const json& question, Dispatcher& dispatcher, Timestamp now) {
  const auto id = id_of(question);
  return id ? counted(dispatcher.drop(*id, now)) : refusal("drop needs \"id\": the number of an event");
}

json pause(const json& question, Dispatcher& dispatcher, bool on) {
  const auto which = queue_of(question);
  if (!which) return refusal(std::string(on ? "pause" : "resume") + " needs \"queue\": relay or notifier");
  on ? dispatcher.pause(*which) : dispatcher.resume(*which);
  return {{"ok", true}};
}

// What an operator changes stands in the log. No openid, no text: those are not in the fields that are named.
void log_act(const std::string& command, const json& question, const json& told) {
  const auto* check = field(question, "check");
  if (told.value("ok", false) != true || (check && *check == true)) return;
  const auto id = id_of(question);
  log::info("an operator acts", {{"command", command},
                                 {"queue", queue_of(question) ? text_of(question, "queue") : "-"},
                                 {"event", id ? std::to_string(id->value) : "-"},
                                 {"count", told.value("count", std::uint64_t{0})}});
}

// Of the commands that change nothing; no value: it is none of them.
std::optional<json> look(const std::string& command, const json& question, const Dispatcher& dispatcher,
                         Journal& journal, Timestamp now) {
  if (command == "queues") return queues(dispatcher, journal, now);
  if (command == "list") return list(question, dispatcher, journal);
  if (command == "show") return show(question, dispatcher, journal);
  if (command == "customer") return customer(question, dispatcher, journal, now);
  if (command == "trace") return trace(question, dispatcher, journal);
  if (command == "export") return export_page(question, dispatcher, journal);
  if (command == "jobs") return jobs(dispatcher);
  if (command == "agents") return agents(dispatcher, now);
  if (command == "quarantine") return quarantine(question, journal);
  return std::nullopt;
}

// Of those that do.
std::optional<json> repair(const std::string& command, const json& question, Dispatcher& dispatcher,
                           Timestamp now) {
  if (command == "import") return import_events(question, dispatcher, now);
  if (command == "quarantine_submit") return quarantine_submit(question, dispatcher, now);
  if (command == "replay") return replay(question, dispatcher, now);
  if (command == "drop") return drop(question, dispatcher, now);
  if (command == "pause") return pause(question, dispatcher, true);
  if (command == "resume") return pause(question, dispatcher, false);
  return std::nullopt;
}

json answer(std::string_view text, Dispatcher& dispatcher, Journal& journal, Timestamp now) {
  const auto parsed = parse_json(text, {});
  if (!parsed || !parsed->is_object())
    return refusal("a question is a JSON object such as {\"cmd\":\"queues\"}");
  const json& question = *parsed;
  const auto command = text_of(question, "cmd");
  if (auto told = look(command, question, dispatcher, journal, now)) return *std::move(told);
  if (auto told = repair(command, question, dispatcher, now)) {
    log_act(command, question, *told);
    return *std::move(told);
  }
  return refusal(
      "unknown \"cmd\"; there are queues, list, show, trace, customer, agents, quarantine, "
      "quarantine_submit, "
      "replay, jobs, drop, pause, resume, export, import");
}

}  // namespace

std::string answer_admin(std::string_view question, Dispatcher& dispatcher, Journal& journal, Timestamp now) {
  return dump(answer(question, dispatcher, journal, now));
}

bool only_looks(std::string_view question) {
  const auto asked = parse_json(question, {});
  if (!asked || !asked->is_object()) return true;
  const auto command = text_of(*asked, "cmd");
  return std::find(kLooks.begin(), kLooks.end(), command) != kLooks.end();
}

std::string refusal_of(std::string_view why) {
  return dump(refusal(std::string(why)));
}

std::string failure_name(v1::Failure failure) {
  constexpr std::string_view kPrefix = "FAILURE_";
  const std::string& name = v1::Failure_Name(failure);
  return name.size() > kPrefix.size() ? lower_ascii(name.substr(kPrefix.size())) : "unknown";
}

std::string_view queue_name(v1::Queue queue) {
  return queue == v1::QUEUE_NOTIFIER ? "notifier" : "relay";
}

std::string_view event_type(const v1::Event& event) {
  switch (event.body_case()) {
    case v1::Event::kFollow:
      return "follow";
    case v1::Event::kUnfollow:
      return "unfollow";
    case v1::Event::kCustomerMessage:
      return "customer_message";
    case v1::Event::kAgentMessage:
      return "agent_message";
    case v1::Event::kSweep:
      return "sweep";
    case v1::Event::kPresenceQuery:
      return "presence_query";
    default:
      return "unknown";
  }
}

}  // namespace kefu
