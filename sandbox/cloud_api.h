// The clouds' HTTP APIs: finds the call, lets ordered faults strike, answers, and writes the call down.
#pragma once

#include <optional>

#include "lib/http/server.h"
#include "sandbox/sandbox.h"

namespace kefu::sandbox {

// Nothing when the path belongs to neither cloud (/cgi-bin/…, /v4/…).
std::optional<http::Response> answer_cloud_call(Sandbox& sandbox, const http::Request& request);

}  // namespace kefu::sandbox
