#include "gateway/admin.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace kefu {
namespace {

using nlohmann::json;

constexpr std::uint32_t kListDefault = 20;
constexpr std::uint32_t kListMost = 1000;
constexpr std::uint32_t kPage = 200;
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
std::optional<EventId> id_of(const json& question) {
  const auto* value = field(question, "id");
  if (value && value->is_number_unsigned()) return EventId{value->get<std::uint64_t>()};
  const auto text = text_of(question, "id");
  if (text.empty() || text.size() > 19 || text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return EventId{std::stoull(text)};
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

json brief(const StoredEvent& stored, queue::State state) {
  json out = {{"id", stored.event.id()},
              {"type", event_type(stored.event)},
              {"customer", stored.event.customer()},
              {"state", name(state)},
              {"attempt",
               stored.attempts + (state == queue::State::in_flight || state == queue::State::done ? 1 : 0)},
              {"error", stored.error},
              {"accepted_at", stored.event.accepted_at_ms()}};
  if (stored.due.ms != 0 && (state == queue::State::waiting || state == queue::State::parked))
    out["due_at"] = stored.due.ms;
  if (stored.settled_at.ms != 0) out["settled_at"] = stored.settled_at.ms;
  return out;
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

json breaker(const queue::Gate& gate) {
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
          {"breaker", breaker(gate)},
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
  const auto wanted = text_of(question, "state");
  std::optional<queue::State> state;
  for (const auto one : kStates) {
    if (name(one) == wanted) state = one;
  }
  if (!state) return refusal("list needs \"state\": ready, in_flight, waiting, parked, done or dead");
  const auto* limit = field(question, "limit");
  if (limit && !limit->is_number_unsigned())
    return refusal("\"limit\" is a number from 1 to " + std::to_string(kListMost));
  const std::uint32_t most =
      limit ? static_cast<std::uint32_t>(std::min<std::uint64_t>(limit->get<std::uint64_t>(), kListMost))
            : kListDefault;

  json events = json::array();
  for (const auto& stored : in_state(*which, *state, most, dispatcher, journal))
    events.push_back(brief(stored, *state));
  return {{"ok", true}, {"events", std::move(events)}};
}

json show(const json& question, const Dispatcher& dispatcher, Journal& journal) {
  const auto id = id_of(question);
  if (!id) return refusal("show needs \"id\": the number of an event");
  const auto stored = journal.event(*id);
  if (!stored) return refusal("there is no event " + std::to_string(id->value));
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string content;
  if (!google::protobuf::util::MessageToJsonString(stored->event, &content, options).ok()) {
    return refusal("event " + std::to_string(id->value) + " cannot be shown");
  }
  json event = brief(*stored, state_now(dispatcher, *stored));
  event["queue"] = queue_name(stored->event.queue());
  event["progress"] = stored->progress;
  event["content"] = json::parse(content, nullptr, false);
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

json replay(const json& question, Dispatcher& dispatcher, Timestamp now) {
  if (const auto id = id_of(question)) return counted(dispatcher.replay(*id, now));
  if (const auto which = queue_of(question))
    return {{"ok", true}, {"count", dispatcher.replay_all(*which, now)}};
  return refusal("replay needs \"id\": the number of an event, or \"queue\": relay or notifier");
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

json answer(std::string_view text, Dispatcher& dispatcher, Journal& journal, Timestamp now) {
  const auto shallow = [](int depth, json::parse_event_t, json&) { return depth <= 4; };
  const json question = json::parse(text, shallow, false);
  if (!question.is_object()) return refusal("a question is a JSON object such as {\"cmd\":\"queues\"}");
  const auto command = text_of(question, "cmd");
  if (command == "queues") return queues(dispatcher, journal, now);
  if (command == "list") return list(question, dispatcher, journal);
  if (command == "show") return show(question, dispatcher, journal);
  if (command == "customer") return customer(question, dispatcher, journal, now);
  if (command == "replay") return replay(question, dispatcher, now);
  if (command == "drop") return drop(question, dispatcher, now);
  if (command == "pause") return pause(question, dispatcher, true);
  if (command == "resume") return pause(question, dispatcher, false);
  return refusal("unknown \"cmd\"; there are queues, list, show, customer, replay, drop, pause, resume");
}

}  // namespace

std::string answer_admin(std::string_view question, Dispatcher& dispatcher, Journal& journal, Timestamp now) {
  return dump(answer(question, dispatcher, journal, now));
}

std::string failure_name(v1::Failure failure) {
  std::string name = v1::Failure_Name(failure).substr(std::string_view("FAILURE_").size());
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
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
    default:
      return "unknown";
  }
}

}  // namespace kefu
