// Structured log lines to stderr, as text or one JSON object a line (KEFU_LOG_LEVEL, KEFU_LOG_FORMAT). Over
// spdlog. Thread-safe. Message text, openids and secrets are never logged above debug (DESIGN §4.8).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace kefu::log {

enum class Level { debug, info, warning, error };

struct Field {
  std::string_view key;
  std::string value;
  bool quoted = true;  // false: a number or a boolean

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  Field(std::string_view k, bool v) : key(k), value(v ? "true" : "false"), quoted(false) {}
  template <class N, std::enable_if_t<std::is_arithmetic_v<N> && !std::is_same_v<N, bool>, int> = 0>
  Field(std::string_view k, N v) : key(k), value(std::to_string(v)), quoted(false) {}
};

// Once, in main. `level`: debug, info, warning, error. `format`: text, json. `program` is in every JSON line.
void set_up(std::string_view program, std::string_view level, std::string_view format);

bool enabled(Level level);
void write(Level level, std::string_view message, std::initializer_list<Field> fields);

inline void debug(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::debug, message, fields);
}
inline void info(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::info, message, fields);
}
inline void warning(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::warning, message, fields);
}
inline void error(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::error, message, fields);
}

}  // namespace kefu::log
