#include "lib/wechat_client/token_cache.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace kefu::wechat_client {
namespace {

using namespace std::chrono_literals;

// reference: WeChat §5. WeChat gives a new token in the old one's last five minutes, not before.
constexpr Millis kRefreshAhead = 5min;
constexpr Millis kRefreshAheadTakes = 2s;  // of the time of the delivery that comes first
constexpr Millis kLongestLife = 24h;
constexpr Millis kShortestLife = 1s;
constexpr Millis kAfterFailedRefresh = 10s;
constexpr Millis kBetweenForced = 30s;
constexpr int kForcedADay = 18;  // WeChat allows 20

work::Outcome no_token(v1::Failure failure, std::string reason, Millis after = 0ms) {
  return work::failed(v1::OUTCOME_UNAVAILABLE, failure, std::move(reason), after);
}

}  // namespace

TokenCache::TokenCache(Fetch fetch, std::function<Timestamp()> now)
    : fetch_(std::move(fetch)), now_(std::move(now)) {}

TokenResult TokenCache::get(Timestamp deadline) {
  Lock lock(mutex_);
  const auto now = now_();
  if (!usable(now)) return refreshed(lock, deadline);
  if (refreshing_ || now < refresh_at_) return {token_, {}};
  auto fresh = refresh(lock, std::min(deadline, now + kRefreshAheadTakes));
  // The old one is good until it expires, whatever became of the new one.
  return !fresh.ok() && usable(now_()) ? TokenResult{token_, {}} : fresh;
}

TokenResult TokenCache::replace(const std::string& failed, Timestamp deadline) {
  Lock lock(mutex_);
  if (token_ == failed) refused_ = failed;
  return usable(now_()) ? TokenResult{token_, {}} : refreshed(lock, deadline);
}

bool TokenCache::usable(Timestamp now) const {
  return !token_.empty() && token_ != refused_ && now < expires_at_;
}

TokenResult TokenCache::refreshed(Lock& lock, Timestamp deadline) {
  while (refreshing_) {
    if (!refresh_ended_.wait_for(lock, deadline - now_(), [&] { return !refreshing_; })) {
      return {{}, no_token(v1::FAILURE_UNREACHABLE, "WeChat has not given an access token in time")};
    }
    if (usable(now_())) return {token_, {}};
    if (!last_.ok()) return last_;  // one failure is enough for all who waited
  }
  return refresh(lock, deadline);
}

TokenResult TokenCache::refresh(Lock& lock, Timestamp deadline) {
  refreshing_ = true;
  const auto asked_at = now_();
  const auto refused = refused_;
  const bool force_allowed = may_force(asked_at);
  FetchedToken fetched;
  bool forced = false;
  lock.unlock();
  try {
    fetched = fetch_other_than(refused, force_allowed, deadline, forced);
  } catch (const std::exception& problem) {  // or all would wait for ever
    fetched.failure = no_token(v1::FAILURE_RETRY,
                               std::string("asking WeChat for an access token failed: ") + problem.what());
  }
  lock.lock();

  if (forced) count_forced(asked_at);
  last_ = {fetched.token, fetched.failure};
  if (!last_.ok()) {
    refresh_at_ = now_() + kAfterFailedRefresh;
  } else {
    keep(fetched, asked_at);
    if (token_ == refused) {
      // WeChat has no other for now. What waits gets none; the probe after the pause may try this one once
      // more.
      last_ = {{},
               no_token(v1::FAILURE_CREDENTIALS,
                        "WeChat refuses the access token that it gives out: is the app secret being reset?",
                        kBetweenForced)};
    }
    if (refused_ == refused) refused_.clear();  // else another one was refused meanwhile
  }
  refreshing_ = false;
  refresh_ended_.notify_all();
  return last_;
}

FetchedToken TokenCache::fetch_other_than(const std::string& refused, bool may_force, Timestamp deadline,
                                          bool& forced) {
  auto fetched = fetch_(false, deadline);
  if (fetched.token.empty() || fetched.token != refused || !may_force) return fetched;
  forced = true;
  return fetch_(true, deadline);
}

void TokenCache::keep(const FetchedToken& fetched, Timestamp asked_at) {
  const auto life = std::clamp(fetched.valid_for, kShortestLife, kLongestLife);
  token_ = fetched.token;
  expires_at_ = asked_at + life;
  // A short life is refreshed in its last quarter: asked again at once, WeChat would give the same token
  // again.
  refresh_at_ = expires_at_ - std::min(kRefreshAhead, life / 4);
}

void TokenCache::count_forced(Timestamp now) {
  forced_at_ = now;
  if (now - forced_day_began_ >= kLongestLife) {
    forced_day_began_ = now;
    forced_today_ = 0;
  }
  ++forced_today_;
}

bool TokenCache::may_force(Timestamp now) const {
  if (forced_at_ && now - *forced_at_ < kBetweenForced) return false;
  return forced_today_ < kForcedADay || now - forced_day_began_ >= kLongestLife;
}

}  // namespace kefu::wechat_client
