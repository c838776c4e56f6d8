// The elements of a message of Tencent IM (reference: IM §3), read from and written to a MsgBody. Pure;
// survives field drift and hostile JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kefu/v1/event.pb.h"
#include "lib/base/ids.h"

namespace kefu::im {

inline constexpr std::size_t kElementsMax = 100;  // of one message; what follows is left out

// What a MsgBody says, in order. Text is clean UTF-8; addresses are http(s) and otherwise as strangers wrote
// them; a card is an object of a type that nobody has checked yet.
struct Content {
  std::vector<v1::Element> elements;
  // MsgTypes that cannot be carried over, one a line, each once: unknown ones, media without an address, and
  // "TIMCustomElem <Desc>" of what others invented.
  std::string left_out;
  // The only element says that its sender types (true), or has stopped (false).
  std::optional<bool> typing{};

  bool all_text() const;
  std::string text() const;  // of the text elements, joined by newlines
};

// `msg_body`: the array, or a string that holds it; anything else has no elements.
Content read_content(const nlohmann::json& msg_body);
Content parse_content(std::string_view msg_body);

// A MsgBody that IM takes (reference: IM §3, what REST senders must give). The same elements give the same
// bytes. REQUIRES: clean UTF-8; at most one card.
std::string body_of(std::span<const v1::Element> elements);

struct Message {
  ImUserId from;
  std::string to;
  std::uint32_t msg_seq = 0;
  std::uint32_t msg_random = 0;
  std::vector<v1::Element> elements;
};
// Body of openim/sendmsg. The same message gives the same bytes. No callbacks are wanted for it (reference:
// IM §4.4).
std::string send_body(const Message& message);

}  // namespace kefu::im
