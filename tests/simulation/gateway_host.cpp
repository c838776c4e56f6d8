#include "tests/simulation/gateway_host.h"

#include <algorithm>

#include "lib/base/digest.h"

namespace kefu::simulation {
namespace {

constexpr Millis kLongestWait{1000};   // as in QueueLoop
constexpr Millis kTryDiskAgain{1000};  // as in QueueLoop

std::string describe(const Step& step) {
  return "event " + std::to_string(step.event.id()) + " of " + step.event.customer() + " " +
         std::string(step.name) + (step.attempt ? ", attempt " + std::to_string(step.attempt) : "") +
         (step.error.empty() ? "" : ": " + step.error);
}

// Run and number.
std::string short_lease(std::uint64_t lease) {
  return std::to_string(lease >> 32) + "." + std::to_string(lease & 0xffffffff);
}

v1::Queue queue_of(const std::string& route) {
  return route.starts_with("relay") ? v1::QUEUE_RELAY : v1::QUEUE_NOTIFIER;
}

}  // namespace

GatewayHost::GatewayHost(Parts& parts, DispatcherOptions options, OpenJournal open_journal, Send send)
    : parts_(parts),
      options_(std::move(options)),
      open_journal_(std::move(open_journal)),
      send_(std::move(send)) {}

// --- from outside ---

void GatewayHost::submit(Submission submission, Told told) {
  if (!up_) return told(std::nullopt);
  if (!dispatcher_) return told(Receipt{});  // the mailbox is closed: 503
  letters_.push_back({std::move(submission), std::move(told)});
  poke(Millis(0));
}

void GatewayHost::receive(const std::string& route, v1::FromWorker message) {
  if (!dispatcher_) return;
  if (message.has_verdict()) {
    parts_.note([&] {
      const auto& verdict = message.verdict();
      return "the gateway hears of event " + std::to_string(verdict.event_id()) + ", lease " +
             short_lease(verdict.lease()) + ": " + v1::Outcome_Name(verdict.outcome());
    });
  }
  if (message.has_hello()) {
    parts_.note([&] { return "the gateway hears a hello of " + message.hello().worker_id(); });
  }
  frames_.emplace_back(route, std::move(message));
  poke(Millis(0));
}

void GatewayHost::operate(std::function<void(Dispatcher&, Journal&)> what) {
  if (!dispatcher_) return;
  operations_.push_back(std::move(what));
  poke(Millis(0));
}

// --- fate ---

void GatewayHost::start() {
  up_ = true;
  ++life_;
  parts_.note([] { return "the gateway starts"; });
  remember();
}

void GatewayHost::remember() {
  if (disk_broken()) {
    parts_.agenda.in(kTryDiskAgain, [this, life = life_] {
      if (life == life_) remember();
    });
    return;
  }
  journal_ = open_journal_();
  if (parts_.mutation == Mutation::no_quiet) {
    for (const auto which : {v1::QUEUE_RELAY, v1::QUEUE_NOTIFIER}) {
      for (const auto& worker : journal_->workers(which)) journal_->worker_went(which, worker);
    }
  }
  dispatcher_ = std::make_unique<Dispatcher>(
      options_, *journal_, [this] { return parts_.chance.uniform(); }, parts_.now());
  parts_.ledger.restarted(*journal_);
  poke(Millis(0));
}

void GatewayHost::lose_memory() {
  dispatcher_.reset();
  journal_.reset();
  frames_.clear();
  operations_.clear();
  next_turn_.reset();
  busy_ = false;
  crash_at_.reset();
}

void GatewayHost::crash() {
  if (!up_) return;
  ++parts_.ledger.figures.gateway_crashes;
  parts_.note([] { return "the gateway is killed"; });
  up_ = false;
  ++life_;
  lose_memory();
  for (auto& letter : std::exchange(letters_, {})) letter.told(std::nullopt);
}

bool GatewayHost::dies(CrashPoint here) {
  if (crash_at_ != here) return false;
  crash();
  return true;
}

// --- a turn ---

void GatewayHost::poke(Millis delay) {
  const auto at = parts_.now() + delay;
  if (!dispatcher_ || busy_ || (next_turn_ && *next_turn_ <= at)) return;
  next_turn_ = at;
  parts_.agenda.at(at, [this, at, life = life_] {
    if (life == life_ && next_turn_ == at) turn();
  });
}

void GatewayHost::turn() {
  next_turn_.reset();
  if (!dispatcher_ || busy_ || dies(CrashPoint::between_turns)) return;
  auto turn = std::make_shared<Turn>();
  turn->letters.assign(std::make_move_iterator(letters_.begin()), std::make_move_iterator(letters_.end()));
  letters_.clear();
  if (!take_in(*turn)) return;
  const auto finish = [this, turn] {
    busy_ = false;
    tell(*turn);
    if (dispatcher_) send_out();
    if (dispatcher_) plan_next_turn();
  };
  const bool slow = parts_.now() < disk_slow_until_;
  if (!slow) return finish();
  busy_ = true;
  parts_.agenda.in(parts_.chance.between(Millis(1), Millis(1500)), [this, turn, finish, life = life_] {
    if (life == life_ && dispatcher_) return finish();
    for (auto& letter : turn->letters) letter.told(std::nullopt);
  });
}

bool GatewayHost::take_in(Turn& turn) {
  const auto now = parts_.now();
  try {
    for (const auto& letter : turn.letters) turn.receipts.push_back(accept(letter.submission));
    for (const auto& [route, message] : std::exchange(frames_, {}))
      dispatcher_->receive(route, mutated(message), now);
    for (const auto& what : std::exchange(operations_, {})) what(*dispatcher_, *journal_);
    dispatcher_->tick(now);
    if (parts_.mutation == Mutation::answer_before_commit) answer_too_early(turn);
    if (!dispatcher_) return false;
    if (dies(CrashPoint::before_commit)) {
      for (auto& letter : turn.letters) letter.told(std::nullopt);
      return false;
    }
    if (disk_broken()) throw JournalError("the disk is full");
    dispatcher_->commit(now);
  } catch (const JournalError& error) {
    parts_.note([&] { return std::string("the journal cannot be written: ") + error.what(); });
    disk_failed(turn);
    return false;
  }
  for (std::size_t i = 0; i < turn.letters.size(); ++i)
    parts_.ledger.committed(turn.letters[i].submission, turn.receipts[i], *journal_);
  read_steps();
  parts_.ledger.turn_over(*dispatcher_);
  if (!dies(CrashPoint::after_commit)) return true;
  for (auto& letter : turn.letters) letter.told(std::nullopt);
  return false;
}

void GatewayHost::disk_failed(Turn& turn) {
  ++parts_.ledger.figures.disk_troubles;
  lose_memory();
  for (auto& letter : turn.letters) letter.told(Receipt{});
  for (auto& letter : std::exchange(letters_, {})) letter.told(Receipt{});
  remember();
}

void GatewayHost::tell(Turn& turn) {
  for (std::size_t i = 0; i < turn.letters.size(); ++i) {
    if (i == turn.letters.size() / 2 && dies(CrashPoint::amid_answers)) {
      for (; i < turn.letters.size(); ++i) turn.letters[i].told(std::nullopt);
      break;
    }
    parts_.ledger.answered(turn.letters[i].submission, turn.receipts[i]);
    turn.letters[i].told(turn.receipts[i]);
  }
  turn.letters.clear();
}

void GatewayHost::send_out() {
  const auto now = parts_.now();
  for (auto& out : dispatcher_->outgoing()) {
    if (out.message.has_welcome()) out.message.mutable_welcome()->set_gateway_at_ms(now.ms);
    if (out.message.has_recorded()) {
      parts_.note([&] {
        std::string leases;
        for (const auto lease : out.message.recorded().leases()) leases += " " + short_lease(lease);
        return out.route + " is told that these are recorded:" + leases;
      });
    }
    if (out.message.has_recorded()) parts_.ledger.recorded(queue_of(out.route), out.message.recorded());
    send_(out.route, out.message);
  }
  const auto handouts = dispatcher_->handouts(now);
  for (std::size_t i = 0; i < handouts.size(); ++i) {
    if (i == handouts.size() / 2 && dies(CrashPoint::amid_handouts)) return;
    hand_out(handouts[i]);
  }
  read_steps();
  parts_.ledger.turn_over(*dispatcher_);
}

void GatewayHost::hand_out(const Outgoing& out) {
  if (out.message.has_delivery()) note_handout(out.route, out.message.delivery());
  for (const auto& delivery : out.message.bundle().deliveries()) note_handout(out.route, delivery);
  if (!send_(out.route, out.message)) dispatcher_->not_sent(out, parts_.now());
  if (parts_.mutation == Mutation::overtake && out.message.has_delivery() && parts_.chance.in(0.02))
    overtake(out.route, out.message.delivery());
}

void GatewayHost::note_handout(const std::string& route, const v1::Delivery& delivery) {
  parts_.ledger.handed_out(delivery);
  newest_lease_[delivery.event().id()] = delivery.lease();
  parts_.note([&] {
    return "event " + std::to_string(delivery.event().id()) + " goes to " + route + ", attempt " +
           std::to_string(delivery.attempt()) + ", lease " + short_lease(delivery.lease()) +
           (delivery.unsure_for_ms() > 0 ? ", unsure for " + std::to_string(delivery.unsure_for_ms()) + " ms"
                                         : "");
  });
}

void GatewayHost::plan_next_turn() {
  const auto now = parts_.now();
  auto wait = kLongestWait;
  if (const auto timer = dispatcher_->next_timer(now))
    wait = std::clamp(*timer - now, Millis(1), kLongestWait);
  poke(letters_.empty() && frames_.empty() && operations_.empty() ? wait : Millis(0));
}

void GatewayHost::read_steps() {
  for (const auto& step : dispatcher_->steps()) {
    parts_.note([&] { return describe(step); });
    const bool of_queue = step.name == "closed" || step.name == "opened";
    if (step.name == "closed") ++parts_.ledger.figures.closings;
    if (!of_queue && step.name != "delivered") parts_.ledger.stepped(step);
  }
  parts_.ledger.steps_told(*journal_);
}

// --- mutations ---

Receipt GatewayHost::accept(const Submission& submission) {
  const bool forgets = parts_.mutation == Mutation::forget_keys;
  if (!forgets || !parts_.ledger.knows(key_of(submission)))
    return dispatcher_->accept(submission, parts_.now());
  auto other = submission;
  const auto key = dedup_key({"salt", std::to_string(parts_.chance.pick(0, 1'000'000'000))});
  if (auto* push = std::get_if<CustomerPush>(&other)) push->key = key;
  if (auto* push = std::get_if<AgentPush>(&other)) push->key = key;
  return dispatcher_->accept(other, parts_.now());
}

void GatewayHost::answer_too_early(Turn& turn) {
  for (std::size_t i = 0; i < turn.letters.size(); ++i)
    parts_.ledger.committed(turn.letters[i].submission, turn.receipts[i], *journal_);
  tell(turn);
}

v1::FromWorker GatewayHost::mutated(v1::FromWorker message) const {
  if (parts_.mutation == Mutation::any_verdict && message.has_verdict()) {
    const auto newest = newest_lease_.find(message.verdict().event_id());
    if (newest != newest_lease_.end()) message.mutable_verdict()->set_lease(newest->second);
  }
  if (parts_.mutation == Mutation::silent_pings) {
    if (message.has_ping()) message.mutable_ping()->clear_held();
    if (message.has_hello()) message.mutable_hello()->clear_held();
  }
  return message;
}

// The next one of the same customer goes too.
void GatewayHost::overtake(const std::string& route, const v1::Delivery& delivery) {
  std::optional<EventId> next;
  journal_->each_unfinished([&](v1::Queue which, const queue::Remembered& event) {
    if (!next && which == delivery.event().queue() && event.customer.value == delivery.event().customer() &&
        event.event.value > delivery.event().id())
      next = event.event;
  });
  if (!next) return;
  v1::ToWorker message;
  *message.mutable_delivery() = delivery;
  *message.mutable_delivery()->mutable_event() = journal_->event(*next)->event;
  message.mutable_delivery()->set_lease(delivery.lease() + (1 << 20));
  send_(route, message);
}

}  // namespace kefu::simulation
