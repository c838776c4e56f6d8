// Flags, over CLI11.
#include <CLI/CLI.hpp>

#include "lib/base/settings_parts.h"

namespace kefu::settings {
namespace {

std::string help_of(const Setting& setting) {
  std::string help(setting.help);
  if (setting.kind == SettingKind::choice) {
    help += " (";
    for (const auto choice : words(setting.choices))
      help += (help.back() == '(' ? "" : ", ") + std::string(choice);
    help += ")";
  }
  help += " [";
  help += setting.name;
  if (is_secret(setting)) help += " or " + std::string(setting.name) + "_FILE";
  if (setting.required && setting.fallback.empty()) help += ", required";
  if (!setting.fallback.empty()) help += ", default " + std::string(setting.fallback);
  return help + "]";
}

CLI::Option* add(CLI::App& app, const std::string& flag, const std::string& help, std::string placeholder) {
  static std::string ignored;  // results are read from the option, which knows whether it was there
  auto* option = app.add_option(flag, ignored, help);
  option->type_name(std::move(placeholder))->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  return option;
}

std::string placeholder_of(SettingKind kind) {
  switch (kind) {
    case SettingKind::listen:
      return "HOST:PORT";
    case SettingKind::endpoint:
      return "TCP";
    case SettingKind::endpoints:
      return "TCP,…";
    case SettingKind::url:
      return "URL";
    case SettingKind::number:
      return "N";
    case SettingKind::accounts:
      return "NAME,…";
    case SettingKind::duration:
      return "TIME";
    default:
      return "TEXT";
  }
}

// Each option of this program by the name of its setting.
std::map<std::string, CLI::Option*> add_options(CLI::App& app, std::string_view program) {
  std::map<std::string, CLI::Option*> options;
  options["KEFU_CONFIG"] =
      add(app, "--config", "configuration file of NAME=value lines [KEFU_CONFIG]", "FILE");
  for (const auto& setting : all_settings()) {
    if (!is_of(setting, program)) continue;
    const std::string name(setting.name);
    if (setting.kind == SettingKind::flag) {
      static std::string ignored;
      options[name] = app.add_flag(flag_of(name) + "{1}", ignored, help_of(setting));
      continue;
    }
    options[name] = add(app, flag_of(name), help_of(setting), placeholder_of(setting.kind));
    if (is_secret(setting))
      options[name + "_FILE"] = add(app, flag_of(name) + "-file", "a file with it instead", "FILE");
  }
  return options;
}

std::string unknown_argument(const std::string& argument,
                             const std::map<std::string, CLI::Option*>& options) {
  const auto flag = argument.substr(0, argument.find('='));
  if (flag.empty() || flag.front() != '-')
    return "an argument that belongs to no flag is left over: settings are given as --flag value";
  std::vector<std::string> flags = {"--help", "--version", "--check-config"};
  for (const auto& [name, option] : options) flags.push_back("--" + option->get_lnames().front());
  const auto near = nearest(flag, flags);
  return flag + ": no such flag" + (near.empty() ? "; --help lists them" : "; did you mean " + near + "?");
}

}  // namespace

CommandLine read_command_line(std::string_view program, int argc, const char* const* argv) {
  CommandLine line;
  CLI::App app(
      "kefu-" + std::string(program) + " " + KEFU_VERSION +
          "\nEvery flag can be given as the environment variable in brackets or in the configuration file;\n"
          "flags win over the environment, the environment over the file.",
      "kefu-" + std::string(program));
  app.set_help_flag();
  app.allow_extras();
  app.add_flag("--help,-h", line.help, "this list");
  app.add_flag("--version", line.version, "name and version");
  app.add_flag("--check-config", line.check,
               "check the settings, tell every problem, and end: 0 fine, 2 not");
  const auto options = add_options(app, program);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    line.problems.emplace_back(e.what());
  }
  for (const auto& [name, option] : options) {
    if (!option->results().empty()) line.values[name] = option->results().back();
  }
  for (const auto& argument : app.remaining()) line.problems.push_back(unknown_argument(argument, options));
  line.help_text = app.help();
  return line;
}

}  // namespace kefu::settings
