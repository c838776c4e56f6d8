// The access token that all threads of a program share (reference: WeChat §5): one refresh in flight,
// ahead of expiry; a token that WeChat refused is replaced by compare-and-swap. Thread-safe; time and the
// asking are passed in.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "lib/base/clock.h"
#include "lib/work/worker.h"

namespace kefu::wechat_client {

// A token, or what to settle a delivery with when there is none.
struct TokenResult {
  std::string token{};
  work::Outcome failure{};

  bool ok() const { return !token.empty(); }
};

// What WeChat has answered.
struct FetchedToken {
  std::string token{};  // empty: `failure` holds
  Millis valid_for{0};
  work::Outcome failure{};
};

class TokenCache {
 public:
  // Ends by `deadline`. `force`: the one that is current now must die.
  using Fetch = std::function<FetchedToken(bool force, Timestamp deadline)>;

  TokenCache(Fetch fetch, std::function<Timestamp()> now);

  // The cached one while it is good; else the first thread fetches and the others wait for it, each until its
  // own deadline.
  TokenResult get(Timestamp deadline);
  // WeChat has refused `failed`: another one, unless some thread has already got it.
  TokenResult replace(const std::string& failed, Timestamp deadline);

 private:
  using Lock = std::unique_lock<std::mutex>;

  bool usable(Timestamp now) const;
  // From the refresh under way, or from one of our own.
  TokenResult refreshed(Lock& lock, Timestamp deadline);
  TokenResult refresh(Lock& lock, Timestamp deadline);
  // Asks in normal mode, and by force when the very token comes back that failed. Called without the lock.
  FetchedToken fetch_other_than(const std::string& refused, bool may_force, Timestamp deadline, bool& forced);
  void keep(const FetchedToken& fetched, Timestamp asked_at);
  void count_forced(Timestamp now);
  bool may_force(Timestamp now) const;

  const Fetch fetch_;
  const std::function<Timestamp()> now_;

  std::mutex mutex_;
  std::condition_variable refresh_ended_;
  // Guarded by mutex_:
  std::string token_;
  std::string refused_;  // not to be handed out while it is the current one
  Timestamp expires_at_{0};
  Timestamp refresh_at_{0};
  std::optional<Timestamp> forced_at_;
  Timestamp forced_day_began_{0};
  int forced_today_ = 0;
  bool refreshing_ = false;
  TokenResult last_;  // of the refresh that ended last
};

}  // namespace kefu::wechat_client
