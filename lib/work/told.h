// What a cloud says about a failure, made fit for a reason: bounded, clean UTF-8, without the secret it may
// repeat. Pure.
#pragma once

#include <string>
#include <string_view>

namespace kefu::work {

// At most 300 bytes.
std::string told_by_cloud(std::string message, std::string_view secret);

// The first IPv4 address in what a cloud says: of this server, as the cloud sees it, when it refuses an
// address. Empty when there is none.
std::string address_in(std::string_view message);

}  // namespace kefu::work
