// The elements of a message, as IM's REST API checks them and as an agent's client makes them (reference: IM
// §3). Pure; the sandbox's own reading.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "sandbox/media_shelf.h"

namespace kefu::sandbox {

// ErrorCode for a MsgBody of a REST sender, 0 when it has all that clients need.
std::int64_t elements_problem(const nlohmann::json& elements);

// As words: texts as they are, the rest as "[TIMImageElem]"; one a line.
std::string shown_text(const nlohmann::json& elements);

// The MsgBody that a client makes of `wanted`, a list of {"type", …} as POST /api/agent/send has it. Elements
// with a "MsgType" are taken as they are. Files are put on the shelf; `url`: of the sandbox.
Result<nlohmann::json> compose_elements(const nlohmann::json& wanted, Shelf& files, const std::string& url,
                                        Timestamp now);

}  // namespace kefu::sandbox
