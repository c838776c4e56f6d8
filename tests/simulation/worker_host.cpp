#include "tests/simulation/worker_host.h"

#include <algorithm>
#include <limits>

#include "lib/base/limits.h"

namespace kefu::simulation {
namespace {

constexpr std::uint32_t kSdkAppId = 1400000001;
constexpr Millis kLastWords{2000};  // as in Worker

}  // namespace

WorkerHost::WorkerHost(Parts& parts, Clouds& clouds, ops::Metrics& metrics, v1::Queue queue, WorkerId id,
                       std::uint32_t slots, Send send)
    : parts_(parts),
      queue_(queue),
      id_(std::move(id)),
      send_(std::move(send)),
      clock_offset_(parts.chance.between(Millis(-5'000'000), Millis(5'000'000))),
      session_(queue, id_, slots, queue == v1::QUEUE_RELAY && parts.chance.in(0.8) ? limits::kBundleMax : 0),
      wire_(parts, clouds),
      usersig_(kSdkAppId, "key", "admin"),
      im_api_(wire_, usersig_, kSdkAppId, "admin", metrics,
              {[this] { return wire_.now(); }, [this] { return parts_.now(); }}),
      im_handler_(im_api_, "customer", {[this] { return wire_.now(); }, [this] { return parts_.now(); }}),
      wechat_api_(wire_, "app", "secret", metrics, [this] { return wire_.now(); }),
      tokens_([this](bool force, Timestamp deadline) { return wechat_api_.fetch_token(force, deadline); },
              [this] { return wire_.now(); }),
      wechat_handler_(wechat_api_, tokens_) {}

void WorkerHost::begin() {
  parts_.note([this] { return id_.value + " starts"; });
  tick();
}

void WorkerHost::later(Millis delay, std::function<void()> what) {
  parts_.agenda.in(delay, [self = weak_from_this(), what = std::move(what)] {
    const auto host = self.lock();
    if (!host || !host->alive_) return;
    const auto frozen = host->frozen_until_ - host->parts_.now();
    if (frozen > Millis(0)) return host->later(frozen, what);
    what();
  });
}

void WorkerHost::receive(v1::ToWorker message) {
  later(Millis(0), [this, message = mutated(std::move(message))] {
    work::Session::Work work;
    session_.receive(message, clock(), work);
    carry_out(work);
    plan_tick();
  });
}

// --- its loop ---

void WorkerHost::tick() {
  work::Session::Work work;
  session_.tick(clock(), work);
  carry_out(work);
  if (leave_by_) try_to_leave();
  if (alive_) plan_tick();
}

void WorkerHost::plan_tick() {
  const auto at = parts_.now() + std::clamp(session_.next_tick() - clock(), Millis(1), Millis(limits::kPing));
  if (next_tick_ && *next_tick_ > parts_.now() && *next_tick_ <= at) return;
  next_tick_ = at;
  later(at - parts_.now(), [this, at] {
    if (next_tick_ != at) return;
    next_tick_.reset();
    tick();
  });
}

void WorkerHost::carry_out(work::Session::Work& work) {
  for (auto& message : work.messages) {
    if (!send_(std::move(message))) session_.not_sent(clock());
  }
  for (const auto& group : work.start) start(group);
}

// --- work ---

// The calls are made at once, somewhere in the time that the handler has.
void WorkerHost::start(const work::Session::Group& group) {
  for (const auto& delivery : group) parts_.ledger.started(id_, delivery);
  auto& chance = parts_.chance;
  const auto luck = chance.uniform();
  const auto before_calls = luck < 0.85   ? chance.between(Millis(0), Millis(30))
                            : luck < 0.95 ? chance.between(Millis(30), Millis(2000))
                                          : chance.between(Millis(2000), Millis(limits::kHandlerBudget));
  const auto deadline = clock() + limits::kHandlerBudget;
  later(before_calls, [this, group, deadline] { run(group, deadline); });
}

void WorkerHost::run(const work::Session::Group& group, Timestamp deadline) {
  const auto began = clock();
  const bool dies = std::exchange(dies_in_next_call_, false);
  wire_.begin(group, began, dies ? std::optional(static_cast<int>(parts_.chance.pick(1, 3))) : std::nullopt);
  std::vector<work::Outcome> outcomes;
  try {
    outcomes = handle(group, deadline);
  } catch (const WorkerKilled&) {
    return kill();
  }
  auto takes = wire_.now() - began;
  const auto left = deadline - clock() - takes;
  if (left > Millis(1) && parts_.chance.in(0.05)) takes += parts_.chance.between(Millis(0), left);
  later(takes, [this, group, outcomes] {
    for (std::size_t i = 0; i < group.size(); ++i) finish(group[i], outcomes[i]);
  });
}

std::vector<work::Outcome> WorkerHost::handle(const work::Session::Group& group, Timestamp deadline) {
  if (parts_.mutation == Mutation::lose_quietly && parts_.chance.in(0.02))
    return std::vector<work::Outcome>(group.size(), work::done());
  if (queue_ == v1::QUEUE_NOTIFIER) return {wechat_handler_.handle(group.front(), deadline)};
  if (group.size() == 1) return {im_handler_.handle(group.front(), deadline)};
  return im_handler_.handle_together(group, deadline);
}

void WorkerHost::finish(const v1::Delivery& delivery, const work::Outcome& outcome) {
  parts_.note([&] {
    return id_.value + " ends event " + std::to_string(delivery.event().id()) + " as " +
           v1::Outcome_Name(outcome.kind) + (outcome.unsure ? " (unsure)" : "") + " " + outcome.reason;
  });
  parts_.ledger.ended(id_, delivery.event().id());
  work::Session::Work work;
  session_.finished(delivery, outcome, clock(), work);
  carry_out(work);
  plan_tick();
  if (leave_by_) try_to_leave();
}

// --- fate ---

void WorkerHost::kill() {
  if (!alive_) return;
  ++parts_.ledger.figures.worker_crashes;
  parts_.note([this] { return id_.value + " is killed"; });
  alive_ = false;
  parts_.ledger.vanished(id_);
}

// What it runs may go on afterwards, as far as its deadline lets it.
void WorkerHost::freeze(Timestamp until) {
  ++parts_.ledger.figures.freezes;
  parts_.note(
      [&] { return id_.value + " is frozen for " + std::to_string((until - parts_.now()).count()) + " ms"; });
  frozen_until_ = until;
  parts_.ledger.vanished(id_);
}

void WorkerHost::leave() {
  if (leave_by_) return;
  parts_.note([this] { return id_.value + " is asked to leave"; });
  session_.drain();
  leave_by_ = clock() + limits::kDrain;
  later(Millis(0), [this] { tick(); });
}

// As Worker does.
void WorkerHost::try_to_leave() {
  if (session_.running_nothing()) leave_by_ = std::min(*leave_by_, clock() + kLastWords);
  if (!session_.holds_nothing() && clock() < *leave_by_) return;
  if (session_.holds_nothing()) {
    v1::FromWorker bye;
    bye.mutable_bye();
    send_(std::move(bye));
  }
  parts_.note([this] { return id_.value + " leaves"; });
  alive_ = false;
  parts_.ledger.vanished(id_);
}

v1::ToWorker WorkerHost::mutated(v1::ToWorker message) const {
  if (message.has_delivery()) mutate(*message.mutable_delivery());
  if (message.has_bundle()) {
    for (auto& delivery : *message.mutable_bundle()->mutable_deliveries()) mutate(delivery);
  }
  return message;
}

void WorkerHost::mutate(v1::Delivery& delivery) const {
  switch (parts_.mutation) {
    case Mutation::late_start:
      delivery.set_start_by_ms(std::numeric_limits<std::int64_t>::max());
      break;
    case Mutation::fresh_random: {
      if (!delivery.event().has_customer_message()) break;
      auto& text = *delivery.mutable_event()->mutable_customer_message();
      text.set_msg_random(text.msg_random() ^ static_cast<std::uint32_t>(delivery.lease()));
      break;
    }
    case Mutation::forget_progress:
      delivery.set_progress(0);
      break;
    case Mutation::forget_doubt:
      delivery.set_unsure_for_ms(0);
      break;
    default:
      break;
  }
}

}  // namespace kefu::simulation
