// Where kefuctl connects to.
#pragma once

#include <string>

namespace kefu::ctl {

// True: it is an IPv6 address, or a name that has no other. libzmq must be told, and tries the first address
// of a name alone. May ask the system's resolver.
bool is_ipv6(const std::string& endpoint);

}  // namespace kefu::ctl
