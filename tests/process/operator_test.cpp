// What an operator does, against the real gateway.
#include <doctest/doctest.h>

#include "tests/process/stack.h"

using namespace kefu::test;

TEST_CASE("operator: a question that is too long hears so, and the next one is answered") {
  Stack stack;
  stack.start_gateway();
  const auto refused = stack.ask({{"cmd", "list"}, {"queue", std::string(2 << 20, 'x')}});
  CHECK(refused["ok"] == false);
  CHECK(refused["error"].get<std::string>().find("1048576") != std::string::npos);
  CHECK(stack.ask({{"cmd", "queues"}})["ok"] == true);
}
