// Which agents are online according to IM itself (reference: IM §2.4): for callbacks that an app has not, or
// that never came.
#pragma once

#include "kefu/v1/work.pb.h"
#include "lib/base/clock.h"
#include "lib/work/outcome.h"
#include "relay/im_api.h"

namespace kefu::relay {

inline constexpr Millis kPresenceBudget{3000};  // words of people want the slot

// Done with what IM says of each agent; with a reason and nothing when IM refuses to tell. Ends before
// `deadline` (steady).
work::Outcome query_presence(ImApi& api, const v1::PresenceQuery& asked, Timestamp deadline);

}  // namespace kefu::relay
