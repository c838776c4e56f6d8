#include "gateway/event_json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "lib/base/digest.h"

using namespace kefu;
using nlohmann::json;

namespace {

StoredEvent reply() {
  StoredEvent stored;
  stored.event.set_id(42);
  stored.event.set_queue(v1::QUEUE_NOTIFIER);
  stored.event.set_customer("oAlice");
  stored.event.set_accepted_at_ms(1'700'000'000'000);
  stored.event.set_source_id("1_2_3");
  stored.event.mutable_agent_message()->set_agent("agent1");
  stored.event.mutable_agent_message()->set_text("你好");
  stored.key = dedup_key({"1_2_3"});
  stored.reply = ReplyKind::welcome;
  stored.attempts = 3;
  stored.progress = 1;
  stored.unsure = 2;
  stored.unsure_at = Timestamp{1'700'000'001'000};
  stored.error = "45015";
  return stored;
}

std::string problem(const json& told) {
  const auto read = imported(told);
  return read ? "" : read.error();
}

}  // namespace

TEST_CASE("what was exported is imported with all that the next gateway needs") {
  const StoredEvent before = reply();
  const auto after = imported(json::parse(exported(before, queue::State::parked).dump()));
  REQUIRE(after.ok());
  CHECK(after->event.SerializeAsString() == before.event.SerializeAsString());
  CHECK(after->key == before.key);
  CHECK(after->reply == before.reply);
  CHECK(after->progress == before.progress);
  CHECK(after->unsure == before.unsure);
  CHECK(after->unsure_at == before.unsure_at);
}

TEST_CASE("what cannot be imported is told by its fault") {
  const json good = json::parse(exported(reply(), queue::State::dead).dump());
  REQUIRE(problem(good).empty());
  const auto with = [&](const char* key, const json& value) {
    json changed = good;
    changed[key] = value;
    return problem(changed);
  };
  CHECK(problem(json::array()) == "it is no JSON object");
  CHECK(problem(json::object()) == "it has no \"content\"");
  CHECK(with("state", "done") == "it is done: there is nothing to carry");
  CHECK(with("key", "12") == "its \"key\" is not 32 hexadecimal digits");
  CHECK_FALSE(with("progress", json(-1)).empty());
  CHECK_FALSE(with("progress", 1ULL << 40).empty());
  CHECK_FALSE(with("reply", 17).empty());
  CHECK_FALSE(with("content", "text").empty());
  CHECK_FALSE(with("content", {{"queue", 1.5}}).empty());
  for (const auto& [key, value] : {std::pair<const char*, json>{"customer", ""},
                                   {"queue", "QUEUE_RELAY"},
                                   {"accepted_at_ms", 0},
                                   {"agent_message", json()},
                                   {"agent_message", {{"text", std::string(100'000, 'x')}}}}) {
    CAPTURE(key);
    json content = good["content"];
    content[key] = value;
    CHECK_FALSE(with("content", content).empty());
  }
}

TEST_CASE("a way is told hop by hop, the delivery that has not ended last") {
  Hop accepted;
  accepted.at = Timestamp{1000};
  accepted.step = "accepted";
  Hop retry;
  retry.at = Timestamp{3000};
  retry.step = "retry";
  retry.attempt = 1;
  retry.worker = "relay-1";
  retry.took = Millis(900);
  retry.code = 60007;
  retry.failure = v1::FAILURE_THROTTLE;
  retry.error = "too many";
  StoredEvent stored = reply();
  stored.attempts = 1;
  const json told =
      told_hops({accepted, retry}, queue::FlightView{WorkerId("relay-2"), Timestamp{5000}}, stored);
  CHECK(told[0] == json{{"at", 1000}, {"step", "accepted"}, {"attempt", 0}});
  CHECK(told[1] == json{{"at", 3000},
                        {"step", "retry"},
                        {"attempt", 1},
                        {"worker", "relay-1"},
                        {"took_ms", 900},
                        {"code", 60007},
                        {"failure", "throttle"},
                        {"error", "too many"}});
  CHECK(told[2] == json{{"at", 5000}, {"step", "delivered"}, {"attempt", 2}, {"worker", "relay-2"}});
}
