// The gateway's figures: what was accepted, refused, tried, and how long it took; and the log lines about
// what was refused. Thread-safe, as Metrics is.
#pragma once

#include <string>
#include <string_view>

#include "gateway/dispatcher.h"
#include "lib/ops/log_limiter.h"
#include "lib/ops/ops_page.h"

namespace kefu {

class Tally {
 public:
  explicit Tally(ops::Metrics& metrics);

  // --- web threads ---
  // `source`: wechat, im.
  void received(std::string_view source, const Receipt& receipt);
  // signature, sdkappid, not_understood, ... A refusal is logged, too: the first at once, then one a minute.
  void rejected(std::string_view reason, std::uint64_t count = 1);
  // From when a callback was read until it was stored.
  void callback_took(Millis took);

  // --- the loop ---
  void step(const Step& step);
  void quarantined(const Quarantined& push);
  void tap_overrun();
  // How many refusals no line has told of; every second or so.
  void log_left_out(Timestamp now);
  void queues(const Dispatcher& dispatcher, Journal& journal, Timestamp now);
  void committed(std::size_t letters, double seconds);
  // A connection of this door was cut; by the guard's thread.
  void cut(std::string_view door, std::string_view why);
  // Something unforeseen that harmed nobody else. `where`: question, tap, metrics.
  void bug(std::string_view where);
  // The journal can be written, or not any more.
  void journal_works(bool works);

 private:
  ops::Metrics& metrics_;
  log::LogLimiter refusals_;  // by reason
  ops::Metrics::Counter& accepted_wechat_;
  ops::Metrics::Counter& accepted_im_;
  ops::Metrics::Histogram& callback_seconds_;
  ops::Metrics::Counter& callbacks_late_;
  ops::Metrics::Histogram& commit_seconds_;
  ops::Metrics::Gauge& journal_up_;
  ops::Metrics::Counter& journal_failures_;
};

}  // namespace kefu
