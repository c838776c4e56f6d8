#include "lib/wechat_client/token_cache.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <latch>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

using namespace kefu;
using namespace std::chrono_literals;
using wechat_client::FetchedToken;
using wechat_client::TokenCache;

namespace {

constexpr Timestamp kStart{1735689600000};

FetchedToken good(std::string token, Millis valid_for = 7200s) {
  return {std::move(token), valid_for, {}};
}
FetchedToken down() {
  FetchedToken made;
  made.failure.kind = v1::OUTCOME_UNAVAILABLE;
  made.failure.reason = "down";
  return made;
}

// One thread's cache with a scripted WeChat; `asked` is a list of n (normal) and f (by force).
struct Cache {
  Timestamp now = kStart;
  std::deque<FetchedToken> script;
  std::string asked;
  TokenCache tokens{[this](bool force, Timestamp) {
                      asked += force ? 'f' : 'n';
                      if (script.empty()) return down();
                      auto next = script.front();
                      script.pop_front();
                      return next;
                    },
                    [this] { return now; }};

  explicit Cache(std::deque<FetchedToken> answers) : script(std::move(answers)) {}
  std::string get() { return tokens.get(now + 8s).token; }
  std::string replace(const std::string& failed) { return tokens.replace(failed, now + 8s).token; }
};

}  // namespace

TEST_CASE("sixteen threads at once make one fetch and get its token") {
  std::latch asked(1);
  std::latch answer(1);
  std::atomic<int> fetches = 0;
  TokenCache tokens(
      [&](bool, Timestamp) {
        if (++fetches == 1) asked.count_down();
        answer.wait();
        return good("T");
      },
      steady_now);
  std::vector<std::string> got(16);
  std::vector<std::thread> threads;
  for (auto& one : got) threads.emplace_back([&] { one = tokens.get(steady_now() + 60s).token; });
  asked.wait();
  answer.count_down();
  for (auto& thread : threads) thread.join();
  CHECK(fetches == 1);
  for (const auto& one : got) CHECK(one == "T");
}

TEST_CASE("sixteen threads whose token is refused at once make one fetch") {
  std::atomic<int> fetches = 0;
  TokenCache tokens([&](bool, Timestamp) { return good("T" + std::to_string(++fetches)); }, steady_now);
  REQUIRE(tokens.get(steady_now() + 60s).token == "T1");
  std::vector<std::string> got(16);
  std::vector<std::thread> threads;
  for (auto& one : got) threads.emplace_back([&] { one = tokens.replace("T1", steady_now() + 60s).token; });
  for (auto& thread : threads) thread.join();
  CHECK(fetches == 2);
  for (const auto& one : got) CHECK(one == "T2");
}

TEST_CASE("who waits for another's fetch gives up at its own deadline") {
  std::latch asked(1);
  std::latch answer(1);
  TokenCache tokens(
      [&](bool, Timestamp) {
        asked.count_down();
        answer.wait();
        return good("T");
      },
      steady_now);
  std::thread first([&] { tokens.get(steady_now() + 60s); });
  asked.wait();
  const auto late = tokens.get(steady_now() + 20ms);
  CHECK_FALSE(late.ok());
  CHECK(late.failure.kind == v1::OUTCOME_UNAVAILABLE);
  CHECK_FALSE(late.failure.reason.empty());
  answer.count_down();
  first.join();
}

TEST_CASE("a fetch that throws holds nobody up") {
  int calls = 0;
  TokenCache tokens(
      [&](bool, Timestamp) -> FetchedToken {
        if (++calls == 1) throw std::runtime_error("no memory");
        return good("T");
      },
      steady_now);
  CHECK(tokens.get(steady_now() + 1s).failure.reason.find("no memory") != std::string::npos);
  CHECK(tokens.get(steady_now() + 1s).token == "T");
}

TEST_CASE("a token is kept, and refreshed in its last five minutes") {
  Cache cache({good("A"), good("B")});
  CHECK(cache.get() == "A");
  cache.now = kStart + 7200s - 301s;
  CHECK(cache.get() == "A");
  CHECK(cache.asked == "n");
  cache.now = kStart + 7200s - 300s;
  CHECK(cache.get() == "B");
  CHECK(cache.asked == "nn");
}

TEST_CASE("a token of ten seconds does not make a storm of fetches") {
  Cache cache({});
  for (int i = 0; i < 100; ++i) cache.script.push_back(good("T" + std::to_string(i), 10s));
  for (int tenth = 0; tenth < 600; ++tenth, cache.now = cache.now + 100ms) CHECK_FALSE(cache.get().empty());
  CHECK(cache.asked.size() >= 6);  // a minute
  CHECK(cache.asked.size() <= 10);
}

TEST_CASE("a token that WeChat gives without a life is not asked for with each message") {
  Cache cache({good("A", 0s), good("B", 0s)});
  CHECK(cache.get() == "A");
  CHECK(cache.get() == "A");
  CHECK(cache.asked == "n");
}

TEST_CASE("a refresh ahead that fails leaves the old token in use, and is not tried with each message") {
  Cache cache({good("A"), down(), down(), good("B")});
  cache.get();
  cache.now = kStart + 7000s;
  CHECK(cache.get() == "A");
  CHECK(cache.get() == "A");
  CHECK(cache.asked == "nn");
  cache.now = cache.now + 10s;
  CHECK(cache.get() == "A");
  CHECK(cache.asked == "nnn");
  cache.now = cache.now + 10s;
  CHECK(cache.get() == "B");
}

TEST_CASE("an expired token is not used when no other can be had") {
  Cache cache({good("A"), down()});
  cache.get();
  cache.now = kStart + 7200s;
  const auto result = cache.tokens.get(cache.now + 8s);
  CHECK_FALSE(result.ok());
  CHECK(result.failure.reason == "down");
}

TEST_CASE("a refused token is replaced in normal mode first") {
  Cache cache({good("A"), good("B")});
  cache.get();
  CHECK(cache.replace("A") == "B");
  CHECK(cache.asked == "nn");
  CHECK(cache.get() == "B");
}

TEST_CASE("a token that somebody else has replaced is not replaced again") {
  Cache cache({good("A"), good("B")});
  cache.get();
  cache.replace("A");
  CHECK(cache.replace("A") == "B");
  CHECK(cache.asked == "nn");
}

TEST_CASE("the very token that failed is forced out, at most once in 30 seconds") {
  Cache cache({good("A"), good("A"), good("B"), good("B"), good("B"), good("C")});
  cache.get();
  CHECK(cache.replace("A") == "B");
  CHECK(cache.asked == "nnf");

  const auto again = cache.tokens.replace("B", cache.now + 8s);
  CHECK_FALSE(again.ok());
  CHECK(again.failure.kind == v1::OUTCOME_UNAVAILABLE);
  CHECK(again.failure.after == 30s);
  CHECK(cache.asked == "nnfn");

  cache.now = cache.now + 30s;
  CHECK(cache.replace("B") == "C");
  CHECK(cache.asked == "nnfnnf");
}

TEST_CASE("WeChat's daily allowance of forced refreshes is never used up") {
  Cache cache({});
  for (int i = 0; i < 400; ++i) cache.script.push_back(good("A"));
  cache.get();
  for (int minute = 0; minute < 100; ++minute, cache.now = cache.now + 60s) cache.replace("A");
  CHECK(std::count(cache.asked.begin(), cache.asked.end(), 'f') == 18);
  cache.now = cache.now + 24h;
  cache.get();
  cache.replace("A");
  CHECK(std::count(cache.asked.begin(), cache.asked.end(), 'f') == 19);
}

TEST_CASE("a refused token is not handed out while WeChat cannot be asked for another") {
  Cache cache({good("A"), down(), good("B")});
  cache.get();
  CHECK(cache.replace("A").empty());
  CHECK(cache.get() == "B");
}
