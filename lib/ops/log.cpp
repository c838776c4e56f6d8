#include "lib/ops/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

namespace kefu::log {
namespace {

constexpr auto kTextPattern = "%Y-%m-%dT%H:%M:%S.%e%z %l %v";

struct Log {
  std::shared_ptr<spdlog::logger> lines;
  bool json = false;
};

std::shared_ptr<spdlog::logger> make_lines(const std::string& pattern, spdlog::level::level_enum level) {
  auto lines = std::make_shared<spdlog::logger>("kefu", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  lines->set_pattern(pattern);
  lines->set_level(level);
  return lines;
}

Log& the_log() {
  static Log log{make_lines(kTextPattern, spdlog::level::info)};
  return log;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

spdlog::level::level_enum level_named(std::string_view name) {
  if (name == "debug") return spdlog::level::debug;
  if (name == "warning") return spdlog::level::warn;
  return name == "error" ? spdlog::level::err : spdlog::level::info;
}

std::string json_string(std::string_view text) {
  return nlohmann::json(std::string(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Infinity and NaN are numbers in C++ and nothing in JSON.
bool is_json_literal(const std::string& value) {
  return nlohmann::json::accept(value);
}

std::string json_line(std::string_view message, std::initializer_list<Field> fields) {
  std::string line = R"("message":)";
  line += json_string(message);
  for (const auto& field : fields) {
    const bool bare = !field.quoted && is_json_literal(field.value);
    line += ',';
    line += json_string(field.key);
    line += ':';
    line += bare ? field.value : json_string(field.value);
  }
  return line;
}

bool is_plain(std::string_view text) {
  const auto plain = [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != '"' && c != '=' && c != '\\' && c != '\x7F';
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), plain);
}

// One event, one line: a stranger's line break must not look like a line of ours.
std::string one_line(std::string_view text) {
  const auto breaks = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; };
  std::string line(text);
  std::replace_if(line.begin(), line.end(), breaks, ' ');
  return line;
}

std::string text_line(std::string_view message, std::initializer_list<Field> fields) {
  std::string line = one_line(message);
  for (const auto& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    line += is_plain(field.value) ? field.value : json_string(field.value);
  }
  return line;
}

}  // namespace

void set_up(std::string_view program, std::string_view level, std::string_view format) {
  Log& log = the_log();
  log.json = format == "json";
  const auto json_pattern =
      R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","program":)" + json_string(program) + ",%v}";
  log.lines = make_lines(log.json ? json_pattern : kTextPattern, level_named(level));
}

bool enabled(Level level) {
  return the_log().lines->should_log(to_spdlog(level));
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  const Log& log = the_log();
  const std::string line = log.json ? json_line(message, fields) : text_line(message, fields);
  log.lines->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace kefu::log
