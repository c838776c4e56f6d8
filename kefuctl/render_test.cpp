#include "kefuctl/render.h"

#include <doctest/doctest.h>

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
  CHECK(contains(text, "notifier      0          0        0       0     0     0       -  no worker\n"));
  CHECK(contains(text, "relay  w1            32          2     400 ms\n"));
}

TEST_CASE("queues without workers say so") {
  CHECK(contains(render_queues(R"({"ok":true,"queues":[{"name":"relay","workers":[]}]})"),
                 "no workers connected"));
}

TEST_CASE("one event whole steers no terminal") {
  const auto text = render_pretty("{\"event\":{\"text\":\"\\u001b[2J\\u009b\\u202ex\x7f\"}}");
  CHECK(contains(text, R"("text": "\u001b[2J\u009b\u202ex\u007f")"));
}

TEST_CASE("events are told one a line, with a stranger's control characters made visible") {
  const std::string text = render_events(
      "{\"ok\":true,\"events\":[{\"id\":42,\"type\":\"customer_message\",\"customer\":\"oA\",\"attempt\":3,"
      "\"error\":\"code 20003:\\u001b[2J no such account\",\"accepted_at\":1735689600000}]}");
  CHECK(contains(text, "42  "));
  CHECK(contains(text, "customer_message  oA"));
  CHECK(contains(text, "3  code 20003:\\x1b[2J no such account\n"));
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

TEST_CASE("a queue that is held back says why, whatever the gateway's age") {
  const auto state = [](const std::string& more) {
    return render_queues(R"({"queues":[{"name":"relay",)" + more + R"("workers":[{"id":"w1"}]}]})");
  };
  CHECK(contains(state(""), "running\n"));
  CHECK(contains(state(R"("unavailable":"no route",)"), "closed: no route\n"));
  CHECK(contains(state(R"("gate":{"state":"open","reason":""},)"), "running\n"));
  CHECK(contains(state(R"("gate":{"state":"closed","reason":"40164"},)"), "closed: 40164\n"));
  CHECK(contains(state(R"("gate":{"state":"probing","reason":"time-outs"},)"), "probing: time-outs\n"));
  CHECK(contains(
      state(
          R"("rates":[{"call":"im_send","limit":200.0,"now":140.5},{"call":"wechat_send","limit":0.0,"now":0}],)"),
      "rates: im_send 140.5 of 200/s, wechat_send without limit\n"));
}

TEST_CASE("a trace is told event by event, hop by hop") {
  const std::string text = render_trace(
      R"({"ok":true,"events":[{"id":42,"queue":"relay","type":"follow","customer":"oA","state":"done","source_id":"77",
          "hops":[{"at":1735689600000,"step":"accepted","attempt":0},
                  {"at":1735689601000,"step":"retry","attempt":1,"worker":"w1","took_ms":900,"code":60007,
                   "failure":"throttle","error":"too many"}]}]})");
  CHECK(contains(text, "event  42  relay  follow  oA  done  77\n"));
  CHECK(contains(text, "retry           1  w1      900 ms  60007  throttle: too many\n"));
  CHECK(render_trace(R"({"ok":true,"events":[]})") == "no such events\n");
}

TEST_CASE("a customer is told line by line") {
  const std::string text = render_customer(
      R"({"ok":true,"customer":{"openid":"oA","im_user":"oA-1","imported":false,"following":true,"agent":"agent1",
          "window_ends_at":null,"replies_left":0,"ready":1,"in_flight":0,"waiting":2,"parked":3}})");
  CHECK(contains(text, "IM account         oA-1 (not imported)\n"));
  CHECK(contains(text, "reply window ends  -\n"));
  CHECK(contains(text, "events             1 ready, 0 in flight, 2 waiting, 3 parked\n"));
}

TEST_CASE("replays are told with how far they are") {
  const std::string text = render_jobs(
      R"({"ok":true,"jobs":[{"id":1,"queue":"relay","total":500,"replayed":200,"started_at":0,"finished_at":null}]})");
  CHECK(contains(text, "  1  relay       200  500  "));
  CHECK(contains(text, "at work\n"));
}

TEST_CASE("agents are a table, and their absence has a reason") {
  const auto text = render_agents(
      R"({"ok":true,"agents":[{"agent":"kf1","state":"online","reason":"Register","kicked":"","since":1735689600000,"open":3},
                                {"agent":"kf2","state":"unknown","reason":"","kicked":"","since":null,"open":0}]})");
  CHECK(contains(text, "kf1    online "));
  CHECK(contains(text, "   3  Register"));
  CHECK(contains(text, "kf2    unknown"));
  CHECK(contains(text, "Register"));
  CHECK(contains(render_agents(R"({"ok":true,"agents":[]})"), "State.StateChange"));
}
