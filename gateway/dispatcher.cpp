#include "gateway/dispatcher.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/agent_words.h"
#include "gateway/notice.h"
#include "gateway/worker_words.h"
#include "lib/base/digest.h"
#include "lib/base/limits.h"

namespace kefu {
namespace {

// In steps that delay nobody, and still faster than events can come.
constexpr Millis kCheckFiles{1000};
constexpr Millis kNoteUsed{60'000};
// A longer stop counts as one of this length: it may be an error of the clock. Less than a minute back is
// none.
constexpr Millis kStopCounts = std::chrono::minutes(10);
constexpr Millis kBackIsNothing = std::chrono::minutes(1);
// After it nothing is forgotten for so long: the keys that are old by a wrong clock are needed yet.
constexpr Millis kForgetAfterJump = std::chrono::hours(1);
constexpr Millis kForgetMore{100};
constexpr Millis kForgetAgain{60'000};
constexpr const char* kWithdrawn = "dropped by an operator";
constexpr const char* kRecalled = "recalled by the agent";
constexpr const char* kDeliveredLate = "delivered, as its worker said after it had been given up";
constexpr const char* kDamaged =
    "damaged: the journal cannot read its content; check the disk, look at its bytes with \"kefuctl show\" "
    "and drop it";
constexpr const char* kUnknownRow =
    "damaged: the journal gives it a kind, a queue or a state that this program does not know; check the "
    "disk and the program's version, then replay or drop it";
constexpr std::uint32_t kForgetAtOnce = 500;
constexpr std::size_t kReplayAtOnce = 200;  // events in one turn: some 20 ms
// WeChat reports every five seconds where a customer is while they have the chat open.
constexpr Millis kPositionAgain = std::chrono::minutes(10);
constexpr std::size_t kPositionsMax = 10'000;
// Above all ids of a journal: sweeps stand behind whatever else a customer's lane holds.
constexpr std::uint64_t kFirstSweep = std::uint64_t{1} << 62;
constexpr std::size_t kSweepsAtOnce = 100;     // in the queue: a second's worth
constexpr std::size_t kLooksAtOnce = 32;       // in the journal, for one message of a worker
constexpr std::size_t kSlotsForEachSweep = 4;  // of the relays': the others stay free for words
constexpr std::array kQueues{v1::QUEUE_RELAY, v1::QUEUE_NOTIFIER};

Customer newcomer(const OpenId& openid) {
  Customer customer;
  customer.openid = openid;
  customer.im_user = ImUserId(openid.value);
  return customer;
}

v1::Event event_for(v1::Queue queue, const OpenId& customer, const std::string& source_id) {
  v1::Event event;
  event.set_queue(queue);
  event.set_customer(customer.value);
  event.set_source_id(source_id);
  return event;
}

// What lets us reply (reference: WeChat §6.4), if the push does.
std::optional<ReplyWindow::Opener> opener_of(const CustomerPush& push) {
  using Opener = ReplyWindow::Opener;
  switch (push.kind) {
    case CustomerPush::Kind::message:
      return push.chosen ? Opener::menu : Opener::message;
    case CustomerPush::Kind::follow:
      return Opener::follow;
    case CustomerPush::Kind::scan:
      return Opener::scan;
    case CustomerPush::Kind::menu:
      return Opener::menu;
    default:
      return std::nullopt;
  }
}

void note_visit(Customer& customer, const AgentDesk::Visit& visit, Timestamp now) {
  customer.agent = visit.agent;
  customer.active_at = now;
  if (visit.first) customer.conversation_at = now;
}

// The event ends so, with everything else as it was.
queue::Change change_of(const StoredEvent& stored, queue::State end) {
  queue::Change change;
  change.event = EventId{stored.event.id()};
  change.customer = OpenId(stored.event.customer());
  change.state = end;
  change.attempts = stored.attempts;
  change.progress = stored.progress;
  change.settled = stored.settled;
  change.unsure_at = stored.unsure_at;
  change.unsure = stored.unsure;
  return change;
}

// As AgentPresence has it; empty: a word of a newer relay.
std::string_view state_of(v1::AgentStatus::Status status) {
  switch (status) {
    case v1::AgentStatus::STATUS_ONLINE:
      return "online";
    case v1::AgentStatus::STATUS_PUSH_ONLINE:
      return "push_online";
    case v1::AgentStatus::STATUS_OFFLINE:
      return "offline";
    default:
      return "";
  }
}

}  // namespace

Dispatcher::Dispatcher(DispatcherOptions options, Journal& journal, const std::function<double()>& chance,
                       Timestamp now)
    : options_(std::move(options)),
      journal_(journal),
      desk_(options_.agents),
      relay_(options_.relay, journal.epoch(), chance),
      notifier_(options_.notifier, journal.epoch(), chance),
      // A relay looks back further than the keys are known, else.
      sweeper_(options_.keep_done < 2 * Sweeper::kOverlap ? Millis(0) : options_.sweep_every),
      presence_(options_.agents, now),
      next_sweep_(kFirstSweep | std::uint64_t{journal.epoch()} << 32) {
  compare_clock(now);
  for (const auto& known : journal_.agents()) {
    presence_.restore(known);
    desk_.set_availability(known.agent, availability_of(known.state));
  }
  journal_.each_customer_active_since(now - limits::kConversationIdle, [&](const Customer& customer) {
    desk_.restore(customer.openid, customer.agent, customer.active_at, now);
  });
  if (options_.sweep_every > Millis(0)) {
    journal_.each_customer_active_since(now - Sweeper::kLookBack, [&](const Customer& customer) {
      sweeper_.restore(customer.openid, customer.active_at, now);
    });
  }
  std::set<OpenId> awaiting_replies;
  const auto unknown = journal_.each_unfinished([&](v1::Queue which, queue::Remembered event) {
    if (which == v1::QUEUE_NOTIFIER) awaiting_replies.insert(event.customer);
    // The system's clock may have been far ahead when it was written.
    const auto& retry = which == v1::QUEUE_NOTIFIER ? options_.notifier.retry : options_.relay.retry;
    if (event.state == queue::State::waiting) event.due = std::min(event.due, now + 2 * retry.max);
    queue(which).restore(event);
  });
  for (const auto event : unknown) {
    queue::Change change;
    change.event = event;
    change.state = queue::State::dead;
    change.error = kUnknownRow;
    changes_.push_back(std::move(change));
  }
  for (const auto& openid : awaiting_replies) tell_window_of(openid);
  for (const auto which : kQueues) {
    const auto workers = journal_.workers(which);
    for (const auto& worker : workers) known_workers_.emplace(which, worker);
    for (const auto& worker : workers) workers_before_.emplace(which, worker);
    if (journal_.paused(which)) queue(which).gate().pause();
    queue(which).begin_quiet(workers, now + limits::kRestartQuiet);
  }
}

// Reply windows end by the clock, which may be wrong at one start and right at the next. By mistake a window
// that is over counts as open: WeChat says so then, and nothing is lost. The other mistake would lose
// replies.
void Dispatcher::compare_clock(Timestamp now) {
  const auto used = journal_.last_used();
  const Millis passed = now - used;
  if (used != Timestamp{} && (passed > kStopCounts || passed < -kBackIsNothing)) {
    journal_.move_times(used, now, passed > kStopCounts ? passed - kStopCounts : passed);
    next_forget_ = now + kForgetAfterJump;
  }
  journal_.note_used(now);
  next_note_used_ = now + kNoteUsed;
}

// --- pushes ---

Receipt Dispatcher::accept(const Submission& submission, Timestamp now) {
  return std::visit([&](const auto& push) { return take(push, now); }, submission);
}

Receipt Dispatcher::take(const CustomerPush& push, Timestamp now) {
  if (const auto known = journal_.find(push.customer, push.key))
    return {Receipt::Kind::duplicate, known->reply};
  const auto known = journal_.customer(push.customer);
  const bool acts = makes_event(push);
  const bool tells = tells_note(push, known, now);
  const bool repeats_itself =
      push.kind == CustomerPush::Kind::position || push.kind == CustomerPush::Kind::report;
  if (repeats_itself && !tells) return {Receipt::Kind::ignored};
  if (!acts && !tells && !journal_.note(push.key, now)) return {Receipt::Kind::duplicate};
  if (!push.body.empty())
    quarantine({"wechat", "unknown type " + push.message_type, push.body, QuarantineClass::left_out}, now);
  auto customer = known.value_or(newcomer(push.customer));
  auto event = event_for(v1::QUEUE_RELAY, push.customer, push.source_id);
  auto reply = ReplyKind::none;
  if (push.kind != CustomerPush::Kind::report || !known)
    customer.following = push.kind != CustomerPush::Kind::unfollow;
  move_window(customer, push, now);
  switch (push.kind) {
    case CustomerPush::Kind::follow:
      event.mutable_follow()->set_scene(push.scene);
      reply = ReplyKind::welcome;
      break;
    case CustomerPush::Kind::unfollow:
      desk_.customer_left(push.customer);
      event.mutable_unfollow();
      break;
    case CustomerPush::Kind::message: {
      sweeper_.active(push.customer, customer.active_at, now);
      const auto visit = desk_.customer_wrote(push.customer, now, {customer.agent, customer.active_at});
      note_visit(customer, visit, now);
      if (visit.is_empty) presence_.ask_soon(now);
      auto& message = *event.mutable_customer_message();
      message = push.content;
      message.set_text(push.text);
      message.set_kind(push.message_type);
      message.set_agent(visit.agent);
      message.set_msg_random(static_cast<std::uint32_t>(random_u64()));
      reply = reply_to(visit);
      break;
    }
    default:
      break;
  }
  // A note opens no conversation: it goes where the last one was.
  if (tells && !desk_.knows(customer.agent)) customer.agent = desk_.next_agent(now);
  journal_.save(customer);
  auto receipt = acts ? store(std::move(event), push.key, reply, now) : Receipt{Receipt::Kind::stored};
  if (tells) {
    const auto key = acts ? dedup_key({"note", dedup_key_hex(push.key)}) : push.key;
    const auto told = store_notice(push.customer, customer.agent, push.note, key, now, "event");
    if (!acts) receipt = told;
  }
  return receipt;
}

// While nobody is at the desk nobody is asked to wait for a colleague.
ReplyKind Dispatcher::reply_to(const AgentDesk::Visit& visit) const {
  if (visit.tells_empty) return visit.first ? ReplyKind::offline : ReplyKind::offline_again;
  if (visit.first) return ReplyKind::please_wait;
  const bool again = options_.please_wait_always && !visit.is_empty;
  return again ? ReplyKind::please_wait_again : ReplyKind::none;
}

bool Dispatcher::makes_event(const CustomerPush& push) const {
  switch (push.kind) {
    case CustomerPush::Kind::unfollow:
      return options_.delete_on_unfollow;
    case CustomerPush::Kind::follow:
    case CustomerPush::Kind::message:
      return true;
    default:
      return false;
  }
}

// Not of a customer who has left with the account: a note would bring both back. A position at most once in
// ten minutes.
bool Dispatcher::tells_note(const CustomerPush& push, const std::optional<Customer>& known, Timestamp now) {
  using Kind = CustomerPush::Kind;
  if (push.note.empty() || push.kind == Kind::message) return false;
  const bool left = push.kind == Kind::unfollow || (push.kind == Kind::report && known && !known->following);
  if (left && options_.delete_on_unfollow) return false;
  if (push.kind != Kind::position) return true;
  if (position_told_.size() >= kPositionsMax)
    std::erase_if(position_told_, [&](const auto& told) { return told.second + kPositionAgain <= now; });
  const auto [told, first] = position_told_.try_emplace(push.customer, now);
  if (!first && now < told->second + kPositionAgain) return false;
  told->second = now;
  return true;
}

// Whatever lets replies through lets the parked ones through too.
void Dispatcher::move_window(Customer& customer, const CustomerPush& push, Timestamp now) {
  if (const auto opener = opener_of(push)) {
    const Timestamp came_at = push.came_at == Timestamp{} ? now : push.came_at;
    customer.window.open(*opener, came_at);
    notifier_.reopen(customer.openid, now, changes_);
  } else if (push.kind == CustomerPush::Kind::unfollow) {
    customer.window.close(now);
  } else {
    return;
  }
  tell_window(customer);
}

void Dispatcher::tell_window_of(const OpenId& openid) {
  if (const auto customer = journal_.customer(openid)) tell_window(*customer);
}

void Dispatcher::tell_window(const Customer& customer) {
  notifier_.customer_ends_at(customer.openid, customer.window.replies_end_at());
}

Receipt Dispatcher::take(const AgentPush& push, Timestamp now) {
  auto customer = journal_.customer_of(push.to);
  if (!customer) return {Receipt::Kind::ignored, ReplyKind::none};
  if (const auto known = journal_.find(customer->openid, push.key))
    return {Receipt::Kind::duplicate, known->reply};
  if (journal_.noted(push.key)) return {Receipt::Kind::duplicate};  // recalled already, or not ours
  sweeper_.active(customer->openid, customer->active_at, now);
  if (push.said_at == Timestamp{}) keep(presence_.wrote(push.agent, now));
  const auto said_at = push.said_at == Timestamp{} ? now : push.said_at;
  note_visit(*customer, desk_.agent_wrote(customer->openid, push.agent, now, said_at), now);
  journal_.save(*customer);
  const bool nothing_left = push.text.empty() && push.elements.empty();
  const auto told = tell_left_out(*customer, push, now);
  if (nothing_left) return told.value_or(Receipt{Receipt::Kind::stored});
  auto event = event_for(v1::QUEUE_NOTIFIER, customer->openid, push.source_id);
  *event.mutable_agent_message() = words_of(push);
  return store(std::move(event), push.key, ReplyKind::none, now);
}

const Texts& Dispatcher::words() const {
  return options_.notices ? *options_.notices : texts("zh-CN");
}

v1::AgentMessage Dispatcher::words_of(const AgentPush& push) const {
  v1::AgentMessage message;
  message.set_agent(push.agent);
  message.set_text(push.elements.empty() ? push.text : readable(push.elements, words()));
  message.mutable_elements()->Add(push.elements.begin(), push.elements.end());
  return message;
}

std::optional<Receipt> Dispatcher::tell_left_out(const Customer& customer, const AgentPush& push,
                                                 Timestamp now) {
  if (push.left_out.empty()) return std::nullopt;
  const auto what = readable_left_out(push.left_out, words());
  quarantine(
      {"im", "cannot be carried over: " + what, push.body, QuarantineClass::left_out, push.query, push.agent},
      now);
  if (!options_.notices) return std::nullopt;
  const bool nothing_left = push.text.empty() && push.elements.empty();
  const auto key = nothing_left ? push.key : dedup_key({"notice", "left out", push.source_id});
  return store_notice(customer.openid, push.agent, notice_of_left_out(what, *options_.notices), key, now);
}

Receipt Dispatcher::take(const Recall& recall, Timestamp now) {
  const auto customer = journal_.customer_of(recall.to);
  if (!customer) return {Receipt::Kind::ignored};
  const auto known = journal_.find(customer->openid, recall.key);
  if (!known) return {journal_.note(recall.key, now) ? Receipt::Kind::stored : Receipt::Kind::duplicate};
  apply_changes(now);  // so that the journal has what this turn did
  const auto stored = journal_.event(known->id);
  if (!stored || !stored->event.has_agent_message() || stored->error == kRecalled)
    return {Receipt::Kind::duplicate};
  const bool withdrawn = withdraw(*stored);
  if (!withdrawn && queue(v1::QUEUE_NOTIFIER).state_of(known->id)) recalled_.insert(known->id);
  const bool nothing_went = withdrawn && stored->progress == 0 && stored->unsure_at == Timestamp{};
  if (nothing_went || !may_tell(*customer)) return {Receipt::Kind::stored};
  const auto& reply = stored->event.agent_message();
  return store_notice(customer->openid, reply.agent(), notice_of_recall(reply.text(), *options_.notices),
                      dedup_key({"notice", "recall", recall.source_id}), now);
}

// Out of the queue as done, or from the dead letters. False: a worker has it or may have it, or it was
// delivered.
bool Dispatcher::withdraw(const StoredEvent& stored) {
  const EventId event{stored.event.id()};
  if (notifier_.withdraw(event, kRecalled, changes_)) return true;
  const bool came_now =
      std::erase_if(accepted_, [&](const v1::Event& one) { return one.id() == event.value; }) > 0;
  if (!came_now && stored.state != queue::State::dead) return false;
  auto change = change_of(stored, queue::State::done);
  change.error = kRecalled;
  changes_.push_back(std::move(change));
  return true;
}

void Dispatcher::withdraw_recalled() {
  std::erase_if(recalled_, [&](EventId event) {
    return notifier_.withdraw(event, kRecalled, changes_) || !notifier_.state_of(event);
  });
}

Receipt Dispatcher::take(const Edit& edit, Timestamp now) {
  const auto& push = edit.message;
  const auto customer = journal_.customer_of(push.to);
  const auto known = customer ? journal_.find(customer->openid, push.key) : std::nullopt;
  if (!known) {
    // It is the message, then, as it reads now: the one that comes later is a duplicate.
    if (!customer || !may_have_overtaken(edit, now)) return {Receipt::Kind::ignored};
    return take(push, now);
  }
  apply_changes(now);  // so that the journal has what this turn did
  const auto stored = journal_.event(known->id);
  if (!stored || !stored->event.has_agent_message() || stored->error == kRecalled)
    return {Receipt::Kind::ignored};
  if (rewrite_dead(*stored, push)) {
    if (!may_tell(*customer)) return {Receipt::Kind::stored};
    return store_notice(customer->openid, push.agent,
                        notice_of_edit_of_dead(stored->event.agent_message().text(), *options_.notices),
                        dedup_key({"notice", "edit of dead", push.source_id, push.text}), now);
  }
  if (rewrite(*stored, push)) {
    tell_left_out(*customer, push, now);
    return {Receipt::Kind::stored};
  }
  if (!may_tell(*customer)) return {Receipt::Kind::stored};
  const auto& reply = stored->event.agent_message();
  return store_notice(customer->openid, reply.agent(), notice_of_edit(reply.text(), *options_.notices),
                      dedup_key({"notice", "edit", push.source_id, push.text}), now);
}

// The callback of its message has not come yet, or is lost. An older message may have been delivered so long
// ago that its key is forgotten.
bool Dispatcher::may_have_overtaken(const Edit& edit, Timestamp now) {
  const bool keys_are_known = options_.keep_done >= 2 * Sweeper::kOverlap;
  return keys_are_known && edit.sent_at > now - Sweeper::kOverlap && !journal_.noted(edit.message.key);
}

// So that a replay sends what it says now. False: it is not dead, or parts of it may have arrived.
bool Dispatcher::rewrite_dead(const StoredEvent& stored, const AgentPush& push) {
  const bool nothing_went = stored.progress == 0 && stored.unsure_at == Timestamp{};
  if (stored.state != queue::State::dead || !nothing_went) return false;
  if (push.text.empty() && push.elements.empty()) return false;
  auto event = stored.event;
  *event.mutable_agent_message() = words_of(push);
  journal_.rewrite(event);
  return true;
}

// False: a worker has it or may have it, or it was delivered; or nothing of what it says now can be.
bool Dispatcher::rewrite(StoredEvent stored, const AgentPush& push) {
  if (push.text.empty() && push.elements.empty()) return false;
  const auto came_now = std::find_if(accepted_.begin(), accepted_.end(),
                                     [&](const v1::Event& one) { return one.id() == stored.event.id(); });
  if (came_now == accepted_.end() && !notifier_.untouched(EventId{stored.event.id()})) return false;
  *stored.event.mutable_agent_message() = words_of(push);
  if (came_now != accepted_.end()) *came_now = stored.event;
  journal_.rewrite(stored.event);
  return true;
}

Receipt Dispatcher::take(const Disregard& push, Timestamp now) {
  if (!journal_.customer_of(push.to)) return {Receipt::Kind::ignored};
  return {journal_.note(push.key, now) ? Receipt::Kind::stored : Receipt::Kind::duplicate};
}

// To any notifier that has said it knows such notices. Kept nowhere, promised to nobody.
Receipt Dispatcher::take(const TypingNotice& notice, Timestamp now) {
  const auto customer = journal_.customer_of(notice.to);
  const bool open = notifier_.gate().allowance(now) == queue::Gate::Allowance::any;
  const auto at = std::find_if(routes_.begin(), routes_.end(), [](const auto& entry) {
    return entry.second.queue == v1::QUEUE_NOTIFIER && entry.second.typing;
  });
  if (!customer || !open || at == routes_.end() || !typing_.let_through(*customer, notice.stopped, now))
    return {Receipt::Kind::ignored};
  Outgoing out{at->first, {}};
  out.message.mutable_typing()->set_customer(customer->openid.value);
  out.message.mutable_typing()->set_stopped(notice.stopped);
  outgoing_.push_back(std::move(out));
  return {Receipt::Kind::stored};
}

Receipt Dispatcher::take(const AgentPresence& presence, Timestamp now) {
  auto told = presence;
  if (told.since == Timestamp{}) told.since = now;
  keep(presence_.called_back(std::move(told), now));
  return {Receipt::Kind::stored};
}

void Dispatcher::keep(const std::optional<AgentPresence>& presence) {
  if (!presence) return;
  journal_.save(*presence);
  desk_.set_availability(presence->agent, availability_of(presence->state));
}

Receipt Dispatcher::store(v1::Event event, const DedupKey& key, ReplyKind reply, Timestamp now) {
  event.set_accepted_at_ms(now.ms);
  if (event.has_customer_message()) {
    // Orders messages within the same second at IM, and is part of its de-duplication key (reference: IM
    // sendmsg).
    event.mutable_customer_message()->set_msg_seq(journal_.next_sequence());
  }
  const auto put = journal_.put(event, key, reply);
  if (put.duplicate) return {Receipt::Kind::duplicate, put.reply};
  accepted_.push_back(std::move(event));
  return {Receipt::Kind::stored, reply};
}

// --- workers ---

void Dispatcher::receive(const std::string& route, const v1::FromWorker& message, Timestamp now) {
  switch (message.message_case()) {
    case v1::FromWorker::kHello:
      return take(route, message.hello(), now);
    case v1::FromWorker::kPing:
      return take(route, message.ping(), now);
    case v1::FromWorker::kVerdict:
      return take(route, message.verdict(), now);
    case v1::FromWorker::kBye:
      return leave(route);
    default:
      return;  // of a newer worker; it was told our protocol version
  }
}

void Dispatcher::take(const std::string& route, const v1::Hello& hello, Timestamp now) {
  auto refusal = problem_with(hello);
  if (refusal.empty()) refusal = problem_with_place(route, hello);
  if (!refusal.empty()) {
    ++rejections_["worker_refused"];
    Outgoing no{route, {}};
    no.message.mutable_refused()->set_reason(refusal);
    outgoing_.push_back(std::move(no));
    return;
  }
  const WorkerId worker(hello.worker_id());
  std::erase_if(routes_, [&](const auto& entry) {
    return entry.second.worker == worker;
  });  // a newer hello replaces the older route
  const Route from{worker, hello.queue(), hello.sweeps(), hello.typing(), hello.presence()};
  routes_[route] = from;
  if (known_workers_.emplace(hello.queue(), worker).second) journal_.worker_came(hello.queue(), worker);
  note_came(hello);
  const bool ours = hello.journal() == 0 || hello.journal() == journal_.identity();
  if (hello.slots() > options_.worker_slots_max) ++rejections_["worker_slots"];
  queue(hello.queue())
      .hello(
          worker,
          {std::min(hello.slots(), options_.worker_slots_max), std::min(hello.bundle(), limits::kBundleMax)},
          ours ? held_of(from, hello.held()) : std::vector<queue::HeldEvent>{}, now, changes_);
  outgoing_.push_back(welcome(route, hello.sent_at_ms(), true, now));
}

// A connection speaks for one worker, and there are not endlessly many.
std::string Dispatcher::problem_with_place(const std::string& route, const v1::Hello& hello) const {
  const WorkerId worker(hello.worker_id());
  const auto at = routes_.find(route);
  if (at != routes_.end() && (at->second.worker != worker || at->second.queue != hello.queue()))
    return "this connection speaks for another worker already";
  const auto workers = queue(hello.queue()).workers();
  const bool known = std::any_of(workers.begin(), workers.end(),
                                 [&](const queue::WorkerView& one) { return one.id == worker; });
  if (!known && workers.size() >= limits::kWorkersMax)
    return "there are " + std::to_string(limits::kWorkersMax) + " workers already";
  return {};
}

// Of a delivery speaks who was given it. What an earlier run of ours gave to whom is not known any more: of
// that speaks who was connected then, or who once had the event and was lost. `looks`: how many more of the
// latter may be looked up in the journal.
bool Dispatcher::may_speak_of(const Route& from, EventId event, Lease lease, std::size_t& looks) const {
  const auto run = lease.value >> 32;
  if (run == journal_.epoch()) return queue(from.queue).handed_to(from.worker, event, lease);
  if (run > journal_.epoch()) return false;
  if (workers_before_.contains({from.queue, from.worker})) return true;
  if (looks == 0) return false;
  --looks;
  const auto hops = journal_.hops(event);
  return std::any_of(hops.begin(), hops.end(),
                     [&](const Hop& hop) { return hop.worker == from.worker.value; });
}

std::vector<queue::HeldEvent> Dispatcher::held_of(
    const Route& from, const google::protobuf::RepeatedPtrField<v1::Held>& held) const {
  std::vector<queue::HeldEvent> events;
  auto looks = kLooksAtOnce;
  for (const auto& one : held) {
    const EventId event{one.event_id()};
    if (may_speak_of(from, event, Lease{one.lease()}, looks))
      events.push_back({event, Lease{one.lease()}, one.ended()});
  }
  return events;
}

void Dispatcher::take(const std::string& route, const v1::Ping& ping, Timestamp now) {
  const auto at = routes_.find(route);
  const bool known =
      at != routes_.end() &&
      queue(at->second.queue).ping(at->second.worker, held_of(at->second, ping.held()), ping.draining(), now);
  outgoing_.push_back(welcome(route, ping.sent_at_ms(), known, now));
}

void Dispatcher::take(const std::string& route, const v1::Verdict& said, Timestamp now) {
  const auto at = routes_.find(route);
  if (at == routes_.end()) {  // it said hello to an earlier run: it shall do so again, and then repeat this
    ++rejections_["verdict_without_hello"];
    outgoing_.push_back(welcome(route, 0, false, now));
    return;
  }
  const auto& from = at->second;
  const EventId id{said.event_id()};
  auto looks = kLooksAtOnce;
  if (!may_speak_of(from, id, Lease{said.lease()}, looks)) {
    if (queue(from.queue).state_of(id)) ++rejections_["verdict_of_another"];
  } else if (const auto stored = event(id); stored && stored->event.queue() == from.queue) {
    using Effect = queue::EventQueue::Effect;
    const auto verdict = within_limits(said);
    // A locked account is followed by another one: the event can go out again at once.
    const bool at_once = verdict.account().kind() == v1::AccountChange::KIND_LOCKED;
    const auto effect = queue(from.queue).settle(verdict, now, changes_, at_once);
    if (effect == Effect::applied) {
      learn(verdict, stored->event);
      take_found(stored->event, verdict, now);
      take_presence(stored->event, verdict, now);
      tell_not_taken(verdict, stored->event, now);
    }
    if (effect == Effect::none) take_late_success(verdict, stored->event.queue(), now);
    if (effect == Effect::remembered) return;  // in memory only: the worker shall say it again
  }
  recorded_[route].add_leases(said.lease());
}

// It was given up, and has arrived all the same: a replay must not send it again.
void Dispatcher::take_late_success(const v1::Verdict& verdict, v1::Queue which, Timestamp now) {
  const EventId id{verdict.event_id()};
  if (verdict.outcome() != v1::OUTCOME_DONE || queue(which).state_of(id)) return;
  apply_changes(now);  // so that the journal has what this turn did
  const auto stored = journal_.event(id);
  if (!stored || stored->state != queue::State::dead) return;
  auto change = change_of(*stored, queue::State::done);
  change.error = kDeliveredLate;
  change.progress = std::max(stored->progress, verdict.progress());
  change.settled = std::max(stored->settled, Lease{verdict.lease()});
  changes_.push_back(std::move(change));
  learn(verdict, stored->event);
  tell_not_taken(verdict, stored->event, now);
  const auto customer = journal_.customer(OpenId(stored->event.customer()));
  if (!stored->event.has_agent_message() || !customer || !may_tell(*customer)) return;
  const auto& reply = stored->event.agent_message();
  store_notice(customer->openid, reply.agent(), notice_of_late_success(reply.text(), *options_.notices),
               dedup_key({"notice", std::to_string(id.value), "late", std::to_string(verdict.lease())}), now);
}

// The rest of it was delivered.
void Dispatcher::tell_not_taken(const v1::Verdict& verdict, const v1::Event& event, Timestamp now) {
  if (verdict.left_out().empty() || !event.has_agent_message()) return;
  const auto customer = journal_.customer(OpenId(event.customer()));
  if (!customer || !may_tell(*customer)) return;
  store_notice(customer->openid, event.agent_message().agent(),
               notice_of_left_out(verdict.left_out(), *options_.notices),
               dedup_key({"notice", std::to_string(event.id()), "left out", std::to_string(verdict.lease())}),
               now);
}

// --- sweeps ---

std::optional<StoredEvent> Dispatcher::event(EventId id) const {
  const auto sweep = sweeps_.find(id);
  if (sweep == sweeps_.end()) return journal_.event(id);
  StoredEvent stored;
  stored.event = sweep->second;
  return stored;
}

// An older relay would not know what to do with one.
bool Dispatcher::lookups_may_go(bool Route::*known, Timestamp now) const {
  if (relay_.quiet() || relay_.gate().allowance(now) != queue::Gate::Allowance::any) return false;
  bool any = false;
  for (const auto& [route, to] : routes_) {
    if (to.queue != v1::QUEUE_RELAY) continue;
    if (!(to.*known)) return false;
    any = true;
  }
  return any;
}

std::size_t Dispatcher::sweeps_max() const {
  std::size_t slots = 0;
  for (const auto& worker : relay_.workers()) slots += worker.capacity;
  return std::clamp<std::size_t>(slots / kSlotsForEachSweep, 1, kSweepsAtOnce);
}

void Dispatcher::begin_sweeps(Timestamp now) {
  if (!lookups_may_go(&Route::sweeps, now)) {
    withdraw_lookups(v1::Event::kSweep, now);
    return;
  }
  const auto most = sweeps_max();
  for (std::size_t i = 0; i < kSweepsAtOnce && sweeps_.size() < most; ++i) {
    const auto due = sweeper_.next(now);
    if (!due) return;
    auto sweep = sweep_of(*due, now);
    if (!sweep) {
      sweeper_.ended(due->customer, false, now);
      continue;
    }
    const EventId id{++next_sweep_};
    sweep->set_id(id.value);
    relay_.put(id, due->customer, queue::Kind::lookup, now);
    sweeps_.emplace(id, *std::move(sweep));
  }
}

// But for those that are in flight.
void Dispatcher::withdraw_lookups(v1::Event::BodyCase kind, Timestamp now) {
  std::vector<EventId> all;
  for (const auto& [id, question] : sweeps_) {
    if (question.body_case() == kind) all.push_back(id);
  }
  for (const auto id : all) end_sweep(id, now);
}

// Nothing when IM has nobody to be asked about. Not from before the time of which every key is still known.
std::optional<v1::Event> Dispatcher::sweep_of(const Sweeper::Due& due, Timestamp now) {
  const auto customer = journal_.customer(due.customer);
  if (!customer || !customer->imported || !desk_.knows(customer->agent)) return std::nullopt;
  const Timestamp keys_known_since =
      now - std::max(Millis(0), std::min(Sweeper::kLookBack, options_.keep_done - Sweeper::kOverlap));
  auto sweep = event_for(v1::QUEUE_RELAY, due.customer, "");
  sweep.set_accepted_at_ms(now.ms);
  sweep.mutable_sweep()->set_agent(customer->agent);
  sweep.mutable_sweep()->set_since_s(std::max(due.since, keys_known_since).ms / 1000);
  return sweep;
}

// What its callback has brought, or brings yet, is a duplicate.
void Dispatcher::take_found(const v1::Event& sweep, const v1::Verdict& verdict, Timestamp now) {
  if (!sweep.has_sweep() || verdict.outcome() != v1::OUTCOME_DONE) return;
  const OpenId openid(sweep.customer());
  sweeper_.ended(openid, verdict.reason().empty(), now);
  for (const auto& found : verdict.found()) {
    const auto customer = journal_.customer(openid);
    if (!customer || customer->im_user.value != found.to() || !desk_.knows(found.from())) continue;
    im::SentMessage message;
    message.from = found.from();
    message.to = found.to();
    message.msg_key = found.msg_key();
    message.content.elements.assign(found.message().elements().begin(), found.message().elements().end());
    message.content.left_out = found.left_out();
    auto push = agent_push(message);
    push.body = found.ShortDebugString();
    const auto said_at_s = std::clamp<std::int64_t>(found.sent_at_s(), 1, now.ms / 1000);
    push.said_at = Timestamp{said_at_s * 1000};
    if (!push.text.empty() || !push.elements.empty() || !push.left_out.empty()) take(push, now);
  }
}

// A sweep is tried once: the next one asks for the same.
void Dispatcher::end_sweep(EventId id, Timestamp now) {
  std::vector<queue::Change> nobody_asks;
  relay_.withdraw(id, "", nobody_asks);
  if (relay_.state_of(id)) return;
  const auto sweep = sweeps_.find(id);
  if (sweep->second.has_presence_query()) {
    presence_.ended(false, now);
  } else {
    sweeper_.ended(OpenId(sweep->second.customer()), false, now);
  }
  sweeps_.erase(sweep);
}

// --- presence ---

// Beside the sweeps, for which it leaves the slots: there is one at a time.
void Dispatcher::ask_presence(Timestamp now) {
  if (!lookups_may_go(&Route::presence, now)) {
    withdraw_lookups(v1::Event::kPresenceQuery, now);
    return;
  }
  const auto agents = presence_.next(now);
  if (!agents) return;
  auto question = event_for(v1::QUEUE_RELAY, OpenId(), "");
  question.set_accepted_at_ms(now.ms);
  question.mutable_presence_query()->mutable_agents()->Add(agents->begin(), agents->end());
  const EventId id{++next_sweep_};
  question.set_id(id.value);
  relay_.put(id, OpenId(), queue::Kind::lookup, now);
  sweeps_.emplace(id, std::move(question));
}

void Dispatcher::take_presence(const v1::Event& question, const v1::Verdict& verdict, Timestamp now) {
  if (!question.has_presence_query()) return;
  const bool away = verdict.outcome() == v1::OUTCOME_UNAVAILABLE || verdict.outcome() == v1::OUTCOME_RETURNED;
  presence_.ended(!away, now);
  const Timestamp asked_at{question.accepted_at_ms()};
  const auto most = std::min<int>(verdict.presence_size(), PresenceBook::kAgentsAtOnce);
  for (int i = 0; i < most; ++i) {
    const auto& told = verdict.presence(i);
    const auto state = state_of(told.status());
    if (desk_.knows(told.agent()) && !state.empty()) keep(presence_.answered(told.agent(), state, asked_at));
  }
}

std::vector<Dispatcher::AgentView> Dispatcher::agents(Timestamp now) const {
  std::vector<AgentView> views;
  for (const auto& agent : options_.agents) {
    const auto* known = presence_.find(agent);
    views.push_back(
        {known ? *known : AgentPresence{agent, "", "", "", {}}, desk_.open_conversations(agent, now)});
  }
  return views;
}

// A hello is repeated until it is answered, and comes again after every broken connection.
void Dispatcher::note_came(const v1::Hello& hello) {
  const WorkerId worker(hello.worker_id());
  Introduced said{std::min(hello.slots(), options_.worker_slots_max), hello.version()};
  auto& known = introduced_[{hello.queue(), worker}];
  if (known == said) return;
  known = said;
  worker_news_.push_back({WorkerNews::Kind::came, hello.queue(), worker, said.slots, said.version});
}

// Those whom the queues have given up.
void Dispatcher::note_silent() {
  if (introduced_.size() == relay_.workers().size() + notifier_.workers().size()) return;
  std::set<std::pair<v1::Queue, WorkerId>> present;
  for (const auto which : kQueues) {
    for (const auto& worker : queue(which).workers()) present.emplace(which, worker.id);
  }
  std::erase_if(introduced_, [&](const auto& entry) {
    if (present.contains(entry.first)) return false;
    worker_news_.push_back({WorkerNews::Kind::silent, entry.first.first, entry.first.second, 0, ""});
    return true;
  });
}

void Dispatcher::leave(const std::string& route) {
  const auto at = routes_.find(route);
  if (at == routes_.end()) return;
  queue(at->second.queue).bye(at->second.worker, changes_);
  if (introduced_.erase({at->second.queue, at->second.worker}) > 0)
    worker_news_.push_back({WorkerNews::Kind::left, at->second.queue, at->second.worker, 0, ""});
  routes_.erase(at);
}

void Dispatcher::learn(const v1::Verdict& verdict, const v1::Event& event) {
  if (!verdict.has_account()) return;
  auto customer = journal_.customer(OpenId(event.customer()));
  if (!customer || customer->im_user.value != verdict.account().im_user()) return;
  switch (verdict.account().kind()) {
    case v1::AccountChange::KIND_IMPORTED:
      customer->imported = true;
      break;
    case v1::AccountChange::KIND_DELETED:
      customer->imported = false;
      break;
    case v1::AccountChange::KIND_LOCKED:
      customer->imported = false;
      customer->im_user = ImUserId(customer->openid.value + "-" + std::to_string(++customer->generation));
      break;
    default:
      return;
  }
  journal_.save(*customer);
}

Outgoing Dispatcher::welcome(const std::string& route, std::int64_t sent_at_ms, bool known,
                             Timestamp now) const {
  Outgoing out{route, {}};
  auto& welcome = *out.message.mutable_welcome();
  welcome.set_journal(journal_.identity());
  welcome.set_epoch(journal_.epoch());
  welcome.set_gateway_at_ms(now.ms);
  welcome.set_sent_at_ms(sent_at_ms);
  welcome.set_known(known);
  return out;
}

const std::string* Dispatcher::route_of(const WorkerId& worker) const {
  const auto at = std::find_if(routes_.begin(), routes_.end(),
                               [&](const auto& entry) { return entry.second.worker == worker; });
  return at == routes_.end() ? nullptr : &at->first;
}

// --- turn ---

void Dispatcher::tick(Timestamp now) {
  if (now >= next_file_check_) {
    next_file_check_ = now + kCheckFiles;
    journal_.check_files();
  }
  if (now >= next_note_used_) {
    next_note_used_ = now + kNoteUsed;
    journal_.note_used(now);
  }
  for (const auto which : kQueues) {
    queue(which).tick(now, changes_);
    if (auto* job = replays_.running(which)) replay_some(*job, now);
  }
  withdraw_recalled();
  note_silent();
  forget_gone_workers();
  forget_old(now);
}

// One that has not reported since a restart is not forgotten while quiet: a second restart must wait for it
// too.
void Dispatcher::forget_gone_workers() {
  for (const auto which : kQueues) {
    if (queue(which).quiet()) continue;
    std::set<WorkerId> present;
    for (const auto& worker : queue(which).workers()) present.insert(worker.id);
    for (auto known = known_workers_.begin(); known != known_workers_.end();) {
      if (known->first != which || present.contains(known->second)) {
        ++known;
        continue;
      }
      journal_.worker_went(which, known->second);
      std::erase_if(routes_, [&](const auto& entry) { return entry.second.worker == known->second; });
      known = known_workers_.erase(known);
    }
  }
}

void Dispatcher::forget_old(Timestamp now) {
  if (now < next_forget_) return;
  bool more = journal_.forget(now - options_.keep_done, kForgetAtOnce);
  more = forget_quarantined(now, kForgetAtOnce) || more;
  next_forget_ = now + (more ? kForgetMore : kForgetAgain);
}

void Dispatcher::apply_changes(Timestamp now) {
  for (const auto& change : changes_) {
    if (sweeps_.contains(change.event)) {
      end_sweep(change.event, now);
      continue;
    }
    const auto before = journal_.event(change.event);
    journal_.apply(change, now);
    Step step;
    step.name = step_name(change);
    if (before) {
      step.event = before->event;
      if (before->event.has_agent_message()) {
        note_in_window(*before, change, now);
        tell_agent(*before, change, now);
      }
    }
    const bool over = change.state == queue::State::done || change.state == queue::State::parked;
    step.attempt = change.attempts + (over ? 1 : 0);
    step.error = change.error;
    step.worker = change.worker.value;
    step.code = change.code;
    step.failure = change.failure;
    step.unsure = change.unsure_at != Timestamp{};
    step.damaged = change.error == kDamaged || change.error == kUnknownRow;
    step.at = now;
    steps_.push_back(std::move(step));
  }
  changes_.clear();
}

// What a reply's delivery tells of the customer's window.
void Dispatcher::note_in_window(const StoredEvent& before, const queue::Change& change, Timestamp now) {
  const auto parts = change.progress - std::min(change.progress, before.progress);
  // Refused for good; else the customer has written since.
  const bool refused = change.state == queue::State::parked || change.state == queue::State::dead;
  const bool closed = refused && change.code == kWindowClosed;
  const bool used_up = refused && change.code == kRepliesUsedUp;
  if (parts == 0 && !closed && !used_up) return;
  auto customer = journal_.customer(change.customer);
  if (!customer) return;
  customer->window.use(parts);
  if (used_up) customer->window.use_up();
  if (closed) customer->window.close(now);
  journal_.save(*customer);
  tell_window(*customer);
}

// Nobody is told about a customer who has left with the account: a notice would bring both back.
bool Dispatcher::may_tell(const Customer& customer) const {
  return options_.notices && (customer.following || !options_.delete_on_unfollow);
}

// Of waiting: once for each conversation and cause, however many replies wait. Of death: once for each reply.
// Both by the key of the notice.
void Dispatcher::tell_agent(const StoredEvent& before, const queue::Change& change, Timestamp now) {
  const bool parked = change.state == queue::State::parked;
  if (!parked && change.state != queue::State::dead) return;
  const auto customer = journal_.customer(change.customer);
  if (!customer || !may_tell(*customer)) return;
  const auto& reply = before.event.agent_message();
  if (parked) {
    const auto key = dedup_key({"notice", "waits", reply.agent(),
                                std::to_string(customer->conversation_at.ms), std::to_string(change.code)});
    store_notice(change.customer, reply.agent(),
                 notice_of_waiting(change.code, change.due - now, *options_.notices), key, now);
    return;
  }
  const auto death = change.error == kWithdrawn
                         ? Death::withdrawn
                         : death_of(before.state == queue::State::parked, change.code, change.failure);
  const auto key =
      dedup_key({"notice", std::to_string(change.event.value), "dead", std::to_string(change.settled.value)});
  store_notice(change.customer, reply.agent(),
               notice_of_death(death, change.code, reply.text(), *options_.notices), key, now);
}

// To the agent, as a message of the customer's account: where the agent looks.
Receipt Dispatcher::store_notice(const OpenId& customer, const std::string& agent, const std::string& text,
                                 const DedupKey& key, Timestamp now, const char* kind) {
  auto notice = event_for(v1::QUEUE_RELAY, customer, "");
  auto& message = *notice.mutable_customer_message();
  message.set_text(text);
  message.set_kind(kind);
  message.set_agent(agent);
  message.set_msg_random(static_cast<std::uint32_t>(random_u64()));
  return store(std::move(notice), key, ReplyKind::none, now);
}

void Dispatcher::commit(Timestamp now) {
  apply_changes(now);
  journal_.commit();
  for (auto& event : accepted_) {
    queue(event.queue()).put(EventId{event.id()}, OpenId(event.customer()), queue::kind_of(event), now);
    tell_accepted(std::move(event), now);
  }
  accepted_.clear();
  for (const auto& event : taken_over_) {
    if (auto stored = journal_.event(event.event)) {
      queue(stored->event.queue()).take_over(event);
      tell_accepted(std::move(stored->event), now);
    }
  }
  taken_over_.clear();
  for (const auto which : kQueues) tell_gate(which, now);
  for (auto& [route, recorded] : recorded_) {
    Outgoing out{route, {}};
    *out.message.mutable_recorded() = std::move(recorded);
    outgoing_.push_back(std::move(out));
  }
  recorded_.clear();
  begin_sweeps(now);
  ask_presence(now);
}

// REQUIRES: its queue has it.
void Dispatcher::tell_accepted(v1::Event event, Timestamp now) {
  if (event.queue() == v1::QUEUE_NOTIFIER) tell_window_of(OpenId(event.customer()));
  Step step;
  step.name = "accepted";
  step.event = std::move(event);
  step.at = now;
  steps_.push_back(std::move(step));
}

// Steps of a queue, not of an event: it stopped handing out by itself, or does so again.
void Dispatcher::tell_gate(v1::Queue which, Timestamp now) {
  const auto& gate = queue(which).gate();
  bool& told_closed = told_closed_[which];
  if (told_closed == gate.closed()) return;
  told_closed = gate.closed();
  Step step;
  step.name = told_closed ? "closed" : "opened";
  step.event.set_queue(which);
  step.error = gate.reason();
  step.at = now;
  steps_.push_back(std::move(step));
}

std::vector<Outgoing> Dispatcher::outgoing() {
  return std::exchange(outgoing_, {});
}
std::vector<Step> Dispatcher::steps() {
  return std::exchange(steps_, {});
}
std::vector<WorkerNews> Dispatcher::worker_news() {
  return std::exchange(worker_news_, {});
}

std::vector<Outgoing> Dispatcher::handouts(Timestamp now) {
  std::vector<Outgoing> out;
  for (const auto which : kQueues) {
    std::uint64_t bundle = 0;
    for (const auto& handout : queue(which).handouts(now)) {
      auto stored = event(handout.event);
      if (!stored) throw JournalError("the journal has lost event " + std::to_string(handout.event.value));
      if (stored->damaged) {
        set_aside_damaged(handout, which, now);
        continue;
      }
      const auto* route = route_of(handout.worker);
      const bool joins = handout.bundle != 0 && handout.bundle == bundle;
      if (!joins) out.push_back({route ? *route : "", {}});
      bundle = handout.bundle;
      auto& message = out.back().message;
      write_delivery(handout, *std::move(stored), now,
                     bundle != 0 ? *message.mutable_bundle()->add_deliveries() : *message.mutable_delivery());
    }
  }
  return out;
}

// It never leaves the house: as if its worker had handed it back, and then dead.
void Dispatcher::set_aside_damaged(const queue::Handout& handout, v1::Queue which, Timestamp now) {
  v1::Delivery unsent;
  unsent.set_lease(handout.lease.value);
  unsent.mutable_event()->set_id(handout.event.value);
  unsent.mutable_event()->set_queue(which);
  take_back(unsent, now);
  queue(which).drop(handout.event, kDamaged, changes_);
}

void Dispatcher::write_delivery(const queue::Handout& handout, StoredEvent stored, Timestamp now,
                                v1::Delivery& delivery) {
  delivery.set_lease(handout.lease.value);
  delivery.set_attempt(handout.attempt);
  delivery.set_start_by_ms(handout.start_by.ms);
  delivery.set_epoch(journal_.epoch());
  delivery.set_progress(handout.progress);
  if (handout.unsure_at != Timestamp{})
    delivery.set_unsure_for_ms(std::max<std::int64_t>(1, (now - handout.unsure_at).count()));
  if (!sweeps_.contains(handout.event)) {
    Step step;
    step.name = "delivered";
    step.event = stored.event;
    step.attempt = handout.attempt;
    step.worker = handout.worker.value;
    step.at = now;
    steps_.push_back(std::move(step));
  }
  *delivery.mutable_event() = std::move(stored.event);
  charge_further_calls(delivery, now);
  const bool has_customer = !delivery.event().has_presence_query();
  if (delivery.event().queue() == v1::QUEUE_RELAY && has_customer) resolve(delivery, now);
}

// A long text goes in parts, a call each; so does every other element.
void Dispatcher::charge_further_calls(const v1::Delivery& delivery, Timestamp now) {
  const auto& event = delivery.event();
  const auto parts_of = [](const std::string& text, std::size_t part) {
    return static_cast<std::uint32_t>((text.size() + part - 1) / part);
  };
  std::uint32_t parts = 0;
  if (event.has_customer_message()) {
    parts = parts_of(event.customer_message().text(), limits::kImTextBytesMax);
  } else if (event.agent_message().elements().empty()) {
    parts = parts_of(event.agent_message().text(), limits::kWeChatTextBytesMax);
  } else {
    for (const auto& element : event.agent_message().elements())
      parts += element.has_text() ? parts_of(element.text(), limits::kWeChatTextBytesMax) : 1;
  }
  const auto left = parts - std::min(parts, delivery.progress());
  if (left > 1) queue(event.queue()).charge(queue::kind_of(event), now, left - 1);
}

// The account is the one the customer has now. The agent is the one of the conversation the message belongs
// to, so that every attempt goes to the same one, unless that agent is no longer in the settings.
void Dispatcher::resolve(v1::Delivery& delivery, Timestamp now) {
  const OpenId openid(delivery.event().customer());
  auto customer = journal_.customer(openid).value_or(newcomer(openid));
  if (!desk_.knows(customer.agent)) {
    customer.agent = desk_.next_agent(now);
    journal_.save(customer);
  }
  const auto& agent = delivery.event().has_sweep() ? delivery.event().sweep().agent()
                                                   : delivery.event().customer_message().agent();
  delivery.set_im_user(customer.im_user.value);
  delivery.set_agent(desk_.knows(agent) ? agent : customer.agent);
  delivery.set_imported(customer.imported);
  // The relay imports first, then.
  if (delivery.event().has_customer_message() && !customer.imported)
    relay_.charge(queue::Kind::import_account, now, 1);
}

void Dispatcher::not_sent(const Outgoing& outgoing, Timestamp now) {
  const auto& message = outgoing.message;
  if (message.has_delivery()) take_back(message.delivery(), now);
  for (const auto& delivery : message.bundle().deliveries()) take_back(delivery, now);
  const auto at = routes_.find(outgoing.route);
  if (at == routes_.end() || !(message.has_delivery() || message.has_bundle())) return;
  queue(at->second.queue).unreachable(at->second.worker);
  routes_.erase(at);
}

void Dispatcher::take_back(const v1::Delivery& delivery, Timestamp now) {
  v1::Verdict verdict;
  verdict.set_event_id(delivery.event().id());
  verdict.set_lease(delivery.lease());
  verdict.set_outcome(v1::OUTCOME_RETURNED);
  queue(delivery.event().queue()).settle(verdict, now, changes_);
  std::erase_if(steps_, [&](const Step& step) {
    return step.name == "delivered" && step.event.id() == delivery.event().id();
  });
}

std::optional<Timestamp> Dispatcher::next_timer(Timestamp now) const {
  if (replays_.any_running() || !changes_.empty()) return now;
  const auto a = relay_.next_timer(now);
  const auto b = notifier_.next_timer(now);
  auto next = next_forget_;
  if (a) next = std::min(next, *a);
  if (b) next = std::min(next, *b);
  const auto sweep = sweeper_.next_due();
  const bool sweeps_may_go = lookups_may_go(&Route::sweeps, now) && sweeps_.size() < sweeps_max();
  if (sweep && sweeps_may_go) next = std::min(next, *sweep);
  const auto presence = presence_.next_due();
  if (presence && lookups_may_go(&Route::presence, now)) next = std::min(next, *presence);
  return next;
}

// --- operator ---

Result<int> Dispatcher::replay(EventId event, Timestamp now) {
  const auto stored = journal_.event(event);
  if (!stored) return Error{"there is no event " + std::to_string(event.value)};
  if (stored->damaged)
    return Error{"event " + std::to_string(event.value) +
                 " is damaged: the journal cannot read its content, so nothing can be sent; \"show\" gives "
                 "its bytes, \"drop\" ends it"};
  auto& in = queue(stored->event.queue());
  if (in.state_of(event)) {
    if (in.release(event, now, changes_)) return 1;
    return Error{"event " + std::to_string(event.value) + " is ready or in flight already"};
  }
  if (stored->state != queue::State::dead) return Error{"event " + std::to_string(event.value) + " is done"};
  queue::Remembered remembered;
  remembered.event = event;
  remembered.customer = OpenId(stored->event.customer());
  remembered.progress = stored->progress;
  remembered.settled = stored->settled;
  remembered.kind = queue::kind_of(stored->event);
  remembered.unsure_at = stored->unsure_at;
  in.replay(remembered, now, changes_);
  if (stored->event.queue() == v1::QUEUE_NOTIFIER) tell_window_of(remembered.customer);
  return 1;
}

Dispatcher::ReplayAll Dispatcher::replay_all(v1::Queue which, Timestamp now) {
  if (const auto* job = replays_.running(which)) return {job->total, job->id};
  apply_changes(now);  // so that the journal has what this turn did
  ReplayJob job;
  job.queue = which;
  job.events = journal_.dead(which);
  const auto parked = queue(which).in_state(queue::State::parked);
  job.events.insert(job.events.end(), parked.begin(), parked.end());
  std::sort(job.events.begin(), job.events.end());
  job.total = job.events.size();
  job.started_at = now;
  if (job.total <= kReplayAtOnce) {
    replay_some(job, now);
    return {job.replayed, std::nullopt};
  }
  const auto& begun = replays_.begin(std::move(job));
  return {begun.total, begun.id};
}

void Dispatcher::replay_some(ReplayJob& job, Timestamp now) {
  const auto until = std::min(job.next + kReplayAtOnce, job.events.size());
  for (; job.next < until; ++job.next) job.replayed += replay(job.events[job.next], now) ? 1 : 0;
  if (job.next < job.events.size()) return;
  job.finished_at = now;
  job.events = {};
}

bool Dispatcher::take_over(StoredEvent exported, Timestamp now) {
  if (journal_.take_over(exported, now).duplicate) return false;
  queue::Remembered remembered;
  remembered.event = EventId{exported.event.id()};
  remembered.customer = OpenId(exported.event.customer());
  remembered.progress = exported.progress;
  remembered.accepted_at = now;
  remembered.kind = queue::kind_of(exported.event);
  remembered.unsure = exported.unsure;
  remembered.unsure_at = exported.unsure_at;
  taken_over_.push_back(std::move(remembered));
  return true;
}

void Dispatcher::pause(v1::Queue which) {
  queue(which).gate().pause();
  journal_.set_paused(which, true);
}

void Dispatcher::resume(v1::Queue which) {
  queue(which).gate().resume();
  journal_.set_paused(which, false);
}

Result<int> Dispatcher::drop(EventId event, Timestamp now) {
  const auto stored = journal_.event(event);
  if (!stored) return Error{"there is no event " + std::to_string(event.value)};
  auto& in = queue(stored->event.queue());
  if (in.drop(event, kWithdrawn, changes_)) return 1;
  if (in.state_of(event))
    return Error{"event " + std::to_string(event.value) +
                 " is in flight, or may be so since the restart; try again when it is not"};
  apply_changes(now);  // so that the journal has what this turn did to it
  if (journal_.erase_dead(event)) return 1;
  return Error{"event " + std::to_string(event.value) + " is done"};
}

}  // namespace kefu
