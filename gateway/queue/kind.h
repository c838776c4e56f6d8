// What an event asks of its cloud; what is limited and preferred by.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kefu/v1/event.pb.h"

namespace kefu::queue {

// Kept in the journal, but for lookup: numbers are never given to another kind.
enum class Kind : std::uint8_t { message = 0, import_account = 1, delete_account = 2, reply = 3, lookup = 4 };

inline constexpr std::size_t kKinds = 5;
// In the order in which they go out: words of people before accounts in bulk, our own questions last.
inline constexpr std::array kKindsInOrder{Kind::message, Kind::reply, Kind::import_account,
                                          Kind::delete_account, Kind::lookup};

inline Kind kind_of(const v1::Event& event) {
  switch (event.body_case()) {
    case v1::Event::kFollow:
      return Kind::import_account;
    case v1::Event::kUnfollow:
      return Kind::delete_account;
    case v1::Event::kAgentMessage:
      return Kind::reply;
    case v1::Event::kSweep:
    case v1::Event::kPresenceQuery:
      return Kind::lookup;
    default:
      return Kind::message;
  }
}

inline v1::Queue queue_of(Kind kind) {
  return kind == Kind::reply ? v1::QUEUE_NOTIFIER : v1::QUEUE_RELAY;
}

// The call that it takes, as people know it: in the metrics and the admin answers.
inline std::string_view call_name(Kind kind) {
  switch (kind) {
    case Kind::message:
      return "im_send";
    case Kind::import_account:
      return "im_import";
    case Kind::delete_account:
      return "im_delete";
    case Kind::reply:
      return "wechat_send";
    case Kind::lookup:
      return "im_lookup";
  }
  return "unknown";
}

}  // namespace kefu::queue
