// What passes between a customer's phone and the account: what the customer does, as pushes say it, and what
// the customer-service API may send, as WeChat checks it (reference: WeChat §3, §4, §6.2). Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "sandbox/media_shelf.h"

namespace kefu::sandbox {

// As the phone shows it.
struct Shown {
  std::string type = "text";  // MsgType, msgtype; "event"
  std::string text;           // as words: the text itself, "[image]", "[location] …"
  std::string content;        // of other types: a JSON object, docs/sandbox.md
};

// WeChat's media, and where the world finds them.
struct MediaRoom {
  Shelf& shelf;
  const std::string& url;  // of the sandbox, without a slash at the end
  Timestamp now;
};

// How many messages an action of the customer allows, and for how long (reference: §6.4).
enum class Grant { none, message, tap };

struct Composed {
  Shown shown;
  std::string type;    // MsgType; of events the Event
  std::string fields;  // XML of what comes after the head
  Grant grant = Grant::none;
};

// `request`: {"type", …} as POST /api/send has it. Files are put on the shelf.
Result<Composed> compose_message(const nlohmann::json& request, MediaRoom room);
// `request`: {"event", …} as POST /api/event has it.
Result<Composed> compose_event(const nlohmann::json& request, std::uint64_t chance);

// A message of custom/send. `code` 0: good.
struct Judged {
  std::int64_t code = 0;
  Shown shown;
};
Judged judge_message(const nlohmann::json& message, std::string_view raw, MediaRoom room);

// A passive reply other than text; an error when WeChat could not show it. `xml`: the reply.
Result<Shown> read_reply(std::string_view type, std::string_view xml, MediaRoom room);

// Of an upload: errcode, 0 when WeChat takes it (reference: §7.1).
std::int64_t upload_problem(std::string_view type, std::string_view filename, std::string_view bytes);

}  // namespace kefu::sandbox
