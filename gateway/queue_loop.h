// The one thread that owns the journal, the queues and the sockets. One turn is a list that can be read
// aloud; see turn().
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/dispatcher.h"
#include "gateway/mailbox.h"
#include "gateway/tally.h"
#include "lib/base/result.h"

namespace kefu {

// The points of a turn at which a test may end the process, in their order.
inline constexpr std::array<std::string_view, 5> kTurnPoints{
    "taken",       // pushes and verdicts are staged
    "committed",   // and on disk; nobody knows
    "answered",    // their senders know
    "recorded",    // the workers know that their verdicts are on disk
    "handed out",  // new work has left
};
// And those at which something unforeseen may happen without harm to anything else.
inline constexpr std::array<std::string_view, 3> kHarmlessPoints{"question", "tap", "metrics"};
// Called with a point of kTurnPoints in every turn that took pushes or messages of workers, and with one of
// kHarmlessPoints whenever there is something to tell. What it throws is a logic error of the gateway's.
using TurnHook = std::function<void(std::string_view)>;

struct QueueLoopOptions {
  std::string queue_listen;  // ROUTER
  std::string tap_listen;    // XPUB; "off"
  std::string admin_listen;  // ROUTER, for REQ; "off"
  DispatcherOptions dispatcher;
  std::function<std::unique_ptr<Journal>()> open_journal;  // throws JournalError
  TurnHook at_point{};                                     // for tests; empty: none
};

class QueueLoop {
 public:
  QueueLoop(QueueLoopOptions options, Mailbox& mailbox, Tally& tally);
  ~QueueLoop();  // stops
  QueueLoop(const QueueLoop&) = delete;
  QueueLoop& operator=(const QueueLoop&) = delete;

  // Opens the journal and binds the sockets; what it cannot do is said at once. The endpoints bound: queue,
  // tap, admin.
  Result<std::vector<std::string>> start();
  void stop();

  // Why nothing can be stored now; empty when all is well. Thread-safe.
  std::string trouble() const;
  // Brings the gauges up to date; waits for it. Thread-safe.
  void refresh_metrics();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kefu
