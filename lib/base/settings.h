// Settings of every program (contract §3), in one table, read from flags, environment, configuration file and
// defaults.
//
// All problems are found at once and name the setting; the value of a secret is in no message.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"

namespace kefu {

enum class SettingKind {
  text,
  secret,
  listen,
  endpoint,
  endpoints,
  url,
  number,
  flag,
  choice,
  accounts,
  duration
};

// One row of contract §3. A name with another default in another program has a row for each.
struct Setting {  // NOLINT(clang-analyzer-optin.performance.Padding): in the order in which a row is read
  std::string_view name;      // KEFU_HTTP_LISTEN; the flag is --http-listen, of WECHAT_TOKEN --wechat-token
  std::string_view programs;  // space-separated: "gateway notifier"
  SettingKind kind;
  std::string_view fallback;  // default; empty: none
  bool required;
  std::string_view help;
  std::string_view choices{};  // space-separated, for kind choice; for number "lowest highest"; for listen
                               // and endpoint "off" when it may be; for text the most bytes, for duration
                               // the shortest, when there is one
};

// The whole table, for documentation and tests.
const std::vector<Setting>& all_settings();

class Settings {
 public:
  // What main() has to do next.
  struct Loaded;

  // What only the program itself can judge: adds a line for each problem.
  using Check = std::function<void(const Settings&, std::vector<std::string>& problems)>;

  // `program` is "gateway", "relay", ... `environment` maps names to values. Flags win over the environment,
  // this over the file.
  static Loaded load(std::string_view program, int argc, const char* const* argv,
                     const std::map<std::string, std::string>& environment, const Check& check = {});

  // The value, validated; empty when not set and without a default. REQUIRES: a name of this program's rows.
  const std::string& text(std::string_view name) const;
  std::int64_t number(std::string_view name) const;
  bool flag(std::string_view name) const;                      // "1", "true", "yes", "on"
  std::vector<std::string> list(std::string_view name) const;  // comma-separated, blanks trimmed
  Millis duration(std::string_view name) const;                // "500ms", "10s", "5m", "24h", "3d"
  bool has(std::string_view name) const { return !text(name).empty(); }
  // Given anywhere, even if empty: not merely the default. Empty counts as given for KEFU_REPLY_* and
  // KEFU_FORWARD_EVENTS alone.
  bool is_set(std::string_view name) const;

  // What the configuration file has from its first [[table]] on, for those who know such tables; as TOML.
  struct Tables {
    std::string file;
    int lines_before = 0;
    std::string text;  // empty: none
  };
  const Tables& tables() const { return tables_; }

  // One line a setting, "NAME=value (environment)", secrets masked; for the log at start.
  std::vector<std::string> describe() const;

 private:
  struct Value {
    std::string text;
    std::string_view
        source;  // "flag", "environment", "file", "secret file", "default"; empty: none could be read
  };
  void check_together(std::vector<std::string>& problems) const;

  std::string program_;
  std::map<std::string, Value, std::less<>> values_;
  Tables tables_;
};

// The kinds' syntax; used by Settings, and open to those who read their own command line.
// What is wrong with `text`, never repeating it when it is a secret; empty when nothing is.
std::string problem_with(const Setting& setting, const std::string& text);

struct Settings::Loaded {
  Settings settings;
  std::vector<std::string> problems;  // one line each; non-empty: print them on stderr, exit with 2
  std::optional<int> exit_now;        // --help, --version or --check-config has been served: exit with this
  std::string output;                 // what to print on stdout before that
};

// The process's environment as a map.
std::map<std::string, std::string> process_environment();

// The usual beginning of main(): loads, prints problems or help, and either returns settings or the status to
// exit with.
struct Start {
  std::optional<int> exit_status;
  Settings settings;
};
Start load_settings_or_explain(std::string_view program, int argc, const char* const* argv,
                               const Settings::Check& check = {});

}  // namespace kefu
