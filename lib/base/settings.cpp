#include "lib/base/settings.h"

#include <algorithm>
#include <cassert>
#include <cstdio>

#include "lib/base/settings_parts.h"

extern char** environ;

namespace kefu {
namespace {

using Names = std::map<std::string, std::string>;

// Empty means no reply, no event, which is not the same as not given.
bool may_be_empty(std::string_view name) {
  return name.substr(0, 11) == "KEFU_REPLY_" || name == "KEFU_FORWARD_EVENTS";
}

// One place where settings come from.
struct Source {
  std::string_view name;
  Names values;

  const std::string* find(const std::string& setting) const {
    const auto found = values.find(setting);
    const bool given = found != values.end() && (!found->second.empty() || may_be_empty(setting));
    return given ? &found->second : nullptr;
  }
};

constexpr std::string_view kDefault = "default";

struct Found {
  std::string text;
  std::string_view source;
};

// The strongest source that has the secret or its file. Two forms in one source contradict each other; over
// sources, the stronger wins.
std::optional<Found> find_value(const Setting& setting, const std::vector<Source>& sources,
                                std::vector<std::string>& problems) {
  const std::string name(setting.name);
  const std::string name_of_file = name + "_FILE";
  for (const auto& source : sources) {
    const std::string* direct = source.find(name);
    const std::string* path = settings::is_secret(setting) ? source.find(name_of_file) : nullptr;
    if (direct != nullptr && path != nullptr) {
      problems.push_back(std::string(name)
                             .append(" and ")
                             .append(name_of_file)
                             .append(" are both set: keep one of the two"));
      return std::nullopt;
    }
    if (direct != nullptr) return Found{*direct, source.name};
    if (path == nullptr) continue;
    std::string why_not;
    auto content = settings::read_file(*path, why_not);
    if (!content || content->empty()) {
      std::string problem = name_of_file + ": ";
      problem.append(*path).append(" ").append(content ? "is empty" : why_not);
      problems.push_back(std::move(problem));
      return std::nullopt;
    }
    return Found{std::move(*content), "file named by "};
  }
  return Found{std::string(setting.fallback), kDefault};
}

Names read_configuration(const std::string& path, Settings::Tables& tables,
                         std::vector<std::string>& problems) {
  std::string why_not;
  const auto text = settings::read_file(path, why_not);
  if (!text) {
    problems.push_back("KEFU_CONFIG: " + path + " " + why_not);
    return {};
  }
  const auto lines = std::string_view(*text).substr(0, settings::begin_of_tables(*text));
  tables.file = path;
  tables.lines_before = static_cast<int>(std::count(lines.begin(), lines.end(), '\n'));
  tables.text = text->substr(lines.size());
  return settings::read_settings_file(lines, path, problems);
}

Source file_source(const std::vector<Source>& stronger, Settings::Tables& tables,
                   std::vector<std::string>& problems) {
  for (const auto& source : stronger) {
    if (const auto* path = source.find("KEFU_CONFIG"))
      return {"file", read_configuration(*path, tables, problems)};
  }
  return {"file", {}};
}

std::string missing(const Setting& setting) {
  std::string text(setting.name);
  text += " is missing: set it (" + std::string(setting.help) + ")";
  if (settings::is_secret(setting)) text += ", or " + std::string(setting.name) + "_FILE to a file with it";
  return text;
}

// Why `text` cannot be the setting's value; empty when it can.
std::string judge(const Setting& setting, const std::string& text) {
  if (text.empty()) return setting.required ? missing(setting) : "";
  const auto problem = problem_with(setting, text);
  return problem.empty() ? "" : std::string(setting.name) + " " + problem;
}

}  // namespace

Settings::Loaded Settings::load(std::string_view program, int argc, const char* const* argv,
                                const Names& environment, const Check& check) {
  Loaded loaded;
  Settings& made = loaded.settings;
  auto& problems = loaded.problems;
  made.program_ = program;
  auto line = settings::read_command_line(program, argc, argv);
  if (line.help || line.version) {
    loaded.exit_now = 0;
    loaded.output = line.help ? line.help_text : "kefu-" + made.program_ + " " + KEFU_VERSION + "\n";
    return loaded;
  }
  problems = std::move(line.problems);
  std::vector<Source> sources = {{"flag", std::move(line.values)}, {"environment", environment}};
  sources.push_back(file_source(sources, made.tables_, problems));
  for (const auto& setting : all_settings()) {
    if (!settings::is_of(setting, program)) continue;
    auto& value = made.values_[std::string(setting.name)];
    auto found = find_value(setting, sources, problems);
    if (!found) continue;  // that is a problem already
    const auto problem = judge(setting, found->text);
    if (!problem.empty()) problems.push_back(problem);
    value = {std::move(found->text), found->source};
  }
  made.check_together(problems);
  if (check) check(made, problems);
  if (line.check) {
    loaded.exit_now = problems.empty() ? 0 : 2;
    if (problems.empty()) loaded.output = "configuration is fine\n";
  }
  return loaded;
}

void Settings::check_together(std::vector<std::string>& problems) const {
  const auto is_missing = [this](std::string_view name) {
    const auto found = values_.find(name);
    return found != values_.end() && found->second.text.empty() && !found->second.source.empty();
  };
  if (program_ == "gateway" && is_missing("IM_CALLBACK_TOKEN") && !flag("IM_CALLBACK_INSECURE")) {
    problems.push_back(
        "IM_CALLBACK_TOKEN is missing: set it (callback authentication token of the IM console), or "
        "IM_CALLBACK_TOKEN_FILE to a file "
        "with it, or IM_CALLBACK_INSECURE=1 to take callbacks that nobody has signed");
  }
}

const std::string& Settings::text(std::string_view name) const {
  static const std::string nothing;
  const auto found = values_.find(name);
  assert(found != values_.end() && "a setting of another program");
  return found != values_.end() ? found->second.text : nothing;
}

std::int64_t Settings::number(std::string_view name) const {
  return settings::parse_number(text(name)).value_or(0);
}
bool Settings::flag(std::string_view name) const {
  return settings::parse_flag(text(name)).value_or(false);
}
std::vector<std::string> Settings::list(std::string_view name) const {
  return settings::split_list(text(name));
}
Millis Settings::duration(std::string_view name) const {
  return settings::parse_duration(text(name)).value_or(Millis(0));
}

bool Settings::is_set(std::string_view name) const {
  const auto found = values_.find(name);
  return found != values_.end() && found->second.source != kDefault;
}

std::vector<std::string> Settings::describe() const {
  std::vector<std::string> lines;
  for (const auto& setting : all_settings()) {
    if (!settings::is_of(setting, program_)) continue;
    const auto& value = values_.at(std::string(setting.name));
    const bool hidden = settings::is_secret(setting) && !value.text.empty();
    std::string line(setting.name);
    line.append("=").append(hidden ? "(secret)" : value.text).append(" (").append(value.source).append(")");
    lines.push_back(std::move(line));
  }
  return lines;
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> values;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view line(*entry);
    const auto equals = line.find('=');
    if (equals != std::string_view::npos) values.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return values;
}

Start load_settings_or_explain(std::string_view program, int argc, const char* const* argv,
                               const Settings::Check& check) {
  auto loaded = Settings::load(program, argc, argv, process_environment(), check);
  std::fputs(loaded.output.c_str(), stdout);
  std::fflush(stdout);
  for (const auto& problem : loaded.problems) {
    std::fprintf(stderr, "kefu-%.*s: %s\n", static_cast<int>(program.size()), program.data(),
                 problem.c_str());
  }
  if (!loaded.exit_now && !loaded.problems.empty()) loaded.exit_now = 2;
  return {loaded.exit_now, std::move(loaded.settings)};
}

}  // namespace kefu
