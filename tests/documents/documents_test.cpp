// What people read and copy must say what the programs do: README, docker-compose.yml and the sandbox's demo
// credentials against the table of settings.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

#include "lib/base/settings.h"

namespace {

std::string read(const std::string& path) {
  std::ifstream file(std::string(KEFU_SOURCE_DIR "/") + path);
  REQUIRE_MESSAGE(file.good(), path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The line of README's settings table that is about `name`; empty when there is none.
std::string row_about(const std::string& document, std::string_view name) {
  const std::string begin = "\n| `" + std::string(name) + "` |";
  const auto at = document.find(begin);
  if (at == std::string::npos) return {};
  return document.substr(at + 1, document.find('\n', at + 1) - at - 1);
}

// The block of one service in docker-compose.yml.
std::string service_block(const std::string& compose, std::string_view service) {
  const auto at = compose.find("\n  " + std::string(service) + ":\n");
  REQUIRE(at != std::string::npos);
  return compose.substr(at, compose.find("\n\n", at) - at);
}

// The default as a document writes it: of a repeated host only the port.
bool tells_default(const std::string& row, std::string_view fallback) {
  if (contains(row, "`" + std::string(fallback) + "`")) return true;
  const auto colon = fallback.rfind(':');
  return colon != std::string_view::npos && contains(row, "`" + std::string(fallback.substr(colon)) + "`");
}

// The sandbox plays the consoles: it knows the credentials' names under another meaning.
bool is_played(const kefu::Setting& setting) {
  return setting.programs == "sandbox" &&
         (setting.name.starts_with("WECHAT_") || setting.name.starts_with("IM_"));
}

std::map<std::string, std::string> read_environment_file(const std::string& path) {
  std::map<std::string, std::string> values;
  std::istringstream lines(read(path));
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find('=');
    if (line.empty() || line.front() == '#' || equals == std::string::npos) continue;
    values[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return values;
}

}  // namespace

TEST_CASE("both READMEs tell every setting and its default") {
  for (const char* path : {"README.md", "README.zh-CN.md"}) {
    const std::string document = read(path);
    for (const kefu::Setting& setting : kefu::all_settings()) {
      if (is_played(setting)) continue;
      CAPTURE(path);
      CAPTURE(setting.name);
      const std::string row = row_about(document, setting.name);
      CHECK_FALSE(row.empty());
      CHECK((setting.fallback.empty() || tells_default(row, setting.fallback)));
    }
  }
}

TEST_CASE("docker-compose.yml hands on every setting that .env may hold, and the files of secrets") {
  const std::string compose = read("docker-compose.yml");
  for (const kefu::Setting& setting : kefu::all_settings()) {
    for (const char* program : {"gateway", "relay", "notifier", "sandbox"}) {
      if (is_played(setting) ||
          !contains(" " + std::string(setting.programs) + " ", " " + std::string(program) + " ")) {
        continue;
      }
      CAPTURE(program);
      CAPTURE(setting.name);
      const std::string name = "\n      " + std::string(setting.name);
      const std::string block = service_block(compose, program);
      CHECK(contains(block, name + ":"));
      CHECK((setting.kind != kefu::SettingKind::secret || contains(block, name + "_FILE:\n")));
    }
  }
}

TEST_CASE("a configuration file can be used with docker-compose.yml, by every program") {
  const std::string compose = read("docker-compose.yml");
  CHECK(contains(compose, "&config \"${KEFU_CONFIG_DIR:-./config}:/config:ro\"\n"));
  CHECK(contains(
      compose,
      "volumes: &workers-volumes\n      - media:/media\n      - demo-media:/demo/media\n      - *config\n"));
  for (const char* service : {"gateway", "relay", "notifier", "sandbox"}) {
    CAPTURE(service);
    const std::string block = service_block(compose, service);
    CHECK(contains(block, "\n      KEFU_CONFIG:\n"));
    CHECK(contains(block, "\n      WECHAT_APP_ID:\n"));  // by which demo and real clouds are told apart
    CHECK((contains(block, "config") || contains(block, "*workers-volumes")));
  }
  CHECK(contains(service_block(compose, "check"), "<<: [*gateway, *relay, *notifier]"));
}

TEST_CASE("docker-compose.yml publishes neither the tap nor the admin socket") {
  const std::string block = service_block(read("docker-compose.yml"), "gateway");
  CHECK(contains(block, "KEFU_TAP_LISTEN: tcp://127.0.0.1:"));
  CHECK(contains(block, "KEFU_ADMIN_LISTEN: tcp://127.0.0.1:"));
  CHECK_FALSE(contains(block, ":5556\""));
  CHECK_FALSE(contains(block, ":5557\""));
  const std::string published = read("docker-compose.ports.yml");
  CHECK(contains(published, "\"127.0.0.1:${KEFU_TAP_PORT:-5556}:5556\""));
  CHECK(contains(published, "\"127.0.0.1:${KEFU_ADMIN_PORT:-5557}:5557\""));
}

TEST_CASE("a document or a test that is edited does not have the container's image compiled anew") {
  const std::string context = read(".dockerignore");
  CHECK(contains(context, "\n*\n"));
  CHECK(contains(context, "\n**/*.md\n"));
  for (const char* part : {"README", "CHANGELOG", "docs", "bench", "dev", "docker-compose", "Dockerfile"}) {
    CAPTURE(part);
    CHECK_FALSE(contains(context, "\n!" + std::string(part)));
  }
}

TEST_CASE("the proxy of docs/connect.md passes on every path that strangers need") {
  const std::string document = read("docs/connect.md");
  for (const char* location : {"location = / ", "location = /imcallback ", "location /media/ "}) {
    CAPTURE(location);
    CHECK(contains(document, location));
  }
  CHECK(contains(document, "KEFU_MEDIA_URL=https://"));
}

TEST_CASE("docker-compose.yml keeps the demo's data apart from those of the real clouds") {
  const std::string compose = read("docker-compose.yml");
  const std::string block = service_block(compose, "gateway");
  for (const char* mount : {"data:/data", "media:/media", "demo-data:/demo/data", "demo-media:/demo/media"}) {
    CAPTURE(mount);
    CHECK(contains(block, "\n      - " + std::string(mount) + "\n"));
  }
  CHECK_FALSE(contains(read("Dockerfile"), "\nVOLUME"));
}

TEST_CASE("docker-compose.yml waits for nobody's health, keeps the number of relays and looks seldom") {
  const std::string compose = read("docker-compose.yml");
  CHECK_FALSE(contains(compose, "service_healthy"));
  CHECK(contains(service_block(compose, "relay"), "\n    scale: ${KEFU_RELAYS:-1}\n"));
  CHECK(contains(compose, "\n  interval: ${KEFU_HEALTH_INTERVAL:-30s}\n"));
}

TEST_CASE("the demo credentials are those that the sandbox plays with") {
  const auto demo = read_environment_file("sandbox/demo.env");
  for (const kefu::Setting& setting : kefu::all_settings()) {
    if (!is_played(setting) || setting.fallback.empty()) continue;
    CAPTURE(setting.name);
    REQUIRE(demo.contains(std::string(setting.name)));
    CHECK(demo.at(std::string(setting.name)) == setting.fallback);
  }
}
