// From an authentic callback of Tencent IM to what the gateway makes of an agent's message: the way of the
// webhook, and of a callback that was quarantined and is submitted again. Pure.
#pragma once

#include <map>
#include <set>
#include <string>

#include "gateway/journal/quarantine.h"
#include "gateway/submission.h"
#include "lib/base/result.h"
#include "lib/http/server.h"
#include "lib/im/callback.h"

namespace kefu {

struct ImWebhookOptions {
  std::string sdk_app_id;
  std::string token;  // empty: callbacks are taken unsigned (IM_CALLBACK_INSECURE)
  std::set<std::string> agents;
};

// The parameters that a quarantined callback needs to be taken again.
std::map<std::string, std::string> query_to_keep(const http::Request& request);

// The quarantined callback as the present options understand it. The error says why it still cannot be
// delivered.
Result<Submission> read_again(const ImWebhookOptions& options, const QuarantinedPush& quarantined);

}  // namespace kefu
