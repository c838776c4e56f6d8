#include "sandbox/access_tokens.h"

#include <algorithm>

#include "lib/base/digest.h"

namespace kefu::sandbox {
namespace {

using namespace std::chrono_literals;

constexpr Millis kOverlap = 5min;  // how long a replaced token stays good; also the last minutes of a token
constexpr Millis kForceEvery = 30s;
constexpr std::size_t kRemembered = 8;  // expired ones, so that they can be told from invented ones

}  // namespace

AccessTokens::AccessTokens(Millis lifetime, std::function<std::uint64_t()> chance)
    : lifetime_(lifetime), chance_(std::move(chance)) {}

const AccessTokens::Token& AccessTokens::renew(Chain& chain, Timestamp now) {
  if (!chain.empty()) chain.back().until = std::min(chain.back().until, now + kOverlap);
  const auto seed = std::to_string(chance_()) + "/" + std::to_string(chance_());
  chain.push_back({"SANDBOX_" + sha256_hex(seed) + sha256_hex("2" + seed), now + lifetime_});
  if (chain.size() > kRemembered) chain.erase(chain.begin());
  return chain.back();
}

AccessTokens::Given AccessTokens::stable(bool force, Timestamp now) {
  const bool has_one = !stable_.empty();
  const bool renew_forced = force && has_one && now - forced_at_ >= kForceEvery;
  if (renew_forced) {
    if (stable_.size() >= 2) stable_.erase(stable_.begin(), stable_.end() - 1);
    forced_at_ = now;
  }
  const Millis last_minutes = std::min(kOverlap, lifetime_ / 2);
  const bool fresh = has_one && stable_.back().until - now > last_minutes;
  const Token& token = fresh && !renew_forced ? stable_.back() : renew(stable_, now);
  return {token.value, (token.until - now).count() / 1000};
}

AccessTokens::Given AccessTokens::plain(Timestamp now) {
  const Token& token = renew(plain_, now);
  return {token.value, (token.until - now).count() / 1000};
}

AccessTokens::Verdict AccessTokens::check(std::string_view token, Timestamp now) const {
  if (token.empty()) return Verdict::missing;
  for (const Chain* chain : {&stable_, &plain_}) {
    for (const auto& known : *chain) {
      if (known.value == token) return now < known.until ? Verdict::good : Verdict::expired;
    }
  }
  return Verdict::unknown;
}

void AccessTokens::revoke_all() {
  stable_.clear();
  plain_.clear();
}

}  // namespace kefu::sandbox
