#include "gateway/queue_log.h"

#include <string>

#include "gateway/admin.h"
#include "lib/ops/log.h"

namespace kefu {
namespace {

constexpr std::size_t kDeathsMax = 20;      // lines in one turn
constexpr std::size_t kNameBytesMax = 128;  // of what a worker says of itself

std::string cut(const std::string& text) {
  return text.size() <= kNameBytesMax ? text : text.substr(0, kNameBytesMax) + "...";
}

// What a cloud said about one customer's message may name the customer; what closes a queue for one call
// alone (settings that are refused, a cloud that is away) is about us.
std::string why_closed(const std::string& reason) {
  const auto of_several = std::string(queue::Gate::kSeveralFail);
  return reason.starts_with(of_several) ? of_several + "; see kefuctl queues" : reason;
}

std::string_view message_of(WorkerNews::Kind kind) {
  switch (kind) {
    case WorkerNews::Kind::came:
      return "a worker is connected";
    case WorkerNews::Kind::left:
      return "a worker has disconnected";
    case WorkerNews::Kind::silent:
      return "a worker timed out, and its deliveries go to other workers";
  }
  return "a worker";
}

}  // namespace

void QueueLog::worker(const WorkerNews& news, Timestamp now) {
  const auto message = message_of(news.kind);
  const auto left_out = limiter_.admit(std::string(message) + news.worker.value, now);
  if (!left_out) return;
  const auto queue = queue_name(news.queue);
  const auto worker = cut(news.worker.value);
  switch (news.kind) {
    case WorkerNews::Kind::came:
      return log::info(message, {{"queue", queue},
                                 {"worker", worker},
                                 {"slots", news.slots},
                                 {"version", cut(news.version)},
                                 {"left_out", *left_out}});
    case WorkerNews::Kind::left:
      return log::info(message, {{"queue", queue}, {"worker", worker}, {"left_out", *left_out}});
    case WorkerNews::Kind::silent:
      return log::warning(message, {{"queue", queue}, {"worker", worker}, {"left_out", *left_out}});
  }
}

void QueueLog::step(const Step& step) {
  const auto queue = queue_name(step.event.queue());
  if (step.name == "closed")
    log::warning("a queue closes", {{"queue", queue}, {"why", why_closed(step.error)}});
  if (step.name == "opened") log::info("a queue opens again", {{"queue", queue}});
  if (step.name == "dead") dead(step);
}

void QueueLog::dead(const Step& step) {
  if (++deaths_ > kDeathsMax) return;
  log::warning("an event is a dead letter; kefuctl show says why", {{"event", step.event.id()},
                                                                    {"queue", queue_name(step.event.queue())},
                                                                    {"type", event_type(step.event)},
                                                                    {"class", failure_name(step.failure)},
                                                                    {"code", step.code}});
}

void QueueLog::end_turn() {
  if (deaths_ > kDeathsMax) log::warning("more events are dead letters", {{"count", deaths_ - kDeathsMax}});
  deaths_ = 0;
}

}  // namespace kefu
