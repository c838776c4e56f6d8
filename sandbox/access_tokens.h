// access_tokens of one Official Account (reference: WeChat §5). Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"

namespace kefu::sandbox {

class AccessTokens {
 public:
  struct Given {
    std::string token;
    std::int64_t expires_in_s = 0;
  };
  enum class Verdict { good, missing, unknown, expired };

  AccessTokens(Millis lifetime, std::function<std::uint64_t()> chance);

  // stable_token: the same token until its last 5 minutes; `force` gives a new one at most every 30 s.
  // A replaced token stays good for 5 minutes; a second forced refresh ends the first one's predecessor.
  Given stable(bool force, Timestamp now);
  // /cgi-bin/token: a new one each time, the one before stays good for 5 minutes. Apart from stable().
  Given plain(Timestamp now);

  Verdict check(std::string_view token, Timestamp now) const;
  // All die at once, as happens when somebody resets the secret.
  void revoke_all();

 private:
  struct Token {
    std::string value;
    Timestamp until;
  };
  using Chain = std::vector<Token>;  // newest last

  const Token& renew(Chain& chain, Timestamp now);

  Millis lifetime_;
  std::function<std::uint64_t()> chance_;
  Chain stable_, plain_;
  Timestamp forced_at_{-1'000'000};
};

}  // namespace kefu::sandbox
