#include "lib/work/session.h"

#include <algorithm>
#include <utility>

#include "lib/base/limits.h"

namespace kefu::work {
namespace {

constexpr Millis kVerdictAgain{1000};
constexpr Millis kRefusedPause{5000};
constexpr Millis kSendAgain{100};

v1::Verdict verdict_of(const v1::Delivery& delivery, v1::Outcome outcome) {
  v1::Verdict verdict;
  verdict.set_event_id(delivery.event().id());
  verdict.set_lease(delivery.lease());
  verdict.set_outcome(outcome);
  verdict.set_progress(delivery.progress());
  return verdict;
}

}  // namespace

Session::Session(v1::Queue queue, WorkerId worker, std::uint32_t slots, std::uint32_t bundle,
                 Abilities abilities)
    : queue_(queue), worker_(std::move(worker)), slots_(slots), bundle_(bundle), abilities_(abilities) {}

void Session::receive(const v1::ToWorker& message, Timestamp now, Work& work) {
  heard_at_ = now;
  switch (message.message_case()) {
    case v1::ToWorker::kWelcome:
      take(message.welcome(), now);
      break;
    case v1::ToWorker::kRefused:
      refusal_ = message.refused().reason();
      welcomed_ = false;
      next_sign_of_life_ = now + kRefusedPause;
      break;
    case v1::ToWorker::kDelivery:
      take(message.delivery(), now, work);
      break;
    case v1::ToWorker::kBundle:
      take(message.bundle(), bundle_, now, work);
      break;
    case v1::ToWorker::kRecorded:
      for (const auto lease : message.recorded().leases()) {
        std::erase_if(unrecorded_,
                      [lease](const auto& entry) { return entry.second.verdict.lease() == lease; });
      }
      break;
    case v1::ToWorker::kTyping:
      if (abilities_.typing && !draining_) work.typing.push_back(message.typing());
      break;
    default:
      break;  // of a newer gateway
  }
}

void Session::take(const v1::Welcome& welcome, Timestamp now) {
  if (!welcome.known()) {  // it does not know us: restarted, or it had given us up
    welcomed_ = false;
    next_sign_of_life_ = now;
    return;
  }
  refusal_.clear();
  welcomed_ = true;
  if (journal_ != welcome.journal()) {  // another memory: its events are not those we know by the same ids
    running_.clear();
    groups_.clear();
    unrecorded_.clear();
    successes_.clear();
    success_order_.clear();
    journal_ = welcome.journal();
  }
  epoch_ = welcome.epoch();
  gateway_at_ = {welcome.gateway_at_ms()};
  asked_at_ = {welcome.sent_at_ms()};
  for (auto& [event, unrecorded] : unrecorded_)
    unrecorded.sent_at = std::min(unrecorded.sent_at, now - kVerdictAgain);
  if (!unrecorded_.empty()) next_sign_of_life_ = std::min(next_sign_of_life_, now + kVerdictAgain);
}

void Session::take(const v1::Delivery& delivery, Timestamp now, Work& work) {
  v1::Bundle alone;
  *alone.add_deliveries() = delivery;
  take(alone, 1, now, work);
}

void Session::take(const v1::Bundle& bundle, std::size_t most, Timestamp now, Work& work) {
  Group group;
  const auto number = ++groups_started_;
  for (const auto& delivery : bundle.deliveries()) {
    if (settled_here(delivery, now, work)) continue;
    const bool slot = groups_.contains(number) || groups_.size() < slots_;
    if (!slot || group.size() >= most || draining_ || is_stale(delivery, now)) {
      say(verdict_of(delivery, v1::OUTCOME_RETURNED), now, work);
      continue;
    }
    ++groups_[number];
    running_[delivery.event().id()] = {delivery.lease(), delivery.lease(), number};
    group.push_back(delivery);
  }
  if (!group.empty()) work.start.push_back(std::move(group));
}

bool Session::settled_here(const v1::Delivery& delivery, Timestamp now, Work& work) {
  const auto event = delivery.event().id();
  if (const auto running = running_.find(event); running != running_.end()) {
    running->second.lease = delivery.lease();  // one run, the verdict will answer the newest delivery
    return true;
  }
  if (const auto known = unrecorded_.find(event); known != unrecorded_.end()) {
    const auto outcome = known->second.verdict.outcome();
    if (outcome == v1::OUTCOME_DONE || outcome == v1::OUTCOME_DEAD) {
      auto verdict = known->second.verdict;
      verdict.set_lease(delivery.lease());
      say(std::move(verdict), now, work);
      return true;
    }
    unrecorded_.erase(known);  // the gateway asks for another try
  }
  if (const auto success = successes_.find(event); success != successes_.end()) {
    auto verdict = verdict_of(delivery, v1::OUTCOME_DONE);
    verdict.set_progress(success->second);
    say(std::move(verdict), now, work);
    return true;
  }
  return false;
}

// Of a gateway's run that is over, or too late to be finished in time.
bool Session::is_stale(const v1::Delivery& delivery, Timestamp now) const {
  return !welcomed_ || delivery.epoch() != epoch_ ||
         gateway_clock_at_most(now) > Timestamp{delivery.start_by_ms()};
}

void Session::leave_group(std::uint64_t number) {
  if (const auto left = groups_.find(number); --left->second == 0) groups_.erase(left);
}

void Session::finished(const v1::Delivery& delivery, const Outcome& outcome, Timestamp now, Work& work) {
  const auto running = running_.find(delivery.event().id());
  if (running == running_.end() || running->second.started_as != delivery.lease())
    return;  // of another journal
  auto verdict = verdict_of(delivery, outcome.kind);
  verdict.set_lease(running->second.lease);
  verdict.set_reason(outcome.reason);
  verdict.set_unsure(outcome.unsure);
  verdict.set_after_ms(outcome.after.count());
  verdict.set_progress(std::max(outcome.progress, delivery.progress()));
  verdict.set_code(outcome.code);
  verdict.set_failure(outcome.failure);
  verdict.set_left_out(outcome.left_out);
  verdict.mutable_found()->Add(outcome.found.begin(), outcome.found.end());
  verdict.mutable_presence()->Add(outcome.presence.begin(), outcome.presence.end());
  if (outcome.account != v1::AccountChange::KIND_UNSPECIFIED) {
    verdict.mutable_account()->set_kind(outcome.account);
    verdict.mutable_account()->set_im_user(delivery.im_user());
  }
  leave_group(running->second.group);
  running_.erase(running);
  if (outcome.kind == v1::OUTCOME_DONE) {
    remember_success(delivery.event().id());
    successes_[delivery.event().id()] = verdict.progress();
  }
  say(std::move(verdict), now, work);
}

void Session::remember_success(std::uint64_t event) {
  success_order_.push_back(event);
  if (success_order_.size() > kSuccessesKept) {
    successes_.erase(success_order_.front());
    success_order_.pop_front();
  }
}

void Session::say(v1::Verdict verdict, Timestamp now, Work& work) {
  auto& unrecorded = unrecorded_[verdict.event_id()];
  unrecorded.verdict = std::move(verdict);
  unrecorded.sent_at = now;
  if (!welcomed_) return;  // after the next welcome
  v1::FromWorker message;
  *message.mutable_verdict() = unrecorded.verdict;
  work.messages.push_back(std::move(message));
}

void Session::tick(Timestamp now, Work& work) {
  if (now < next_sign_of_life_) return;
  next_sign_of_life_ = now + limits::kPing;
  work.messages.push_back(welcomed_ ? ping(now) : hello(now));
  if (!welcomed_) return;
  for (auto& [event, unrecorded] : unrecorded_) {
    if (now - unrecorded.sent_at < kVerdictAgain) continue;
    unrecorded.sent_at = now;
    v1::FromWorker message;
    *message.mutable_verdict() = unrecorded.verdict;
    work.messages.push_back(std::move(message));
  }
}

void Session::not_sent(Timestamp now) {
  next_sign_of_life_ = std::min(next_sign_of_life_, now + kSendAgain);
  for (auto& [event, unrecorded] : unrecorded_)
    unrecorded.sent_at = std::min(unrecorded.sent_at, now - kVerdictAgain);
}

void Session::set_slots(std::uint32_t slots) {
  if (slots == slots_) return;
  slots_ = slots;
  welcomed_ = false;
  next_sign_of_life_ = {};
}

void Session::drain() {
  draining_ = true;
  next_sign_of_life_ = {};
}

bool Session::connected(Timestamp now) const {
  return welcomed_ && now - heard_at_ < limits::kWorkerLostAfter;
}

v1::FromWorker Session::hello(Timestamp now) const {
  v1::FromWorker message;
  auto& hello = *message.mutable_hello();
  hello.set_protocol(limits::kProtocolVersion);
  hello.set_worker_id(worker_.value);
  hello.set_queue(queue_);
  hello.set_slots(slots_);
  hello.set_bundle(bundle_);
  hello.set_sweeps(abilities_.sweeps);
  hello.set_typing(abilities_.typing);
  hello.set_presence(abilities_.presence);
  hello.set_version(KEFU_VERSION);
  hello.set_sent_at_ms(now.ms);
  hello.set_journal(journal_);
  list_held(*hello.mutable_held());
  return message;
}

v1::FromWorker Session::ping(Timestamp now) const {
  v1::FromWorker message;
  auto& ping = *message.mutable_ping();
  ping.set_draining(draining_);
  ping.set_sent_at_ms(now.ms);
  list_held(*ping.mutable_held());
  return message;
}

// What runs, and what has a verdict that is not on the gateway's disk yet: both are ours.
void Session::list_held(google::protobuf::RepeatedPtrField<v1::Held>& held) const {
  const auto add = [&held](std::uint64_t event, std::uint64_t lease, bool ended) {
    auto& one = *held.Add();
    one.set_event_id(event);
    one.set_lease(lease);
    one.set_ended(ended);
  };
  for (const auto& [event, running] : running_) add(event, running.lease, false);
  for (const auto& [event, unrecorded] : unrecorded_) add(event, unrecorded.verdict.lease(), true);
}

Timestamp Session::gateway_clock_at_most(Timestamp now) const {
  return gateway_at_ + (now - asked_at_);
}

}  // namespace kefu::work
