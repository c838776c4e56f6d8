// Which replies WeChat still lets through to one customer, by its rules (reference: WeChat §6.4) and by what
// the gateway has seen. It advises: nothing is refused because of it, WeChat's answer decides. Pure.
//
//   the customer …                                    may get    within
//   writes                                            5 replies  48 hours
//   follows, scans a parametric QR code, taps a menu  3 replies  1 minute
//
// WeChat does not say what holds where occasions overlap. Our choice: a message starts afresh; any other
// occasion takes nothing away, the later end and the larger number stay.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "lib/base/clock.h"

namespace kefu {

struct ReplyWindow {
  enum class Opener : std::uint8_t { nobody = 0, message = 1, follow = 2, scan = 3, menu = 4 };

  static constexpr Millis kAfterMessage = std::chrono::hours(48);
  static constexpr Millis kAfterTap = std::chrono::minutes(1);

  Timestamp ends_at{};  // in the past: it is over; 0: none was opened, or WeChat or the customer closed it
  std::uint32_t replies_left = 0;  // parts that may be sent before it ends
  Opener opened_by = Opener::nobody;

  void open(Opener by, Timestamp now);
  // The customer has left, or WeChat says so (45015). One that is over stays as it is.
  void close(Timestamp now);
  // A reply arrived in so many parts.
  void use(std::uint32_t parts);
  // WeChat says so (45047).
  void use_up() { replies_left = 0; }

  bool is_open(Timestamp now) const { return now < ends_at; }
  // When the replies that were accepted before it are no longer worth keeping: the end of the window that the
  // customer's message opened. 0: not known. A window of a minute lets replies through but does not shorten
  // their waiting.
  Timestamp replies_end_at() const { return opened_by == Opener::message ? ends_at : Timestamp{}; }
};

// "message", "follow", "scan", "menu"; empty for nobody.
std::string_view name(ReplyWindow::Opener opener);

}  // namespace kefu
