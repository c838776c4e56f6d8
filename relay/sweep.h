// What an agent wrote to a customer according to IM itself: for callbacks that never came (reference: IM
// §2.8, §4.2).
#pragma once

#include "kefu/v1/work.pb.h"
#include "lib/base/clock.h"
#include "lib/work/outcome.h"
#include "relay/im_api.h"

namespace kefu::relay {

// Done with what was found, oldest first; done with a reason when IM refuses to tell, for then nobody is
// better off if the customer's messages wait. Not done only when IM is not to be reached or throttles.
// `wall_now`: IM counts by its own clock. Ends before `deadline` (steady).
work::Outcome sweep(ImApi& api, const v1::Delivery& delivery, Timestamp wall_now, Timestamp deadline);

}  // namespace kefu::relay
