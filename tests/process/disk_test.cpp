// A disk that takes no more: pushes are refused, nothing accepted is lost, and it recovers by itself.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <set>

#include "tests/process/stack.h"

using namespace kefu::test;

namespace {

void limit_file_size(pid_t process, rlim_t bytes) {
  rlimit limit{};
  REQUIRE(::prlimit(process, RLIMIT_FSIZE, nullptr, &limit) == 0);
  limit.rlim_cur = std::min(bytes, limit.rlim_max);
  REQUIRE(::prlimit(process, RLIMIT_FSIZE, &limit, nullptr) == 0);
}

}  // namespace

TEST_CASE("disk: a full disk refuses pushes, loses none, and is used again when it is back") {
  Stack stack;
  stack.start_gateway();
  limit_file_size(stack.gateway->pid(), 1 << 20);
  std::set<std::string> accepted;
  int number = 0;
  const auto push_one = [&] {
    const auto text = "message " + std::to_string(++number) + " " + std::string(1000, 'x');
    const auto answer = stack.say("oCustomer" + std::to_string(number), text);
    if (answer.status == 200) accepted.insert(text);
    return answer.status;
  };
  REQUIRE(eventually([&] { return push_one() == 503; }));
  CHECK(accepted.size() > 10);
  CHECK(stack.gateway->running());
  const auto ready = stack.ops("/readyz");
  CHECK(ready.status == 503);
  CHECK(ready.body.find("journal") != std::string::npos);
  CHECK(stack.ask({{"cmd", "queues"}})["ok"] == false);
  CHECK(stack.ask({{"cmd", "pause"}, {"queue", "relay"}})["ok"] == false);

  limit_file_size(stack.gateway->pid(), RLIM_INFINITY);
  CHECK(eventually([&] { return push_one() == 200; }));
  CHECK(stack.ops("/readyz").status == 200);
  stack.start_relay();
  CHECK(eventually([&] { return stack.queue("relay")["done"] >= accepted.size(); }));
  std::set<std::string> delivered;
  for (const auto& send : stack.clouds.calls("sendmsg")) delivered.insert(text_of(send));
  CHECK(std::includes(delivered.begin(), delivered.end(), accepted.begin(), accepted.end()));
}
