#include "gateway/event_json.h"

#include <google/protobuf/util/json_util.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "gateway/admin.h"
#include "gateway/submission.h"
#include "lib/base/digest.h"

namespace kefu {
namespace {

using nlohmann::json;

constexpr std::size_t kCustomerBytesMax = 64;  // an openid has 28

// What a missing field counts as; no value: it is there and is no number from 0 to `most`.
std::optional<std::uint64_t> number(const json& told, const char* name, std::uint64_t missing,
                                    std::uint64_t most) {
  const auto at = told.find(name);
  if (at == told.end() || at->is_null()) return missing;
  if (!at->is_number_unsigned() || at->get<std::uint64_t>() > most) return std::nullopt;
  return at->get<std::uint64_t>();
}

std::string text(const json& told, const char* name) {
  const auto at = told.find(name);
  return at != told.end() && at->is_string() ? at->get<std::string>() : std::string();
}

// Empty when the queues can carry it.
std::string problem_of(const v1::Event& event) {
  const bool to_im = event.has_follow() || event.has_unfollow() || event.has_customer_message();
  if (event.customer().empty() || event.customer().size() > kCustomerBytesMax) return "it has no customer";
  if (!to_im && !event.has_agent_message()) return "its content is none that this version knows";
  if (event.queue() != (to_im ? v1::QUEUE_RELAY : v1::QUEUE_NOTIFIER))
    return "its queue does not fit its content";
  if (event.customer_message().text().size() > kTextBytesMax ||
      event.agent_message().text().size() > kTextBytesMax)
    return "its text is too long";
  if (event.accepted_at_ms() <= 0) return "it does not say when it was accepted";
  return {};
}

}  // namespace

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
  if (stored.unsure_at.ms != 0) out["unsure_at"] = stored.unsure_at.ms;
  if (stored.damaged) out["damaged"] = true;
  return out;
}

json content_of(const v1::Event& event) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string content;
  if (!google::protobuf::util::MessageToJsonString(event, &content, options).ok()) return {};
  return json::parse(content, nullptr, false);
}

json told_hops(const std::vector<Hop>& hops, const std::optional<queue::FlightView>& flight,
               const StoredEvent& stored) {
  json told = json::array();
  for (const Hop& hop : hops) {
    json one = {{"at", hop.at.ms}, {"step", hop.step}, {"attempt", hop.attempt}};
    if (!hop.worker.empty()) one["worker"] = hop.worker;
    if (!hop.worker.empty() && hop.step != "delivered") one["took_ms"] = hop.took.count();
    if (hop.code != 0) one["code"] = hop.code;
    if (hop.failure != v1::FAILURE_UNSPECIFIED) one["failure"] = failure_name(hop.failure);
    if (!hop.error.empty()) one["error"] = hop.error;
    told.push_back(std::move(one));
  }
  if (flight) {
    told.push_back({{"at", flight->delivered_at.ms},
                    {"step", "delivered"},
                    {"attempt", stored.attempts + 1},
                    {"worker", flight->worker.value}});
  }
  return told;
}

json exported(const StoredEvent& stored, queue::State state) {
  json out = {{"id", stored.event.id()},
              {"queue", queue_name(stored.event.queue())},
              {"state", name(state)},
              {"type", event_type(stored.event)},
              {"key", dedup_key_hex(stored.key)},
              {"reply", static_cast<int>(stored.reply)},
              {"attempts", stored.attempts},
              {"progress", stored.progress},
              {"unsure", stored.unsure},
              {"unsure_at", stored.unsure_at.ms},
              {"error", stored.error},
              {"content", content_of(stored.event)}};
  if (stored.damaged) out["damaged_base64"] = base64_encode(stored.damaged_bytes);
  return out;
}

Result<StoredEvent> imported(const json& told) {
  if (!told.is_object()) return Error{"it is no JSON object"};
  if (told.contains("damaged_base64"))
    return Error{"it is damaged: the journal it comes from could not read its content; leave it out"};
  if (text(told, "state") == name(queue::State::done)) return Error{"it is done: there is nothing to carry"};
  const auto content = told.find("content");
  if (content == told.end() || !content->is_object()) return Error{"it has no \"content\""};
  StoredEvent stored;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      content->dump(-1, ' ', false, json::error_handler_t::replace), &stored.event, options);
  if (!parsed.ok()) return Error{"its \"content\" is no event"};
  if (const auto problem = problem_of(stored.event); !problem.empty()) return Error{problem};
  const auto key = dedup_key_from_hex(text(told, "key"));
  if (!key) return Error{"its \"key\" is not 32 hexadecimal digits"};
  stored.key = *key;
  constexpr auto kMost = std::numeric_limits<std::uint32_t>::max();
  const auto reply = number(told, "reply", 0, static_cast<std::uint64_t>(ReplyKind::offline_again));
  const auto progress = number(told, "progress", 0, kMost);
  const auto unsure = number(told, "unsure", 0, kMost);
  const auto unsure_at = number(told, "unsure_at", 0, std::numeric_limits<std::int64_t>::max());
  if (!reply || !progress || !unsure || !unsure_at)
    return Error{"\"reply\", \"progress\", \"unsure\" or \"unsure_at\" is not a number that fits"};
  stored.reply = static_cast<ReplyKind>(*reply);
  stored.progress = static_cast<std::uint32_t>(*progress);
  stored.unsure = static_cast<std::uint32_t>(*unsure);
  stored.unsure_at = Timestamp{static_cast<std::int64_t>(*unsure_at)};
  return stored;
}

}  // namespace kefu
