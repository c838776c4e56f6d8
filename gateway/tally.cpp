#include "gateway/tally.h"

#include <algorithm>
#include <array>

#include "gateway/admin.h"
#include "lib/base/limits.h"
#include "lib/ops/log.h"

namespace kefu {
namespace {

constexpr const char* kAccepted = "kefu_accepted_total";
constexpr const char* kAcceptedHelp = "Pushes and callbacks stored and synced";

// What is refused and not only passed over, and how the log says it.
struct Refusal {
  std::string_view reason;
  std::string_view message;
};
constexpr std::array kRefusals{
    Refusal{"signature", "a request was refused: its signature does not hold"},
    Refusal{"sdkappid", "a callback was refused: it is not for IM_SDK_APP_ID"},
    Refusal{"not_json", "a callback was refused: its body is not a callback"},
    Refusal{"late", "a push was refused: it could not be stored in time"},
    Refusal{"cannot_store", "a push or callback was refused: it cannot be stored now"},
};

const Refusal* logged_refusal(std::string_view reason) {
  const auto* found =
      std::find_if(kRefusals.begin(), kRefusals.end(), [&](const auto& one) { return one.reason == reason; });
  return found == kRefusals.end() ? nullptr : found;
}

double seconds(Millis time) {
  return static_cast<double>(time.count()) / 1000.0;
}

}  // namespace

Tally::Tally(ops::Metrics& metrics)
    : metrics_(metrics),
      accepted_wechat_(metrics.counter(kAccepted, kAcceptedHelp, {{"source", "wechat"}})),
      accepted_im_(metrics.counter(kAccepted, kAcceptedHelp, {{"source", "im"}})),
      callback_seconds_(
          metrics.histogram("kefu_callback_seconds", "From reading a callback of IM to having it on disk")),
      callbacks_late_(
          metrics.counter("kefu_callbacks_late_total",
                          "Callbacks that took longer than IM waits; they are stored all the same")),
      commit_seconds_(metrics.histogram("kefu_commit_seconds", "One synced transaction of the journal")),
      journal_up_(metrics.gauge("kefu_journal_up", "0 while nothing can be stored and pushes are refused")),
      journal_failures_(metrics.counter("kefu_journal_failures_total",
                                        "How often the journal could not be read or written")) {}

void Tally::received(std::string_view source, const Receipt& receipt) {
  switch (receipt.kind) {
    case Receipt::Kind::stored:
      (source == "im" ? accepted_im_ : accepted_wechat_).add();
      break;
    case Receipt::Kind::duplicate:
      metrics_
          .counter("kefu_duplicates_total", "Pushes that were stored before",
                   {{"source", std::string(source)}})
          .add();
      break;
    case Receipt::Kind::ignored:
      rejected(source == "im" ? "not_a_customer" : "nothing_to_do");
      break;
    case Receipt::Kind::refused:
      rejected("cannot_store");
      break;
  }
}

void Tally::rejected(std::string_view reason, std::uint64_t count) {
  metrics_
      .counter("kefu_rejected_total",
               "Requests that made no event, and what of workers does not count, by reason",
               {{"reason", std::string(reason)}})
      .add(static_cast<double>(count));
  const auto* refusal = logged_refusal(reason);
  const auto left_out = refusal ? refusals_.admit(reason, steady_now()) : std::nullopt;
  if (left_out) log::warning(refusal->message, {{"reason", reason}, {"left_out", *left_out}});
}

void Tally::log_left_out(Timestamp now) {
  for (const auto& [reason, count] : refusals_.overdue(now)) {
    const auto* refusal = logged_refusal(reason);
    if (refusal) log::warning(refusal->message, {{"reason", reason}, {"left_out", count}});
  }
}

void Tally::callback_took(Millis took) {
  callback_seconds_.observe(seconds(took));
  if (took > limits::kCallbackHeard) callbacks_late_.add();
}

void Tally::step(const Step& step) {
  const std::string queue(queue_name(step.event.queue()));
  if (step.name == "delivered") {
    metrics_.counter("kefu_attempts_total", "Deliveries to workers", {{"queue", queue}}).add();
  } else if (step.name == "closed") {
    metrics_
        .counter("kefu_gate_closed_total", "Times a queue stopped handing out by itself", {{"queue", queue}})
        .add();
  } else if (step.name != "accepted" && step.name != "opened") {
    metrics_
        .counter("kefu_results_total", "What became of deliveries, by class",
                 {{"queue", queue}, {"result", std::string(step.name)}})
        .add();
  }
  if (step.damaged) {
    metrics_
        .counter("kefu_damaged_events_total",
                 "Events that became dead letters because the journal could not read them",
                 {{"queue", queue}})
        .add();
  }
  if (step.name == "done") {
    // The system's clock may have been set in between.
    const Millis took = std::max(Millis(0), step.at - Timestamp{step.event.accepted_at_ms()});
    metrics_.histogram("kefu_end_to_end_seconds", "From acceptance to done", {{"queue", queue}})
        .observe(seconds(took));
  }
}

void Tally::quarantined(const Quarantined& push) {
  metrics_
      .counter("kefu_quarantined_total",
               "Pushes and callbacks that made no event or not the whole of one, and are kept",
               {{"source", push.source}, {"class", std::string(name(push.kind))}})
      .add();
}

void Tally::tap_overrun() {
  metrics_
      .counter(
          "kefu_tap_overruns_total",
          "Times a step found the buffer of a tap's subscriber full; it misses steps until it has read, and "
          "sees by gaps in seq how many")
      .add();
}

void Tally::queues(const Dispatcher& dispatcher, Journal& journal, Timestamp now) {
  for (const auto& [of, count] : journal.quarantine_waiting()) {
    metrics_
        .gauge("kefu_quarantine_waiting",
               "Quarantined pushes that were not submitted again, of those that can be",
               {{"source", of.first}, {"class", std::string(name(of.second))}})
        .set(static_cast<double>(count));
  }
  for (const auto which : {v1::QUEUE_RELAY, v1::QUEUE_NOTIFIER}) {
    const auto& queue = dispatcher.queue(which);
    const std::string queue_label(queue_name(which));
    const auto counts = queue.counts();
    const auto tell = [&](queue::State state, std::size_t count) {
      const ops::Labels labels{{"queue", queue_label}, {"state", std::string(name(state))}};
      metrics_.gauge("kefu_queue_events", "Events by state", labels).set(static_cast<double>(count));
      if (state == queue::State::dead) return;
      const auto oldest = queue.oldest_accepted(state);
      metrics_.gauge("kefu_queue_oldest_seconds", "Age of the oldest event by state", labels)
          .set(oldest ? seconds(now - *oldest) : 0);
    };
    tell(queue::State::ready, counts.ready);
    tell(queue::State::in_flight, counts.in_flight);
    tell(queue::State::waiting, counts.waiting);
    tell(queue::State::parked, counts.parked);
    tell(queue::State::dead, journal.totals(which).dead);
    const auto workers = static_cast<double>(queue.workers().size());
    metrics_.gauge("kefu_workers", "Workers connected", {{"queue", queue_label}}).set(workers);
    const bool held_back = queue.gate().paused_by_operator() || queue.gate().closed();
    metrics_
        .gauge("kefu_gate_needs_operator", "1 while settings that the cloud refuses keep a queue closed",
               {{"queue", queue_label}})
        .set(queue.gate().needs_operator() ? 1 : 0);
    for (const auto kind : queue::kKindsInOrder) {
      if (queue::queue_of(kind) != which) continue;
      const std::string call(queue::call_name(kind));
      metrics_
          .gauge("kefu_call_rate", "Calls a second that are allowed at present; 0: no limit",
                 {{"call", call}})
          .set(queue.pacer().rate(kind, now));
    }
    metrics_.gauge("kefu_queue_paused", "1 while nothing is handed out", {{"queue", queue_label}})
        .set(held_back ? 1 : 0);
  }
}

void Tally::committed(std::size_t letters, double took) {
  if (letters > 0) commit_seconds_.observe(took);
}

void Tally::cut(std::string_view door, std::string_view why) {
  metrics_
      .counter("kefu_connections_cut_total",
               "Connections of workers, askers and watchers that were cut, by door and reason",
               {{"door", std::string(door)}, {"why", std::string(why)}})
      .add();
}

void Tally::bug(std::string_view where) {
  metrics_
      .counter("kefu_bugs_total", "Unforeseen failures that harmed nothing else, by place",
               {{"where", std::string(where)}})
      .add();
}

void Tally::journal_works(bool works) {
  journal_up_.set(works ? 1 : 0);
  if (!works) journal_failures_.add();
}

}  // namespace kefu
