// The worker runtime, the same for relay and notifier: connects to every gateway, takes deliveries up to its
// slots, runs the handler on threads of its own, repeats verdicts until the gateway has recorded them, pings,
// drains. See docs/queue.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kefu/v1/work.pb.h"
#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/ops/ops_page.h"
#include "lib/work/outcome.h"

namespace kefu::work {

// Called concurrently; must return before `deadline` (steady_now). An exception is a retry and a logged bug.
using Handler = std::function<Outcome(const v1::Delivery& delivery, Timestamp deadline)>;

// For deliveries of one kind that arrive together, with the outcome of each in their order.
using BundleHandler =
    std::function<std::vector<Outcome>(std::span<const v1::Delivery> deliveries, Timestamp deadline)>;

// Tells a customer that their agent types, or has stopped. Called concurrently, at most limits::kTypingMax at
// once; a notice that comes while all are busy is dropped.
using TypingHandler = std::function<void(const v1::Typing& typing, Timestamp deadline)>;

struct WorkerOptions {
  v1::Queue queue = v1::QUEUE_UNSPECIFIED;
  std::vector<std::string> connect;  // tcp://host:port; a name with several addresses means all of them
  std::uint32_t slots = 32;
  BundleHandler bundle_handler{};             // none: deliveries come one by one
  std::uint32_t bundle = limits::kBundleMax;  // how many at most come together
  TypingHandler typing_handler{};             // none: the gateway sends no notices
  bool sweeps = false;                        // the handler knows v1::Sweep
  bool presence = false;                      // the handler knows v1::PresenceQuery
};

class Worker {
 public:
  Worker(WorkerOptions options, Handler handler, ops::Metrics& metrics);
  ~Worker();  // as stop()
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  // Takes nothing more, finishes what runs, hands in the verdicts, says Bye. Within limits::kDrain.
  void stop();
  // Welcomed by at least one gateway and heard from it within limits::kWorkerLostAfter. Thread-safe.
  bool connected() const;
  // Why it cannot work now, one line a reason; empty when it can. Thread-safe.
  std::vector<std::string> missing() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kefu::work
