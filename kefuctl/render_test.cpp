#include "kefuctl/render.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <string>

using namespace kefu::ctl;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("queues are told in one table and their workers in another") {
  const std::string text = render_queues(
      R"({"ok":true,"queues":[{"name":"relay","ready":1,"in_flight":2,"waiting":3,"parked":4,"dead":5,"done":6,"oldest_ms":61000,
          "paused":true,"workers":[{"id":"w1","capacity":32,"in_flight":2,"last_seen_ms":400}]},
          {"name":"notifier","ready":0,"in_flight":0,"waiting":0,"parked":0,"dead":0,"done":0,"oldest_ms":0,"paused":false,"workers":[]}]})");
  CHECK(contains(text, "relay         1          2        3       4     5     6   1 min  paused\n"));
  CHECK(contains(text, "notifier      0          0        0       0     0     0       -  running\n"));
  CHECK(contains(text, "relay  w1            32          2     400 ms\n"));
}

TEST_CASE("queues without workers say so") {
  CHECK(contains(render_queues(R"({"ok":true,"queues":[{"name":"relay","workers":[]}]})"),
                 "no workers connected"));
}

TEST_CASE("events are told one a line, with a stranger's control characters taken out") {
  const std::string text = render_events(
      "{\"ok\":true,\"events\":[{\"id\":42,\"type\":\"customer_message\",\"customer\":\"oA\",\"attempt\":3,"
      "\"error\":\"code 20003:\\u001b[2J no such account\",\"accepted_at\":1735689600000}]}");
  CHECK(contains(text, "42  "));
  CHECK(contains(text, "customer_message  oA"));
  CHECK(contains(text, "3  code 20003: [2J no such account\n"));
  CHECK(render_events(R"({"ok":true,"events":[]})") == "no such events\n");
}

TEST_CASE("what an answer leaves out shows as a dash, and what is no JSON is shown as it is") {
  CHECK(contains(render_events(R"({"ok":true,"events":[{"id":7}]})"),
                 "7  -         -     -               -  -\n"));
  CHECK(render_events("oops") == "oops");
  CHECK(render_queues("oops") == "oops");
  CHECK(contains(render_queues(R"({"ok":true})"), "QUEUE"));
}

TEST_CASE("counts have their plural") {
  CHECK(render_count(R"({"ok":true,"count":1})", "dropped") == "1 event dropped\n");
  CHECK(render_count(R"({"ok":true,"count":3})", "replayed") == "3 events replayed\n");
}

TEST_CASE("a step is one line: when, where, what, whose, and why when something went wrong") {
  setenv("TZ", "UTC", 1);
  tzset();
  CHECK(
      render_step(
          R"({"id":9,"queue":"relay","step":"retry","type":"follow","customer":"oA","attempt":2,"at":1735689600123,
                        "error":"time-out"})") ==
      "2025-01-01 00:00:00.123  relay     retry      follow            9         oA  attempt 2  time-out");
  CHECK(contains(
      render_step(
          R"({"id":9,"queue":"notifier","step":"done","type":"agent_message","customer":"oA","attempt":1,"at":0})"),
      "notifier  done       agent_message     9         oA"));
}

TEST_CASE("a filter lets pass what fits all of its fields") {
  const std::string step = R"({"queue":"relay","step":"done","customer":"oA"})";
  CHECK(StepFilter{}.lets_pass(step));
  CHECK(StepFilter{"relay", "done", "oA"}.lets_pass(step));
  CHECK_FALSE(StepFilter{"notifier", "", ""}.lets_pass(step));
  CHECK_FALSE(StepFilter{"", "dead", ""}.lets_pass(step));
  CHECK_FALSE(StepFilter{"", "", "oB"}.lets_pass(step));
  CHECK_FALSE(StepFilter{"relay", "", ""}.lets_pass("no JSON"));
}

TEST_CASE("a filter subscribes to as little as it can") {
  CHECK(StepFilter{}.topic().empty());
  CHECK(StepFilter{"", "done", "oA"}.topic().empty());
  CHECK(StepFilter{"relay", "", "oA"}.topic() == "relay.");
  CHECK(StepFilter{"relay", "done", ""}.topic() == "relay.done.");
  CHECK(StepFilter{"relay", "done", "oA"}.topic() == "relay.done.oA");
}
