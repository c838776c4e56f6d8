#include "lib/wechat/signature.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "lib/base/digest.h"

namespace kefu::wechat {
namespace {

// std::string_view compares as unsigned bytes, which is what WeChat sorts by.
template <std::size_t N>
std::string sha1_of_sorted(std::array<std::string_view, N> parts) {
  std::sort(parts.begin(), parts.end());
  std::string joined;
  for (const auto part : parts) joined += part;
  return sha1_hex(joined);
}

}  // namespace

std::string url_signature(std::string_view token, std::string_view timestamp, std::string_view nonce) {
  return sha1_of_sorted(std::array{token, timestamp, nonce});
}

std::string message_signature(std::string_view token, std::string_view timestamp, std::string_view nonce,
                              std::string_view encrypt) {
  return sha1_of_sorted(std::array{token, timestamp, nonce, encrypt});
}

bool url_signature_holds(std::string_view token, std::string_view timestamp, std::string_view nonce,
                         std::string_view given) {
  return equal_constant_time(url_signature(token, timestamp, nonce), given);
}

bool message_signature_holds(std::string_view token, std::string_view timestamp, std::string_view nonce,
                             std::string_view encrypt, std::string_view given) {
  return equal_constant_time(message_signature(token, timestamp, nonce, encrypt), given);
}

}  // namespace kefu::wechat
