#include "gateway/reply_window.h"

#include <algorithm>

namespace kefu {
namespace {

constexpr std::uint32_t kRepliesToMessage = 5;
constexpr std::uint32_t kRepliesToTap = 3;

}  // namespace

void ReplyWindow::open(Opener by, Timestamp now) {
  if (by == Opener::message) {
    *this = {now + kAfterMessage, kRepliesToMessage, by};
    return;
  }
  const Timestamp end = now + kAfterTap;
  replies_left = is_open(now) ? std::max(replies_left, kRepliesToTap) : kRepliesToTap;
  if (end <= ends_at) return;
  ends_at = end;
  opened_by = by;
}

void ReplyWindow::close(Timestamp now) {
  if (is_open(now)) *this = {};
}

void ReplyWindow::use(std::uint32_t parts) {
  replies_left -= std::min(replies_left, parts);
}

std::string_view name(ReplyWindow::Opener opener) {
  switch (opener) {
    case ReplyWindow::Opener::message:
      return "message";
    case ReplyWindow::Opener::follow:
      return "follow";
    case ReplyWindow::Opener::scan:
      return "scan";
    case ReplyWindow::Opener::menu:
      return "menu";
    case ReplyWindow::Opener::nobody:
      break;
  }
  return "";
}

}  // namespace kefu
