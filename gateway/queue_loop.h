// The one thread that owns the journal, the queues and the sockets. One turn is a list that can be read
// aloud; see turn().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/dispatcher.h"
#include "gateway/mailbox.h"
#include "gateway/tally.h"
#include "lib/base/result.h"

namespace kefu {

struct QueueLoopOptions {
  std::string queue_listen;  // ROUTER
  std::string tap_listen;    // PUB; "off"
  std::string admin_listen;  // REP
  DispatcherOptions dispatcher;
  std::function<std::unique_ptr<Journal>()> open_journal;  // throws JournalError
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
