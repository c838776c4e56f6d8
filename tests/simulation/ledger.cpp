#include "tests/simulation/ledger.h"

#include <algorithm>
#include <utility>

namespace kefu::simulation {
namespace {

std::string hex(std::uint32_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (int shift = 28; shift >= 0; shift -= 4) out += kDigits[(value >> shift) & 15];
  return out;
}

OpenId customer_of(const Submission& submission, Journal& journal) {
  if (const auto* push = std::get_if<CustomerPush>(&submission)) return push->customer;
  if (const auto* push = std::get_if<AgentPush>(&submission)) {
    if (const auto customer = journal.customer_of(push->to)) return customer->openid;
  }
  return {};
}

}  // namespace

Figures& Figures::operator+=(const Figures& o) {
  pushes += o.pushes, duplicates += o.duplicates, events += o.events, done += o.done, dead += o.dead;
  parked += o.parked, retries += o.retries, replays += o.replays, handouts += o.handouts, calls += o.calls;
  faults += o.faults, unsure += o.unsure, gateway_crashes += o.gateway_crashes;
  worker_crashes += o.worker_crashes, frames += o.frames, frames_lost += o.frames_lost;
  frames_doubled += o.frames_doubled, cuts += o.cuts, freezes += o.freezes, disk_troubles += o.disk_troubles;
  closings += o.closings;
  im_doubles += o.im_doubles, wechat_repeats += o.wechat_repeats, virtual_seconds += o.virtual_seconds;
  return *this;
}

std::string Figures::text() const {
  const auto say = [](std::uint64_t count, const char* what) { return std::to_string(count) + " " + what; };
  return say(pushes, "pushes, ") + say(duplicates, "of them duplicates; ") + say(events, "events: ") +
         say(done, "done, ") + say(dead, "dead; ") + say(handouts, "deliveries, ") +
         say(retries, "retries, ") + say(parked, "parked, ") + say(replays, "replays\n") +
         say(calls, "calls of clouds, ") + say(faults, "of them failed, ") +
         say(unsure, "with unknown outcome; ") + say(gateway_crashes, "gateway crashes, ") +
         say(worker_crashes, "worker crashes, ") + say(disk_troubles, "disk troubles\n") +
         say(frames, "frames, ") + say(frames_lost, "lost, ") + say(frames_doubled, "doubled; ") +
         say(cuts, "cut links, ") + say(freezes, "frozen workers; ") +
         say(closings, "times a queue closed; ") + say(virtual_seconds / 3600, "hours of virtual time\n") +
         "visible twice: " + say(im_doubles, "at IM (the account was deleted between), ") +
         say(wechat_repeats, "at WeChat (after an unknown outcome)");
}

const DedupKey& key_of(const Submission& submission) {
  if (const auto* push = std::get_if<CustomerPush>(&submission)) return push->key;
  if (const auto* push = std::get_if<AgentPush>(&submission)) return push->key;
  static const DedupKey kNone{};
  return kNone;
}

void Ledger::complain(std::string what) {
  if (!complaint_) complaint_ = std::move(what);
}

const std::string& Ledger::text_of(const v1::Event& event) {
  return event.has_agent_message() ? event.agent_message().text() : event.customer_message().text();
}

std::string Ledger::name(const v1::Event& event) const {
  return "event " + std::to_string(event.id()) + " of " + event.customer() + " in " +
         (event.queue() == v1::QUEUE_RELAY ? "relay" : "notifier");
}

Ledger::Known& Ledger::know(const v1::Event& event) {
  const auto [at, fresh] = events_.try_emplace(event.id());
  if (fresh) {
    ++figures.events;
    at->second.event = event;
    open_[lane_of(event)].insert(event.id());
  }
  return at->second;
}

Ledger::Known* Ledger::known(std::uint64_t event) {
  const auto at = events_.find(event);
  if (at != events_.end()) return &at->second;
  complain("event " + std::to_string(event) + " is not among the accepted ones");
  return nullptr;
}

// --- the gateway ---

void Ledger::committed(const Submission& submission, const Receipt& receipt, Journal& journal) {
  if (receipt.kind == Receipt::Kind::ignored || receipt.kind == Receipt::Kind::refused) return;
  const auto& key = key_of(submission);
  const auto at = promised_.find(key);
  if (at != promised_.end()) {
    ++figures.duplicates;
    if (at->second.has_event && receipt.kind == Receipt::Kind::stored)
      complain("a duplicate push was stored as a second event");
    if (receipt.reply != at->second.reply) complain("a duplicate push got another answer than the first");
    return;
  }
  Promise promise{receipt.reply, false, false, customer_of(submission, journal)};
  promise.has_event = journal.find(promise.customer, key).has_value();
  promised_[key] = promise;
}

void Ledger::answered(const Submission& submission, const Receipt& receipt) {
  if (receipt.kind == Receipt::Kind::ignored || receipt.kind == Receipt::Kind::refused) return;
  const auto at = promised_.find(key_of(submission));
  if (at == promised_.end()) {
    complain("a push was answered with success before it was committed");
    return;
  }
  at->second.told = true;
}

void Ledger::stepped(const Step& step) {
  if (step.name == "accepted") {
    if (events_.contains(step.event.id())) complain(name(step.event) + " was accepted twice");
    know(step.event);
    return;
  }
  // An event whose text an operator has dropped is told as it was.
  auto& known = know(step.event);
  const bool is_done = step.name == "done";
  const bool is_dead = step.name == "dead";
  if (known.state == State::done) complain(name(step.event) + ": " + std::string(step.name) + " after done");
  if (known.state == State::dead && step.name != "replayed")
    complain(name(step.event) + ": " + std::string(step.name) + " after dead");
  if (step.name == "retry") ++figures.retries;
  if (step.name == "parked") ++figures.parked;
  if (is_dead && step.error.empty()) complain(name(step.event) + " is dead without a reason");
  if (is_dead) known.may_be_late = true;
  known.state = is_done ? State::done : is_dead ? State::dead : State::open;
  auto& open = open_[lane_of(step.event)];
  if (known.state == State::open) {
    open.insert(step.event.id());
  } else {
    open.erase(step.event.id());
    ended_now_.insert(step.event.id());
  }
}

// All steps of the turn are told: it may have ended and been replayed in one.
void Ledger::steps_told(Journal& journal) {
  for (const auto id : std::exchange(ended_now_, {})) {
    const auto& known = events_.at(id);
    const auto stored = journal.event(EventId{id});
    const bool ended = stored && (stored->state == queue::State::done || stored->state == queue::State::dead);
    if (known.state != State::open && !ended)
      complain(name(known.event) + " has ended, but not in the journal");
  }
}

void Ledger::handed_out(const v1::Delivery& delivery) {
  ++figures.handouts;
  handed_out_at_[{delivery.event().queue(), delivery.lease()}] = turn_;
  const auto id = delivery.event().id();
  const auto* event = known(id);
  if (!event) return;
  if (event->state != State::open) complain(name(delivery.event()) + " is handed out though it has ended");
  for (const auto earlier : open_[lane_of(delivery.event())]) {
    if (earlier >= id) break;
    if (!events_.at(earlier).may_be_late)
      complain(name(delivery.event()) + " is handed out before event " + std::to_string(earlier));
  }
}

void Ledger::recorded(v1::Queue queue, const v1::Recorded& recorded) {
  for (const auto lease : recorded.leases()) recorded_at_.try_emplace({queue, lease}, turn_);
}

void Ledger::turn_over(const Dispatcher& dispatcher) {
  ++turn_;
  for (const auto which : {v1::QUEUE_RELAY, v1::QUEUE_NOTIFIER}) {
    std::set<std::string> busy;
    for (const auto event : dispatcher.queue(which).in_state(queue::State::in_flight)) {
      const auto at = events_.find(event.value);
      if (at == events_.end()) continue;
      if (!busy.insert(at->second.event.customer()).second)
        complain("two events of " + at->second.event.customer() + " are in flight");
      if (at->second.state != State::open)
        complain(name(at->second.event) + " is in flight though it has ended");
    }
  }
}

// The gateway may have died between its commit and its telling: what the journal knows more, counts.
void Ledger::restarted(Journal& journal) {
  ++turn_;
  check_promises(journal);
  journal.each_unfinished([&](v1::Queue, const queue::Remembered& event) {
    if (events_.contains(event.event.value)) return;
    if (const auto stored = journal.event(event.event)) know(stored->event);
  });
  for (auto& [id, known] : events_) {
    const auto stored = journal.event(EventId{id});
    if (!stored) {
      complain(name(known.event) + " is lost: it was committed and is not in the journal");
      continue;
    }
    const auto now = stored->state == queue::State::done   ? State::done
                     : stored->state == queue::State::dead ? State::dead
                                                           : State::open;
    if (known.dropped) continue;
    if (known.state == State::done && now != State::done)
      complain(name(known.event) + " was done and is not after a restart");
    if (now == State::dead) known.may_be_late = true;
    known.state = now;
    auto& open = open_[lane_of(known.event)];
    if (now == State::open) {
      open.insert(id);
    } else {
      open.erase(id);
    }
  }
}

void Ledger::check_promises(Journal& journal) {
  for (const auto& [key, promise] : promised_) {
    if (!promise.has_event) continue;
    const auto found = journal.find(promise.customer, key);
    if (!found) {
      complain("a push was answered with success and is not in the journal");
    } else if (found->reply != promise.reply) {
      complain("the journal remembers another answer to a push than was given");
    }
  }
}

void Ledger::replayed(EventId event) {
  ++figures.replays;
  if (auto* known = this->known(event.value)) known->may_be_late = true;
}

void Ledger::dropped(EventId event) {
  auto* known = this->known(event.value);
  if (!known) return;
  known->may_be_late = known->dropped = true;
}

// --- workers ---

void Ledger::started(const WorkerId& worker, const v1::Delivery& delivery) {
  auto& lane = running_[lane_of(delivery.event())];
  for (const auto& [event, workers] : lane) {
    if (event == delivery.event().id()) continue;
    complain(name(delivery.event()) + " is started at " + worker.value + " while event " +
             std::to_string(event) + " runs at " + workers.begin()->value);
  }
  lane[delivery.event().id()].insert(worker);
}

void Ledger::ended(const WorkerId& worker, std::uint64_t event) {
  for (auto& [key, lane] : running_) {
    const auto at = lane.find(event);
    if (at == lane.end()) continue;
    at->second.erase(worker);
    if (at->second.empty()) lane.erase(at);
  }
}

void Ledger::vanished(const WorkerId& worker) {
  for (auto& [key, lane] : running_) {
    for (auto& [event, workers] : lane) workers.erase(worker);
    std::erase_if(lane, [](const auto& entry) { return entry.second.empty(); });
  }
}

// --- clouds ---

void Ledger::acted(const v1::Delivery& delivery) {
  if (delivery.event().has_unfollow()) deleted_accounts_.insert(delivery.im_user());
  if (auto* event = known(delivery.event().id())) event->acted = true;
}

void Ledger::sent(const v1::Delivery& delivery, const Message& message, bool shown, bool sure,
                  Timestamp now) {
  auto* event = known(delivery.event().id());
  if (!event) return;
  const auto offset = text_of(event->event).find(message.text);
  if (message.text.empty() || offset == std::string::npos) {
    complain(name(event->event) + ": the cloud got a text that is not the event's");
    return;
  }
  const auto [at, first] = event->parts.try_emplace(offset);
  auto& part = at->second;
  if (first) part.first = message;
  const bool same = part.first.msg_seq == message.msg_seq && part.first.msg_random == message.msg_random &&
                    part.first.text == message.text;
  if (!same) {
    complain(name(event->event) + ": two attempts of one send differ: MsgSeq " +
             std::to_string(part.first.msg_seq) + " and " + std::to_string(message.msg_seq) + ", MsgRandom " +
             hex(part.first.msg_random) + " and " + hex(message.msg_random));
  }
  if (shown) see(*event, part, offset, delivery, message, sure, now);
}

void Ledger::see(Known& known, Part& part, std::size_t offset, const v1::Delivery& delivery,
                 const Message& message, bool sure, Timestamp now) {
  if (part.seen++ == 0) {
    const std::pair here{delivery.event().id(), offset};
    auto& last = last_seen_[lane_of(known.event)];
    if (here < last && !known.may_be_late) {
      complain(name(known.event) + " reaches its reader after event " + std::to_string(last.first));
    }
    last = std::max(last, here);
  } else if (known.event.queue() == v1::QUEUE_RELAY) {
    check_im_double(known, part, message, now);
  } else {
    check_wechat_repeat(known, part, delivery);
  }
  part.seen_at = now;
  part.shown_by.push_back({delivery.lease(), sure});
}

// IM knows a repeat by its sender too, and the sender is another one when the account was deleted meanwhile:
// by an unfollow that an operator has replayed, or before an operator replayed the message.
void Ledger::check_im_double(const Known& known, const Part& part, const Message& message, Timestamp now) {
  ++figures.im_doubles;
  if (part.first.from != message.from && deleted_accounts_.contains(part.first.from)) return;
  complain(name(known.event) + " is visible twice at the agent, " +
           std::to_string((now - part.seen_at).count()) + " ms apart");
}

// Only when the gateway could not know, when it handed this delivery out, that the part had arrived. What an
// operator has dropped as dead and replayed is sent again on their word.
void Ledger::check_wechat_repeat(const Known& known, const Part& part, const v1::Delivery& delivery) {
  ++figures.wechat_repeats;
  if (known.may_be_late) return;
  const auto queue = known.event.queue();
  for (const auto& call : part.shown_by) {
    const auto recorded = recorded_at_.find({queue, call.lease});
    const bool told =
        recorded != recorded_at_.end() && recorded->second <= handed_out_at_[{queue, delivery.lease()}];
    if (call.sure && (told || call.lease == delivery.lease()))
      complain(name(known.event) +
               " is sent to the customer again though the gateway knew that it had arrived");
  }
}

// --- the end ---

std::vector<EventId> Ledger::unfinished() const {
  std::vector<EventId> found;
  for (const auto& [lane, events] : open_) {
    for (const auto event : events) found.push_back(EventId{event});
  }
  return found;
}

void Ledger::close(Journal& journal) {
  check_promises(journal);
  for (const auto& [id, known] : events_) close_one(known, journal);
}

void Ledger::close_one(const Known& known, Journal& journal) {
  const auto stored = journal.event(EventId{known.event.id()});
  if (!stored) return complain(name(known.event) + " is lost");
  if (known.dropped) return;
  if (stored->state == queue::State::dead) {
    ++figures.dead;
    if (stored->error.empty()) complain(name(known.event) + " is dead without a reason");
    return;
  }
  if (stored->state != queue::State::done)
    return complain(name(known.event) + " has not ended though all is calm: " +
                    std::string(queue::name(stored->state)) + ", " + stored->error);
  ++figures.done;
  const bool is_message = known.event.has_customer_message() || known.event.has_agent_message();
  if (!is_message) {
    if (!known.acted) complain(name(known.event) + " is done, but the cloud knows nothing of it");
    return;
  }
  std::size_t arrived = 0;
  for (const auto& [offset, part] : known.parts) arrived += part.seen > 0 ? part.first.text.size() : 0;
  if (arrived != text_of(known.event).size())
    complain(name(known.event) + " is done, but only " + std::to_string(arrived) + " of its " +
             std::to_string(text_of(known.event).size()) + " bytes were ever seen");
}

}  // namespace kefu::simulation
