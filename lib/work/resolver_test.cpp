#include "lib/work/resolver.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>

#include "lib/work/threads.h"

using namespace kefu::work;

TEST_CASE("an address needs no asking, a name does") {
  CHECK(is_literal("tcp://127.0.0.1:5555"));
  CHECK(is_literal("tcp://[::1]:5555"));
  CHECK(is_literal("ipc:///run/kefu/queue"));
  CHECK_FALSE(is_literal("tcp://gateway:5555"));
}

TEST_CASE("a name means all its addresses, one that is not there none") {
  const auto found = resolve("tcp://localhost:5555");
  CHECK(std::find(found.begin(), found.end(), "tcp://127.0.0.1:5555") != found.end());
  CHECK(resolve("tcp://no-such-host.invalid:5555").empty());
}

TEST_CASE("threads run every job, also those that wait when they are stopped") {
  std::atomic<int> ran = 0;
  Threads threads(3);
  for (int i = 0; i < 100; ++i) threads.run([&] { ++ran; });
  threads.stop();
  CHECK(ran == 100);
}
