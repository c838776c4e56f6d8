// What an agent wrote to a customer according to IM itself: for callbacks that never came (reference: IM
// §2.8, §4.2).
#pragma once

#include "kefu/v1/work.pb.h"
#include "lib/base/clock.h"
#include "lib/work/outcome.h"
#include "relay/im_api.h"

namespace kefu::relay {

inline constexpr Millis kSweepBudget{3000};  // words of people want the slot
inline constexpr std::size_t kFoundBytesMax = 256 << 10;

// Done with what was found, oldest first; with a reason, too, when IM refuses to tell, or when not all could
// be looked at (pages, bytes or time ran out): then the newest are what was found, and the same is to be
// asked for again. Not done only when IM is not to be reached or throttles at once.
// `wall_now`: IM counts by its own clock, the gateway by another; at least ten minutes and at most a day are
// looked back. Ends before `deadline` (steady).
work::Outcome sweep(ImApi& api, const v1::Delivery& delivery, Timestamp wall_now, Timestamp deadline);

}  // namespace kefu::relay
