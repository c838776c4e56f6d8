// The clouds' state as JSON, for the page and for tests (docs/sandbox.md). Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "sandbox/im_cloud.h"
#include "sandbox/wechat_cloud.h"

namespace kefu::sandbox {

nlohmann::json view_of(const Seen& seen);
nlohmann::json view_of(const Customer& customer, Timestamp now);  // without what was seen
nlohmann::json view_with_seen(const Customer& customer, Timestamp now);
nlohmann::json view_of(const ImAccount& account);
nlohmann::json view_of(const ImMessage& message);
// {"id", "conversations": {"<account>": [message, …]}}
nlohmann::json view_of_agent(const ImCloud& im, const std::string& agent);

}  // namespace kefu::sandbox
