// A gateway process in virtual time: the real Dispatcher over a real journal, turn by turn as in QueueLoop,
// with crashes at every point of a turn, a disk that fails and one that is slow.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/dispatcher.h"
#include "tests/simulation/parts.h"

namespace kefu::simulation {

enum class CrashPoint { between_turns, before_commit, after_commit, amid_answers, amid_handouts };

class GatewayHost {
 public:
  using OpenJournal = std::function<std::unique_ptr<Journal>()>;
  // False: there is no such connection.
  using Send = std::function<bool(const std::string& route, const v1::ToWorker& message)>;
  // Nothing: the connection broke without an answer.
  using Told = std::function<void(const std::optional<Receipt>&)>;

  GatewayHost(Parts& parts, DispatcherOptions options, OpenJournal open_journal, Send send);

  bool up() const { return up_; }
  // The journal while it is open.
  Journal* journal() { return journal_.get(); }
  Dispatcher* dispatcher() { return dispatcher_.get(); }

  // --- from outside; what a dead process is told is lost ---
  void submit(Submission submission, Told told);
  void receive(const std::string& route, v1::FromWorker message);
  void operate(std::function<void(Dispatcher&, Journal&)> what);

  // --- fate ---
  void start();
  void crash();
  void crash_in_next_turn(CrashPoint at) { crash_at_ = at; }
  // Commits fail and the journal cannot be opened until then.
  void break_disk(Timestamp until) { disk_broken_until_ = until; }
  void slow_disk(Timestamp until) { disk_slow_until_ = until; }

 private:
  struct Letter {
    Submission submission;
    Told told;
  };

  struct Turn {
    std::vector<Letter> letters;
    std::vector<Receipt> receipts;
  };

  void remember();
  void lose_memory();
  void poke(Millis delay);
  void turn();
  // False: nothing of it is on disk.
  bool take_in(Turn& turn);
  void disk_failed(Turn& turn);
  void tell(Turn& turn);
  void send_out();
  void hand_out(const Outgoing& out);
  void note_handout(const std::string& route, const v1::Delivery& delivery);
  void plan_next_turn();
  void read_steps();
  bool dies(CrashPoint here);
  bool disk_broken() const { return parts_.now() < disk_broken_until_; }
  Receipt accept(const Submission& submission);
  void answer_too_early(Turn& turn);
  v1::FromWorker mutated(v1::FromWorker message) const;
  void overtake(const std::string& route, const v1::Delivery& delivery);

  Parts& parts_;
  DispatcherOptions options_;
  OpenJournal open_journal_;
  Send send_;
  bool up_ = false;
  bool busy_ = false;  // between a commit and what follows it
  std::uint64_t life_ = 0;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::deque<Letter> letters_;
  std::deque<std::pair<std::string, v1::FromWorker>> frames_;
  std::deque<std::function<void(Dispatcher&, Journal&)>> operations_;
  std::optional<Timestamp> next_turn_;
  std::optional<CrashPoint> crash_at_;
  Timestamp disk_broken_until_{};
  Timestamp disk_slow_until_{};
  std::map<std::uint64_t, std::uint64_t> newest_lease_;  // by event; for a mutation
};

}  // namespace kefu::simulation
