// What a relay does with deliveries that a gateway would hand out after minutes only, or in a burst.
#include <doctest/doctest.h>

#include <map>

#include "tests/process/other_gateway.h"

using namespace kefu::test;
using nlohmann::json;

namespace {

// Its call went out more than 100 s ago, and nothing came back.
kefu::v1::ToWorker doubtful_delivery() {
  auto message = OtherGateway::delivery(5, "hello");
  message.mutable_delivery()->set_imported(true);
  message.mutable_delivery()->set_attempt(2);
  message.mutable_delivery()->set_unsure_for_ms(150'000);
  message.mutable_delivery()->mutable_event()->set_accepted_at_ms(1'735'689'600'000);
  return message;
}

kefu::http::Response history(const json& messages) {
  const json body{{"ActionStatus", "OK"}, {"ErrorCode", 0}, {"Complete", 1}, {"MsgList", messages}};
  return {200, body.dump(), "application/json"};
}

}  // namespace

TEST_CASE("relay: a message that may have arrived minutes ago is looked up, and sent only when it has not") {
  OtherGateway gateway;
  auto& clouds = gateway.stack.clouds;
  std::size_t sends = 0;
  SUBCASE("it has") {
    clouds.answer_next("admin_getroammsg", history({{{"From_Account", OtherGateway::kCustomer},
                                                     {"To_Account", "agent1"},
                                                     {"MsgSeq", 7},
                                                     {"MsgRandom", 8}}}));
  }
  SUBCASE("it has not") {
    clouds.answer_next("admin_getroammsg", history(json::array()));
    sends = 1;
  }
  gateway.hear(kefu::v1::FromWorker::kHello);
  gateway.welcome();
  gateway.say(doubtful_delivery());
  const auto verdict = gateway.hear(kefu::v1::FromWorker::kVerdict).verdict();
  CHECK(verdict.outcome() == kefu::v1::OUTCOME_DONE);
  CHECK(verdict.progress() == 1);
  CHECK(clouds.count("admin_getroammsg") == 1);
  CHECK(clouds.calls("admin_getroammsg").at(0).body["Operator_Account"] == "agent1");
  CHECK(clouds.count("sendmsg") == sends);
}

TEST_CASE("relay: a message that cannot be looked up is not sent") {
  OtherGateway gateway;
  gateway.stack.clouds.answer_next("admin_getroammsg", {502, "<html>bad gateway</html>"});
  gateway.hear(kefu::v1::FromWorker::kHello);
  gateway.welcome();
  gateway.say(doubtful_delivery());
  const auto verdict = gateway.hear(kefu::v1::FromWorker::kVerdict).verdict();
  CHECK(verdict.outcome() == kefu::v1::OUTCOME_RETRY);
  CHECK(verdict.reason().find("looked up") != std::string::npos);
  CHECK(gateway.stack.clouds.count("sendmsg") == 0);
}

TEST_CASE("relay: a bundle is one call, with a verdict for each that was in it") {
  OtherGateway gateway;
  CHECK(gateway.hear(kefu::v1::FromWorker::kHello).hello().bundle() == 100);
  gateway.welcome();
  kefu::v1::ToWorker message;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    auto delivery = OtherGateway::delivery(id, "").delivery();
    delivery.mutable_event()->mutable_follow();
    delivery.mutable_event()->set_customer("oCustomer" + std::to_string(id));
    delivery.set_im_user(delivery.event().customer());
    *message.mutable_bundle()->add_deliveries() = delivery;
  }
  gateway.say(message);
  std::map<std::uint64_t, std::uint64_t> leases;
  while (leases.size() < 3) {
    const auto verdict = gateway.hear(kefu::v1::FromWorker::kVerdict).verdict();
    CHECK(verdict.outcome() == kefu::v1::OUTCOME_DONE);
    CHECK(verdict.account().kind() == kefu::v1::AccountChange::KIND_IMPORTED);
    leases[verdict.event_id()] = verdict.lease();
  }
  CHECK(leases == std::map<std::uint64_t, std::uint64_t>{{1, 1001}, {2, 1002}, {3, 1003}});
  CHECK(gateway.stack.clouds.count("multiaccount_import") == 1);
  CHECK(gateway.stack.clouds.count("account_import") == 0);
}
