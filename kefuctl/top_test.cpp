#include "kefuctl/top.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

using namespace kefu::ctl;
using nlohmann::json;

namespace {

constexpr std::int64_t kNoon = 1735732800000;

std::string queues(int done, int ready, int workers = 1) {
  json crew = json::array();
  for (int i = 0; i < workers; ++i) crew.push_back({{"id", "w" + std::to_string(i)}, {"capacity", 32}});
  return json{{"ok", true},
              {"queues",
               {{{"name", "relay"},
                 {"ready", ready},
                 {"in_flight", 0},
                 {"waiting", 0},
                 {"parked", 0},
                 {"dead", 0},
                 {"done", done},
                 {"workers", crew}}}}}
      .dump();
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Top watched() {
  setenv("TZ", "UTC", 1);
  tzset();
  return Top("tcp://127.0.0.1:5557");
}

}  // namespace

TEST_CASE("rates come from the difference of two answers and the time between them") {
  Top top = watched();
  top.take_queues(queues(100, 0), 10'000);
  CHECK(json::parse(top.as_json(kNoon))["queues"][0].contains("done_per_s") == false);
  CHECK(contains(joined(top.frame({}, kNoon)), "relay  running     -      -      0"));
  top.take_queues(queues(150, 20), 12'000);
  const json told = json::parse(top.as_json(kNoon))["queues"][0];
  CHECK(told["done_per_s"] == 25.0);
  CHECK(told["accepted_per_s"] == 35.0);
  CHECK(contains(joined(top.frame({}, kNoon)), "relay  running  35.0   25.0     20"));
  top.take_queues(queues(10, 0), 13'000);  // another journal: no negative rates
  CHECK(json::parse(top.as_json(kNoon))["queues"][0]["done_per_s"] == 0.0);
}

TEST_CASE("the newest failures stand first, other steps nowhere") {
  Top top = watched();
  top.take_queues(queues(0, 0), 1000);
  CHECK(contains(joined(top.frame({}, kNoon)), "none since this view began"));
  for (const char* step : {"accepted", "retry", "done", "dead"}) {
    top.take_step(
        json{{"id", 9}, {"queue", "relay"}, {"step", step}, {"error", std::string("E-") + step}}.dump());
  }
  const std::string text = joined(top.frame({}, kNoon));
  CHECK(text.find("E-dead") < text.find("E-retry"));
  CHECK(contains(text, "E-retry"));
  CHECK_FALSE(contains(text, "E-done"));
}

TEST_CASE("a frame fits its screen, and many workers leave room for failures") {
  Top top = watched();
  top.take_queues(queues(0, 0, 50), 1000);
  for (int i = 0; i < 30; ++i)
    top.take_step(
        json{{"id", i}, {"queue", "relay"}, {"step", "dead"}, {"error", std::string(300, 'x')}}.dump());
  for (const auto& [columns, lines] : {std::pair{40, 12}, {80, 24}, {200, 70}}) {
    const auto frame = top.frame({static_cast<std::size_t>(columns), static_cast<std::size_t>(lines)}, kNoon);
    CHECK(frame.size() <= static_cast<std::size_t>(lines));
    for (const auto& line : frame) CHECK(line.size() <= static_cast<std::size_t>(columns));
    CHECK(contains(joined(frame), "NEWEST FAILURES"));
    CHECK(contains(joined(frame), "dead"));
  }
}

TEST_CASE("without an answer the last one stays in sight under the reason") {
  Top top = watched();
  top.take_queues(queues(7, 0), 1000);
  top.take_trouble("no answer\nfrom anybody");
  const std::string text = joined(top.frame({}, kNoon));
  CHECK(contains(text, "NO ANSWER: no answer from anybody\n"));
  CHECK(contains(text, "relay"));
  top.take_queues(queues(7, 0), 2000);
  CHECK_FALSE(contains(joined(top.frame({}, kNoon)), "NO ANSWER"));
}

TEST_CASE("on 80 columns a queue's state and the whole reason are in sight, and no number is cut") {
  Top top = watched();
  const std::string why =
      "90001 IP 203.0.113.7 is not in the allow-list of the Official Account: add it in the console";
  const json held{{"name", "notifier"},
                  {"done", 123456789},
                  {"ready", 1234},
                  {"gate", {{"state", "closed"}, {"reason", why}}},
                  {"workers", {{{"id", "n1"}}}}};
  const json idle{{"name", "relay"}, {"workers", json::array()}};
  top.take_queues(json{{"ok", true}, {"queues", {idle, held}}}.dump(), 1000);
  const auto frame = top.frame({80, 24}, kNoon);
  for (const auto& line : frame) CHECK(line.size() <= 80);
  const auto text = joined(frame);
  CHECK(contains(text, "relay     no worker"));
  CHECK(contains(text, "notifier  closed"));
  CHECK(contains(text, "notifier is closed: 90001 IP 203.0.113.7 is not in the allow-list"));
  CHECK(contains(text, "add it in the console\n"));
  CHECK(contains(text, "1234"));
  CHECK((contains(text, "123456789\n") || !contains(text, "12345678")));
  CHECK(contains(joined(top.frame({}, kNoon)), "123456789\n"));
}

TEST_CASE("the view tells the time with its zone") {
  CHECK(contains(watched().frame({}, kNoon).front(), "2025-01-01 12:00:00+00:00"));
}
