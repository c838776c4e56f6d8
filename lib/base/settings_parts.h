// What the parts of Settings share; nobody else includes it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/settings.h"

namespace kefu::settings {

std::optional<std::int64_t> parse_number(std::string_view text);
std::optional<bool> parse_flag(std::string_view text);
std::optional<Millis> parse_duration(std::string_view text);
std::string_view trimmed(std::string_view text);
std::vector<std::string> split_list(std::string_view text);  // at commas, trimmed, without empty parts
std::vector<std::string_view> words(std::string_view text);  // at blanks

// "--http-listen" for KEFU_HTTP_LISTEN.
std::string flag_of(std::string_view name);
// The name in `names` that somebody who wrote `written` may have meant; empty when none is near.
std::string nearest(std::string_view written, const std::vector<std::string>& names);
bool is_of(const Setting& setting, std::string_view program);
// May be given as X_FILE.
bool is_secret(const Setting& setting);

// The content of `path` without the trailing newline, or why it cannot be read.
std::optional<std::string> read_file(const std::string& path, std::string& why_not);

// NAME=value or name = "value" a line. A '#' begins a comment at the start of a line or after a blank, never
// within quotes: CLI11's own reader cuts a secret at it. Names may be written as flags. Adds to `problems`.
std::map<std::string, std::string> read_settings_file(std::string_view text, const std::string& path,
                                                      std::vector<std::string>& problems);

// Where the first line begins that is a [[table]]; the size of the text when none does.
std::size_t begin_of_tables(std::string_view text);

// What the command line says.
struct CommandLine {
  std::map<std::string, std::string> values;  // by name, also X_FILE and KEFU_CONFIG
  bool help = false;
  bool version = false;
  bool check = false;
  std::string help_text;
  std::vector<std::string> problems;
};
CommandLine read_command_line(std::string_view program, int argc, const char* const* argv);

}  // namespace kefu::settings
