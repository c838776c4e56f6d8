#include "kefuctl/step.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

#include "kefu/v1/event.pb.h"

using namespace kefu::ctl;
using nlohmann::json;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

StepFilter filter(const std::string& queue, const std::string& step = "", const std::string& customer = "") {
  StepFilter made;
  made.queue = queue;
  made.step = step;
  made.customer = customer;
  return made;
}

std::string step_with(const json& more) {
  json step{
      {"id", 9}, {"queue", "relay"}, {"step", "retry"}, {"type", "customer_message"}, {"customer", "oA"}};
  step.update(more);
  return step.dump();
}

}  // namespace

TEST_CASE("a step is one line: when, where, what, whose, and why when something went wrong") {
  setenv("TZ", "UTC", 1);
  tzset();
  CHECK(
      render_step(
          R"({"id":9,"queue":"relay","step":"retry","type":"follow","customer":"oA","attempt":2,"at":1735689600123,
                        "error":"time-out"})") ==
      "2025-01-01 00:00:00.123+00:00  relay     retry      follow            9         oA  attempt 2  "
      "time-out");
  CHECK(contains(
      render_step(
          R"({"id":9,"queue":"notifier","step":"done","type":"agent_message","customer":"oA","attempt":1,"at":0})"),
      "notifier  done       agent_message     9         oA"));
}

TEST_CASE("a filter lets pass what fits all of its fields") {
  const std::string step = R"({"queue":"relay","step":"done","customer":"oA","type":"follow"})";
  CHECK(StepFilter{}.lets_pass(step));
  CHECK(filter("relay", "done", "oA").lets_pass(step));
  CHECK_FALSE(filter("notifier").lets_pass(step));
  CHECK_FALSE(filter("", "dead").lets_pass(step));
  CHECK_FALSE(filter("", "", "oB").lets_pass(step));
  CHECK_FALSE(filter("relay").lets_pass("no JSON"));
  StepFilter by_type;
  by_type.type = "follow";
  CHECK(by_type.lets_pass(step));
  by_type.type = "unfollow";
  CHECK_FALSE(by_type.lets_pass(step));
}

TEST_CASE("a filter for errors takes a code or any part of the text") {
  StepFilter failing;
  failing.error = "TIME-out";
  CHECK(failing.lets_pass(step_with({{"error", "no answer: Time-Out after 6 s"}})));
  CHECK_FALSE(failing.lets_pass(step_with({{"error", "refused"}})));
  CHECK_FALSE(failing.lets_pass(step_with(json::object())));
  failing.error = "45015";
  CHECK(failing.lets_pass(step_with({{"code", 45015}, {"error", "the customer is silent"}})));
  CHECK(failing.lets_pass(step_with({{"error", "WeChat 45015: silent"}})));
}

TEST_CASE("a filter subscribes to as little as it can") {
  CHECK(StepFilter{}.topic().empty());
  CHECK(filter("", "done", "oA").topic().empty());
  CHECK(filter("relay", "", "oA").topic() == "relay.");
  CHECK(filter("relay", "done").topic() == "relay.done.");
  CHECK(filter("relay", "done", "oA").topic() == "relay.done.oA");
}

TEST_CASE(
    "content comes from the event of the third frame, with a stranger's control characters made visible") {
  kefu::v1::Event event;
  event.set_source_id("1_2_3");
  event.mutable_agent_message()->set_text("hello\x1b[2J");
  event.mutable_agent_message()->set_agent("agent1");
  const std::string told = with_content(step_with(json::object()), event.SerializeAsString());
  CHECK(json::parse(told)["source_id"] == "1_2_3");
  CHECK(json::parse(told)["agent"] == "agent1");
  CHECK(contains(render_step(told), "\"hello\\x1b[2J\""));
  CHECK(with_content("{}", "no protobuf") == "{}");
  CHECK(with_content("no JSON", event.SerializeAsString()) == "no JSON");
}

TEST_CASE("what was missed shows as a gap in the number that fits the subscription") {
  const auto step = [](int all, int queue, int kind) {
    return step_with({{"seq", all}, {"queue_seq", queue}, {"step_seq", kind}});
  };
  MissedSteps everything{StepFilter{}};
  CHECK(everything.before(step(5, 1, 1)) == 0);
  CHECK(everything.before(step(6, 2, 2)) == 0);
  CHECK(everything.before(step(9, 3, 3)) == 2);
  CHECK(everything.before(step(1, 1, 1)) == 0);  // the gateway has restarted
  MissedSteps one_queue{filter("relay")};
  CHECK(one_queue.before(step(5, 1, 1)) == 0);
  CHECK(one_queue.before(step(9, 2, 2)) == 0);
  CHECK(one_queue.before(step(10, 4, 3)) == 1);
  MissedSteps one_kind{filter("relay", "dead")};
  CHECK(one_kind.before(step(5, 1, 1)) == 0);
  CHECK(one_kind.before(step(9, 7, 2)) == 0);
  MissedSteps one_customer{filter("relay", "dead", "oA")};
  CHECK(one_customer.before(step(5, 1, 1)) == 0);
  CHECK(one_customer.before(step(9, 7, 5)) == 0);
  CHECK(everything.before("no JSON") == 0);
}
