#include "lib/ops/ops_page.h"

#include <doctest/doctest.h>

#include <regex>
#include <thread>

#include "lib/http/client.h"
#include "lib/http/server.h"

using namespace kefu::ops;
using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The number after `series` in the text format; -1 when it is not there.
double value_of(const std::string& text, const std::string& series) {
  const auto at = ("\n" + text).find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 1));
}

std::unique_ptr<kefu::http::Client> client_for(int port) {
  return *kefu::http::Client::make("http://127.0.0.1:" + std::to_string(port));
}

}  // namespace

TEST_CASE("counters, gauges and histograms appear in Prometheus' text") {
  Metrics metrics;
  metrics.counter("kefu_accepted_total", "Accepted pushes", {{"source", "wechat"}}).add();
  metrics.counter("kefu_accepted_total", "Accepted pushes", {{"source", "wechat"}}).add(2);
  metrics.counter("kefu_accepted_total", "Accepted pushes", {{"source", "im"}}).add();
  metrics.gauge("kefu_queue_events", "Events by state", {{"state", "ready"}}).set(7);
  metrics.histogram("kefu_cloud_call_seconds", "Cloud calls").observe(0.003);
  const auto text = metrics.text();
  CAPTURE(text);
  CHECK(contains(text, "# HELP kefu_accepted_total Accepted pushes\n# TYPE kefu_accepted_total counter\n"));
  CHECK(value_of(text, "kefu_accepted_total{source=\"wechat\"}") == 3);
  CHECK(value_of(text, "kefu_accepted_total{source=\"im\"}") == 1);
  CHECK(value_of(text, "kefu_queue_events{state=\"ready\"}") == 7);
  CHECK(value_of(text, "kefu_cloud_call_seconds_bucket{le=\"0.0025\"}") == 0);
  CHECK(value_of(text, "kefu_cloud_call_seconds_bucket{le=\"0.005\"}") == 1);
  CHECK(value_of(text, "kefu_cloud_call_seconds_count") == 1);
}

TEST_CASE("the same name and labels give the same object") {
  Metrics metrics;
  CHECK(&metrics.counter("a_total", "A", {{"x", "1"}}) == &metrics.counter("a_total", "A", {{"x", "1"}}));
  CHECK(&metrics.counter("a_total", "A", {{"x", "1"}}) != &metrics.counter("a_total", "A", {{"x", "2"}}));
}

TEST_CASE("the process tells its memory, descriptors and start") {
  const auto text = Metrics().text();
  CHECK(value_of(text, "process_resident_memory_bytes") > 100'000);
  CHECK(value_of(text, "process_open_fds") >= 3);
  CHECK(value_of(text, "process_start_time_seconds") > 1.7e9);
}

TEST_CASE("a counter can be counted up from many threads") {
  Metrics metrics;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) metrics.counter("n_total", "N").add();
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(value_of(metrics.text(), "n_total") == 4000);
}

TEST_CASE("the page tells health, readiness and metrics") {
  Metrics metrics;
  std::vector<std::string> missing = {"the journal cannot be written: disk full", "no worker is connected"};
  OpsPage page(
      "127.0.0.1:0", metrics, [&] { return Readiness{missing}; },
      [&] { metrics.gauge("fresh", "Set when asked").set(5); });
  const auto port = page.start();
  REQUIRE(port.ok());
  const auto client = client_for(*port);
  const auto health = client->get("/healthz", 5s);
  CHECK(health.status == 200);
  CHECK(health.body == "ok\n");
  const auto unready = client->get("/readyz", 5s);
  CHECK(unready.status == 503);
  CHECK(unready.body == "the journal cannot be written: disk full\nno worker is connected\n");
  missing.clear();
  const auto ready = client->get("/readyz", 5s);
  CHECK(ready.status == 200);
  CHECK(ready.body == "ready\n");
  const auto shown = client->get("/metrics", 5s);
  CHECK(shown.status == 200);
  CHECK(value_of(shown.body, "fresh") == 5);
  CHECK(client->get("/", 5s).status == 404);
  page.stop();
  CHECK(client->get("/healthz", 5s).kind == kefu::http::CallResult::Kind::not_sent);
}

TEST_CASE("a page that is off listens nowhere, and a taken port is told") {
  Metrics metrics;
  OpsPage off("off", metrics, [] { return Readiness{}; });
  const auto nowhere = off.start();
  REQUIRE(nowhere.ok());
  CHECK(*nowhere == 0);
  OpsPage first("127.0.0.1:0", metrics, [] { return Readiness{}; });
  const auto port = first.start();
  REQUIRE(port.ok());
  OpsPage second("127.0.0.1:" + std::to_string(*port), metrics, [] { return Readiness{}; });
  const auto taken = second.start();
  REQUIRE_FALSE(taken.ok());
  CHECK(contains(taken.error(), "Address already in use"));
}
