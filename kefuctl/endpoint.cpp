#include "kefuctl/endpoint.h"

#include <netdb.h>

#include <string_view>

namespace kefu::ctl {
namespace {

constexpr std::string_view kScheme = "tcp://";

bool has_address(const std::string& host, int family) {
  addrinfo wanted{};
  wanted.ai_family = family;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &wanted, &found) != 0) return false;
  ::freeaddrinfo(found);
  return true;
}

}  // namespace

bool is_ipv6(const std::string& endpoint) {
  if (!endpoint.starts_with(kScheme)) return false;
  if (endpoint.find('[') != std::string::npos) return true;
  const auto address = endpoint.substr(kScheme.size());
  const auto host = address.substr(0, address.rfind(':'));
  return !has_address(host, AF_INET) && has_address(host, AF_INET6);
}

}  // namespace kefu::ctl
