#include "gateway/queue_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "gateway/admin.h"
#include "gateway/connection_guard.h"
#include "gateway/door.h"
#include "gateway/quarantine_log.h"
#include "gateway/queue_log.h"
#include "gateway/tap.h"
#include "lib/base/digest.h"
#include "lib/base/limits.h"
#include "lib/ops/log.h"
#include "lib/ops/log_limiter.h"

namespace kefu {
namespace {

constexpr int kMessagesAtOnce = 1000;  // of workers, per turn
constexpr Millis kLongestWait{1000};
constexpr std::size_t kQuestionsAtOnce = 16;  // per turn
constexpr Millis kQuestionsFor{50};           // and no longer, for pushes wait meanwhile
constexpr int kQuestionsWaiting = 32;         // and answers, of one asker
constexpr Millis kTryDiskAgain{1000};
constexpr const char* kOff = "off";
constexpr Millis kLongCommit = limits::kPing / 2;
constexpr Millis kHangingCommit = limits::kReceiptDeadline;  // pushes are refused by then

using Letters = std::vector<Mailbox::Letter>;

// False: the peer is gone or its pipe is full (PITFALLS §4: never block, never trust a silent success).
bool send_to(zmq::socket_t& router, const std::string& route, const v1::ToWorker& message) {
  try {
    const auto flags = zmq::send_flags::dontwait;
    if (!router.send(zmq::buffer(route), flags | zmq::send_flags::sndmore)) return false;
    const auto bytes = message.SerializeAsString();
    return router.send(zmq::buffer(bytes), flags).has_value();
  } catch (const zmq::error_t&) {
    return false;
  }
}

std::string_view meaning_of_rejection(std::string_view reason) {
  if (reason == "worker_refused") return "a worker was refused; it has been told why";
  if (reason == "worker_slots")
    return "a worker offers more slots than KEFU_WORKER_SLOTS_MAX: the rest stays unused";
  if (reason == "verdict_without_hello")
    return "somebody who did not say hello gave a verdict: it does not count";
  return "a worker gave a verdict on a delivery that it was not given: it does not count";
}

}  // namespace

struct QueueLoop::Impl {
  Impl(QueueLoopOptions o, Mailbox& m, Tally& t)
      : options(std::move(o)), mailbox(m), tally(t), wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~Impl() { ::close(wake); }

  // What lives as long as the journal is healthy.
  struct Memory {
    std::unique_ptr<Journal> journal;
    Dispatcher dispatcher;
  };

  struct Answer {
    std::vector<std::string> envelope;
    std::string text;
  };

  struct Message {
    std::string route;
    v1::FromWorker message;
  };

  QueueLoopOptions options;
  Mailbox& mailbox;
  Tally& tally;
  const int wake;
  std::thread thread;
  std::atomic<bool> stopping{false};
  std::atomic<std::int64_t> committing_since{0};  // Unix ms; 0: no commit is under way

  std::mutex mutex;
  std::string trouble = "the journal is not open yet";  // guarded by mutex
  std::vector<std::promise<void>> refreshes;            // guarded by mutex

  log::LogLimiter limiter;
  zmq::context_t context{1};
  zmq::socket_t router{context, zmq::socket_type::router};
  Tap tap{context};
  QueueLog queue_log;
  zmq::socket_t admin{context, zmq::socket_type::router};
  QuarantineLog quarantine_log;
  bool tap_on = false;
  ConnectionGuard guard{context,
                        [this](std::string_view door, std::string_view why) { tell_cut(door, why); }};
  std::size_t queue_door = 0;
  std::size_t admin_door = 0;
  bool busy = false;               // this turn took something
  Letters letters;                 // of this turn
  std::vector<Answer> answers;     // of this turn, to questions
  std::vector<Message> postponed;  // to the next turn
  std::mt19937_64 chance{random_u64()};

  // --- start ---

  std::vector<std::string> bind() {
    for (auto* socket : {&router, &tap.socket(), &admin}) {
      socket->set(zmq::sockopt::linger, 0);
      socket->set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(limits::kFrameBytesMax));
      socket->set(zmq::sockopt::handshake_ivl, 5000);
    }
    // A question that is too long shall hear so; what is longer still drops the connection without a word.
    admin.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(limits::kAdminFrameBytesMax));
    router.set(zmq::sockopt::router_mandatory, true);
    router.set(zmq::sockopt::heartbeat_ivl, 1000);
    router.set(zmq::sockopt::heartbeat_timeout, 3000);
    router.set(zmq::sockopt::heartbeat_ttl, 3000);
    admin.set(zmq::sockopt::router_mandatory, true);
    admin.set(zmq::sockopt::rcvhwm, kQuestionsWaiting);
    admin.set(zmq::sockopt::sndhwm, kQuestionsWaiting);
    tap.socket().set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(limits::kSubscriptionBytesMax));
    queue_door = guard.watch(router, {"queue", limits::kWorkersMax, 2 * limits::kFrameBytesMax});
    admin_door = guard.watch(
        admin, {"admin", limits::kAskersMax, limits::kAdminFrameBytesMax + limits::kFrameBytesMax});
    guard.watch(tap.socket(), {"tap", limits::kTapsMax, limits::kTapBytesMax, false});
    std::vector<std::string> endpoints;
    endpoints.push_back(open_door(router, options.queue_listen, "KEFU_QUEUE_LISTEN"));
    tap_on = options.tap_listen != kOff;
    endpoints.push_back(tap_on ? open_door(tap.socket(), options.tap_listen, "KEFU_TAP_LISTEN") : kOff);
    const bool admin_on = options.admin_listen != kOff;
    endpoints.push_back(admin_on ? open_door(admin, options.admin_listen, "KEFU_ADMIN_LISTEN") : kOff);
    guard.start();
    return endpoints;
  }

  void tell_cut(std::string_view door, std::string_view why) {
    tally.cut(door, why);
    const auto left_out = limiter.admit(std::string(door) + " " + std::string(why), steady_now());
    if (left_out)
      log::warning("a connection was cut: somebody sends more than can be meant, or there are too many",
                   {{"door", door}, {"why", why}, {"left_out", *left_out}});
  }

  std::unique_ptr<Memory> remember() {
    auto journal = options.open_journal();
    auto& opened = *journal;
    const auto uniform = [this] { return std::uniform_real_distribution<>(0, 1)(chance); };
    return std::unique_ptr<Memory>(
        new Memory{std::move(journal), Dispatcher(options.dispatcher, opened, uniform, steady_now())});
  }

  void run(std::promise<Result<std::vector<std::string>>>& started) {
    std::unique_ptr<Memory> memory;
    try {
      memory = remember();
      started.set_value(bind());
    } catch (const std::exception& error) {
      started.set_value(Error{error.what()});
      return;
    }
    try {
      while (!stopping) live(memory);
    } catch (const std::exception& error) {
      // What is on disk is right, and what is in memory may be wrong: whoever started us starts us anew.
      log::error("a bug: the gateway ends, and nothing that was accepted is lost", {{"error", error.what()}});
      std::abort();
    }
    mailbox.close();
    finish_refreshes();
  }

  // Until the journal fails, or the end.
  void live(std::unique_ptr<Memory>& memory) {
    try {
      if (!memory) memory = remember();
      set_trouble("");
      mailbox.open();
      while (!stopping) turn(*memory);
    } catch (const JournalError& error) {  // what is on disk is right
      set_trouble(error.what());
      refuse_letters();  // who is refused and asks why shall be told
      mailbox.close();
      log::error("pushes are refused until the journal can be opened and written again",
                 {{"error", error.what()}});
      memory.reset();
      committing_since = 0;
      postponed.clear();  // its senders will say it again
      wait_out_trouble(error.what());
    }
  }

  // --- a turn ---

  void turn(Memory& memory) {
    wait(memory.dispatcher.next_timer(steady_now()));
    const Timestamp now = steady_now();
    mailbox.take(letters);
    std::vector<Receipt> receipts;
    try {
      for (const auto& letter : letters) receipts.push_back(memory.dispatcher.accept(letter.submission, now));
      busy = take_messages(memory.dispatcher, now) || !letters.empty();
      take_questions(memory, now);
      memory.dispatcher.tick(now);
      pass("taken");
      commit(memory, now);
      pass("committed");
    } catch (const JournalError& error) {
      for (auto& answer : answers) answer.text = refusal_of(error.what());
      give_answers();
      throw;
    }
    for (std::size_t i = 0; i < letters.size(); ++i) letters[i].tell(receipts[i]);
    letters.clear();
    give_answers();
    pass("answered");
    hear_signs_of_life(memory.dispatcher, now);
    send(memory.dispatcher);
    pass("handed out");
    publish(memory.dispatcher);
    tell_rejections(memory.dispatcher, now);
    refresh(memory, now);
  }

  void refuse_letters() {
    for (const auto& letter : letters) letter.tell({});
    letters.clear();
  }

  void wait(std::optional<Timestamp> until) {
    Millis most = kLongestWait;
    if (!postponed.empty())
      most = Millis(0);
    else if (until)
      most = std::clamp(*until - steady_now(), Millis(0), kLongestWait);
    std::array<zmq::pollitem_t, 5> items{{{router.handle(), 0, ZMQ_POLLIN, 0},
                                          {admin.handle(), 0, ZMQ_POLLIN, 0},
                                          {nullptr, mailbox.descriptor(), ZMQ_POLLIN, 0},
                                          {nullptr, wake, ZMQ_POLLIN, 0},
                                          {tap.socket().handle(), 0, ZMQ_POLLIN, 0}}};
    try {
      zmq::poll(items.data(), items.size(), most);
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) throw;
    }
    eventfd_t ignored = 0;
    ::eventfd_read(wake, &ignored);
    tap.take_subscriptions();
  }

  // The next one that can be understood.
  std::optional<Message> next_message() {
    while (auto incoming = receive(router)) {
      guard.took(queue_door, incoming->connection, incoming->bytes);
      auto& frames = incoming->frames;
      Message next;
      if (frames.size() == 2 && next.message.ParseFromString(frames[1])) {
        next.route = std::move(frames[0]);
        return next;
      }
      tally.rejected("queue_frame");
    }
    guard.drained(queue_door);
    return std::nullopt;
  }

  // True: there were any.
  bool take_messages(Dispatcher& dispatcher, Timestamp now) {
    const auto waiting = std::exchange(postponed, {});
    for (const auto& [route, message] : waiting) dispatcher.receive(route, message, now);
    bool any = !waiting.empty();
    for (int i = 0; i < kMessagesAtOnce; ++i) {
      const auto next = next_message();
      if (!next) break;
      any = true;
      dispatcher.receive(next->route, next->message, now);
    }
    return any;
  }

  // While a long sync was under way nobody heard the workers, and to us all of them have fallen silent. Their
  // pings change nothing that must be on disk; everything else waits for the next turn.
  void hear_signs_of_life(Dispatcher& dispatcher, Timestamp turn_began) {
    const Timestamp now = steady_now();
    if (now - turn_began < kLongCommit) return;
    for (int i = 0; i < kMessagesAtOnce; ++i) {
      auto next = next_message();
      if (!next) return;
      if (next->message.has_ping()) {
        dispatcher.receive(next->route, next->message, now);
      } else {
        postponed.push_back(std::move(*next));
      }
    }
  }

  void pass(std::string_view point) const {
    if (busy && options.at_point) options.at_point(point);
  }

  // The next one that can be answered, if it can only be refused too.
  std::optional<Question> next_question() {
    while (auto incoming = receive(admin)) {
      guard.took(admin_door, incoming->connection, incoming->bytes);
      if (auto question = question_of(*std::move(incoming))) return question;
      tally.rejected("admin_frame");
    }
    guard.drained(admin_door);
    return std::nullopt;
  }

  void take_questions(Memory& memory, Timestamp now) {
    const Timestamp began = steady_now();
    for (std::size_t i = 0; i < kQuestionsAtOnce && steady_now() - began < kQuestionsFor; ++i) {
      auto question = next_question();
      if (!question) return;
      // Whatever happens, an answer is owed from here on.
      answers.push_back({std::move(question->envelope), ""});
      answers.back().text = answer_to_question(question->frames, memory, now);
    }
  }

  std::string answer_to_question(const std::vector<std::string>& frames, Memory& memory, Timestamp now) {
    if (frames.size() != 1) return refusal_of("a question is one frame");
    const auto& question = frames.front();
    if (question.size() > limits::kFrameBytesMax)
      return refusal_of("a question has at most " + std::to_string(limits::kFrameBytesMax) +
                        " bytes, this one has " + std::to_string(question.size()) +
                        ": ask in smaller pieces");
    try {
      pass_harmless("question");
      return answer_admin(question, memory.dispatcher, *memory.journal, now);
    } catch (const JournalError&) {
      throw;
    } catch (const std::exception& error) {
      if (!only_looks(question)) throw;  // half of it may be staged
      tell_bug("question", error.what());
      return refusal_of("the gateway failed at this question, and at nothing else: " +
                        std::string(error.what()));
    }
  }

  // Who does not read or is gone gets none.
  void give_answers() {
    for (const auto& answer : answers) answer_to(admin, answer.envelope, answer.text);
    answers.clear();
  }

  void pass_harmless(std::string_view point) const {
    if (options.at_point) options.at_point(point);
  }

  void tell_bug(std::string_view where, std::string_view what) {
    tally.bug(where);
    const auto left_out = limiter.admit(where, steady_now());
    if (left_out)
      log::error("a bug, which harmed nothing else",
                 {{"where", where}, {"error", what}, {"left_out", *left_out}});
  }

  void commit(Memory& memory, Timestamp now) {
    const auto before = std::chrono::steady_clock::now();
    committing_since = steady_now().ms;
    memory.dispatcher.commit(now);
    committing_since = 0;
    tally.committed(letters.size(),
                    std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count());
  }

  // The commit may have taken its time: what names a time names this one.
  void send(Dispatcher& dispatcher) {
    const Timestamp now = steady_now();
    for (auto& out : dispatcher.outgoing()) {
      if (out.message.has_welcome()) out.message.mutable_welcome()->set_gateway_at_ms(now.ms);
      send_to(router, out.route, out.message);
    }
    pass("recorded");
    for (const auto& out : dispatcher.handouts(now)) {
      if (!send_to(router, out.route, out.message)) dispatcher.not_sent(out, now);
    }
  }

  void tell_rejections(Dispatcher& dispatcher, Timestamp now) {
    for (const auto& [reason, count] : dispatcher.rejections()) {
      tally.rejected(reason, count);
      const auto left_out = limiter.admit(reason, now);
      if (left_out) log::warning(meaning_of_rejection(reason), {{"reason", reason}, {"left_out", *left_out}});
    }
  }

  void publish(Dispatcher& dispatcher) {
    const Timestamp now = steady_now();
    for (const auto& news : dispatcher.worker_news()) queue_log.worker(news, now);
    for (const auto& step : dispatcher.steps()) {
      harmless("metrics", [&] { tally.step(step); });
      queue_log.step(step);
      if (step.damaged) {
        log::error("an event in the journal is damaged and became a dead letter",
                   {{"event", step.event.id()}, {"queue", queue_name(step.event.queue())}});
      }
      harmless("tap", [&] {
        if (tap_on && tap.publish(step) == Tap::Told::overrun) tally.tap_overrun();
      });
    }
    for (const auto& push : dispatcher.quarantined()) {
      harmless("metrics", [&] { tally.quarantined(push); });
      quarantine_log.tell(push, steady_now());
    }
    quarantine_log.tell_forgotten(dispatcher.quarantine_forgotten());
    queue_log.end_turn();
    tally.log_left_out(now);
  }

  // Nothing that is only told may harm what is done.
  template <class Tell>
  void harmless(std::string_view point, const Tell& tell) {
    try {
      pass_harmless(point);
      tell();
    } catch (const JournalError&) {
      throw;
    } catch (const std::exception& error) {
      tell_bug(point, error.what());
    }
  }

  // --- others' questions ---

  void refresh(Memory& memory, Timestamp now) {
    {
      const std::lock_guard lock(mutex);
      if (refreshes.empty()) return;
    }
    harmless("metrics", [&] { tally.queues(memory.dispatcher, *memory.journal, now); });
    finish_refreshes();
  }

  void finish_refreshes() {
    std::vector<std::promise<void>> waiting;
    {
      const std::lock_guard lock(mutex);
      waiting = std::exchange(refreshes, {});
    }
    for (auto& promise : waiting) promise.set_value();
  }

  void set_trouble(const std::string& why) {
    tally.journal_works(why.empty());
    const std::lock_guard lock(mutex);
    trouble = why;
  }

  std::string trouble_now() {
    const Timestamp since{committing_since};
    const auto hangs = since.ms == 0 ? Millis(0) : steady_now() - since;
    if (hangs > kHangingCommit) {
      return "the journal's disk is slow: a sync has not ended for " + std::to_string(hangs.count() / 1000) +
             " s, and pushes are refused";
    }
    const std::lock_guard lock(mutex);
    return trouble;
  }

  // Without a journal nothing a worker says can be kept: it will say it again. Operators hear why.
  void wait_out_trouble(const std::string& why) {
    const Timestamp until = steady_now() + kTryDiskAgain;
    while (!stopping && steady_now() < until) {
      wait(until);
      while (next_message()) {
      }
      while (auto question = next_question()) answer_to(admin, question->envelope, refusal_of(why));
      mailbox.take(letters);
      refuse_letters();
      finish_refreshes();
    }
  }
};

QueueLoop::QueueLoop(QueueLoopOptions options, Mailbox& mailbox, Tally& tally)
    : impl_(std::make_unique<Impl>(std::move(options), mailbox, tally)) {}

QueueLoop::~QueueLoop() {
  stop();
}

Result<std::vector<std::string>> QueueLoop::start() {
  std::promise<Result<std::vector<std::string>>> started;
  auto endpoints = started.get_future();
  impl_->thread = std::thread([this, started = std::move(started)]() mutable { impl_->run(started); });
  return endpoints.get();
}

void QueueLoop::stop() {
  impl_->stopping = true;
  ::eventfd_write(impl_->wake, 1);
  if (impl_->thread.joinable()) impl_->thread.join();
}

std::string QueueLoop::trouble() const {
  return impl_->trouble_now();
}

void QueueLoop::refresh_metrics() {
  std::future<void> done;
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopping) return;
    done = impl_->refreshes.emplace_back().get_future();
  }
  ::eventfd_write(impl_->wake, 1);
  done.wait_for(std::chrono::seconds(2));
}

}  // namespace kefu
