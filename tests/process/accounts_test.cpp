// The customers' IM accounts: made and deleted, one by one and in bursts.
#include <doctest/doctest.h>

#include <set>

#include "tests/process/stack.h"

using namespace kefu::test;

namespace {

const std::string kAlice = "oAlice_0123456789-abcdefghij";

std::string customer(int number) {
  return "oCustomer_" + std::to_string(number);
}

// Follows of so many wait for a relay that is not there yet.
void pile_up_follows(Stack& stack, int count) {
  stack.start_gateway();
  for (int i = 0; i < count; ++i) REQUIRE(stack.follow(customer(i)).status == 200);
}

// Whom calls for many were about, each as often as it was asked for.
std::multiset<std::string> asked_for(const Stack& stack, const std::string& api, const std::string& list) {
  std::multiset<std::string> users;
  for (const auto& call : stack.clouds.calls(api)) {
    CHECK(call.body.at(list).size() <= 100);
    for (const auto& item : call.body.at(list)) users.insert(item.at("UserID").get<std::string>());
  }
  return users;
}

}  // namespace

TEST_CASE("accounts: a customer who followed before us is imported before their message is sent") {
  Stack stack;
  stack.start_all();
  stack.clouds.hold("account_import");
  stack.say(kAlice, "hello");
  stack.clouds.wait_for("account_import", 1);
  CHECK(stack.clouds.calls("account_import")[0].body["UserID"] == kAlice);
  CHECK(stack.clouds.count("sendmsg") == 0);
  stack.clouds.release();
  stack.clouds.wait_for("sendmsg", 1);
  stack.say(kAlice, "again");
  stack.clouds.wait_for("sendmsg", 2);
  CHECK(stack.clouds.count("account_import") == 1);
}

TEST_CASE("accounts: one that IM has lost is imported again, and the message repeated") {
  Stack stack;
  stack.start_all();
  stack.follow(kAlice);
  stack.say(kAlice, "hello");
  stack.clouds.wait_for("sendmsg", 1);
  stack.clouds.fail_next("sendmsg", 20003);
  stack.say(kAlice, "are you there?");
  stack.clouds.wait_for("sendmsg", 3);
  CHECK(stack.clouds.count("account_import") == 2);
  const auto sends = stack.clouds.calls("sendmsg");
  CHECK(sends[1].raw == sends[2].raw);
}

TEST_CASE("accounts: a burst of follows becomes a few calls, of unfollows too") {
  constexpr int kCustomers = 250;
  Stack stack;
  pile_up_follows(stack, kCustomers);
  stack.start_relay();
  CHECK(eventually([&] { return stack.queue("relay")["done"] == kCustomers; }));
  CHECK(stack.clouds.count("multiaccount_import") + stack.clouds.count("account_import") <= 10);
  const auto imported = asked_for(stack, "multiaccount_import", "AccountList");
  CHECK(imported.size() + stack.clouds.count("account_import") == kCustomers);

  CHECK(stack.relays.back()->stop() == 0);
  for (int i = 0; i < kCustomers; ++i) REQUIRE(stack.unfollow(customer(i)).status == 200);
  stack.start_relay();
  CHECK(eventually([&] { return stack.queue("relay")["done"] == 2 * kCustomers; }));
  CHECK(stack.clouds.count("account_delete") <= 10);
  const auto deleted = asked_for(stack, "account_delete", "DeleteItem");
  CHECK(deleted.size() == kCustomers);
  CHECK(std::set<std::string>(deleted.begin(), deleted.end()).size() == kCustomers);
}

TEST_CASE("accounts: one that IM refuses does not hold up the burst it came with") {
  constexpr int kCustomers = 60;
  Stack stack;
  pile_up_follows(stack, kCustomers);
  const std::string half = R"({"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"FailAccounts":["%"]})";
  auto answer = half;
  answer.replace(answer.find('%'), 1, customer(kCustomers - 1));
  for (int i = 0; i < kCustomers; ++i) stack.clouds.answer_next("multiaccount_import", {200, answer});
  stack.clouds.fail_next("account_import", 70402);
  stack.start_relay();
  CHECK(eventually([&] {
    const auto queue = stack.queue("relay");
    return queue["done"] == kCustomers - 1 && queue["dead"] == 1;
  }));
  const auto dead =
      stack.ask({{"cmd", "list"}, {"queue", "relay"}, {"state", "dead"}, {"limit", 10}})["events"];
  REQUIRE(dead.size() == 1);
  CHECK(dead[0]["error"].get<std::string>().find("70402") != std::string::npos);
}
