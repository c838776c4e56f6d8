#include "relay/usersig_source.h"

#include <doctest/doctest.h>

#include <set>
#include <thread>
#include <vector>

#include "lib/im/usersig.h"

using namespace kefu;
using namespace std::chrono_literals;

namespace {
constexpr Timestamp kNow{1735689600000};
}

TEST_CASE("a UserSig is kept for half of its life and is valid on a clock that is a little behind") {
  relay::UserSigSource source(1400000001, "key", "admin");
  const auto first = source.get(kNow);
  CHECK(source.get(kNow + 11h) == first);
  CHECK(source.get(kNow + 12h) != first);

  const auto fields = im::check_usersig(first, "key");
  REQUIRE(fields.ok());
  CHECK(fields->identifier == "admin");
  CHECK(fields->sdk_app_id == 1400000001);
  CHECK(fields->time_s == kNow.ms / 1000 - 60);
  CHECK(fields->expire_s == 86400);
}

TEST_CASE("a clock that was set back gets a new UserSig") {
  relay::UserSigSource source(1, "key", "admin");
  const auto first = source.get(kNow);
  const auto second = source.get(kNow - 1h);
  CHECK(second != first);
  CHECK(im::check_usersig(second, "key")->time_s < kNow.ms / 1000 - 3000);
}

TEST_CASE("a refused UserSig is replaced once, whoever comes second gets the new one") {
  relay::UserSigSource source(1, "key", "admin");
  const auto refused = source.get(kNow);
  const auto fresh = source.replace(refused, kNow + 2s);
  CHECK(fresh != refused);
  CHECK(source.replace(refused, kNow + 4s) == fresh);
  CHECK(source.get(kNow + 4s) == fresh);
}

TEST_CASE("many threads share one UserSig") {
  relay::UserSigSource source(1, "key", "admin");
  std::vector<std::string> seen(16);
  std::vector<std::thread> threads;
  for (auto& one : seen) threads.emplace_back([&] { one = source.get(kNow); });
  for (auto& thread : threads) thread.join();
  CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 1);
}
