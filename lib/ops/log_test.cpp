#include "lib/ops/log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <regex>

namespace kefu {
namespace {

// What `write` puts on stderr.
std::string stderr_of(const std::function<void()>& write) {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  std::fflush(stderr);
  const int before = dup(STDERR_FILENO);
  dup2(fileno(file), STDERR_FILENO);
  write();
  std::fflush(stderr);
  dup2(before, STDERR_FILENO);
  close(before);
  std::string text(static_cast<std::size_t>(lseek(fileno(file), 0, SEEK_END)), '\0');
  CHECK(pread(fileno(file), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  std::fclose(file);
  return text;
}

nlohmann::json json_of(const std::string& line) {
  CAPTURE(line);
  auto json = nlohmann::json::parse(line, nullptr, false);
  REQUIRE(json.is_object());
  return json;
}

}  // namespace

TEST_CASE("a text line has time, level, message and fields") {
  log::set_up("gateway", "info", "text");
  const auto line = stderr_of([] {
    log::warning("disk is slow", {{"ms", 1234}, {"path", "/a b"}, {"ok", false}, {"none", ""}});
  });
  CAPTURE(line);
  CHECK(std::regex_match(line, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d warning )"
                                          R"(disk is slow ms=1234 path="/a b" ok=false none=""\n)")));
}

TEST_CASE("a stranger's line break makes no second line") {
  for (const auto* format : {"text", "json"}) {
    log::set_up("gateway", "info", format);
    const auto lines = stderr_of([] { log::info("a\nb", {{"value", "x\r\n2024 error forged"}}); });
    CHECK(lines.find('\n') == lines.size() - 1);
    CHECK(lines.find('\r') == std::string::npos);
  }
}

TEST_CASE("a JSON line is one valid object with typed fields") {
  log::set_up("relay", "info", "json");
  const auto json = json_of(stderr_of([] {
    log::error(
        "say \"hi\" {} %v",
        {{"count", 3}, {"ratio", 0.5}, {"yes", true}, {"text", "tab\there\xFF 你好"}, {"odd", std::nan("")}});
  }));
  CHECK(json["level"] == "error");
  CHECK(json["program"] == "relay");
  CHECK(json["message"] == "say \"hi\" {} %v");
  CHECK(json["count"] == 3);
  CHECK(json["ratio"] == 0.5);
  CHECK(json["yes"] == true);
  CHECK(json["text"] == "tab\there\uFFFD 你好");
  CHECK(json["odd"].is_string());
  CHECK(json["time"].get<std::string>().size() == 29);
}

TEST_CASE("what is below the level is not written") {
  const auto write_all = [] {
    log::debug("d");
    log::info("i");
    log::warning("w");
    log::error("e");
  };
  const std::vector<std::pair<const char*, int>> levels = {
      {"debug", 4}, {"info", 3}, {"warning", 2}, {"error", 1}};
  for (const auto& [level, expected] : levels) {
    log::set_up("gateway", level, "text");
    const auto lines = stderr_of(write_all);
    CHECK(std::count(lines.begin(), lines.end(), '\n') == expected);
  }
  CHECK_FALSE(log::enabled(log::Level::warning));
  CHECK(log::enabled(log::Level::error));
}

}  // namespace kefu
