// UserSig, TLSSigAPIv2 (reference: IM §5). Pure; over OpenSSL and zlib.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace kefu::im {

// `key` is used as text. `time_s`: Unix seconds of issue; `expire_s`: seconds of validity.
std::string make_usersig(std::uint32_t sdk_app_id, std::string_view key, std::string_view identifier,
                         std::int64_t time_s, std::int64_t expire_s);

struct UserSigFields {
  std::string identifier;
  std::uint32_t sdk_app_id = 0;
  std::int64_t time_s = 0;
  std::int64_t expire_s = 0;
};
// Undoes the container (inflated size capped at 8 KiB), recomputes the MAC from the fields. The error says
// what does not fit; expiry is not judged here. For the sandbox and tests.
Result<UserSigFields> check_usersig(std::string_view usersig, std::string_view key);

}  // namespace kefu::im
