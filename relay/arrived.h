// Which messages IM has already: for an attempt whose repeat IM would no longer recognise (reference: IM
// §2.5, §2.8).
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/ids.h"
#include "lib/work/outcome.h"
#include "relay/im_api.h"

namespace kefu::relay {

using MessageNumbers = std::pair<std::uint32_t, std::uint32_t>;  // MsgSeq, MsgRandom

struct Arrived {
  bool known = false;  // false: `failure` holds
  std::set<MessageNumbers> messages{};
  work::Outcome failure{};  // what to settle the delivery with; nothing has been sent
};

// What `customer` wrote to `agent` between the two times by IM's clock. Ends before `deadline` (steady).
Arrived look_up_arrived(ImApi& api, const ImUserId& customer, const std::string& agent, Timestamp from,
                        Timestamp to, Timestamp deadline);

}  // namespace kefu::relay
