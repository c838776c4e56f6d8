// What each kind of setting may look like.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "lib/base/settings.h"
#include "lib/base/settings_parts.h"

namespace kefu {
namespace {

bool between(std::string_view text, std::int64_t lowest, std::int64_t highest) {
  const auto value = settings::parse_number(text);
  return value && *value >= lowest && *value <= highest;
}

constexpr std::string_view kEndpointScheme = "tcp://";

// "host:port", "[::1]:port". `lowest_port` 0 lets the system choose.
bool is_host_and_port(std::string_view text, std::int64_t lowest_port) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || !between(text.substr(colon + 1), lowest_port, 65535)) return false;
  auto host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    return host.find(':') != std::string_view::npos;
  return !host.empty() && host.find_first_of(":/[]@ \t") == std::string_view::npos;
}

// "ipc:///run/kefu/queue": the path of a file, as long as the system takes it. libzmq takes names without a
// file, too, which anybody on the machine may use, and * for a file somewhere.
bool is_file_endpoint(std::string_view text) {
  constexpr std::string_view kScheme = "ipc://";
  constexpr std::size_t kPathBytesMax = 107;
  if (text.substr(0, kScheme.size()) != kScheme) return false;
  const auto path = text.substr(kScheme.size());
  return path.size() > 1 && path.size() <= kPathBytesMax && path.front() == '/' && path.back() != '/';
}

// Where to listen: ZeroMQ takes 0 and * for any port, * for any host.
bool is_endpoint(std::string_view text) {
  if (is_file_endpoint(text)) return true;
  if (text.substr(0, kEndpointScheme.size()) != kEndpointScheme) return false;
  std::string address(text.substr(kEndpointScheme.size()));
  if (address.size() > 2 && address.substr(address.size() - 2) == ":*") address.back() = '0';
  return is_host_and_port(address, 0);
}

// Where to connect: somebody has to be there.
bool is_peer(std::string_view text) {
  if (is_file_endpoint(text)) return true;
  if (text.substr(0, kEndpointScheme.size()) != kEndpointScheme) return false;
  const auto address = text.substr(kEndpointScheme.size());
  return is_host_and_port(address, 1) && address.front() != '*';
}

bool is_url(std::string_view text) {
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return false;
  const auto scheme = text.substr(0, scheme_end);
  auto rest = text.substr(scheme_end + 3);
  if ((scheme != "http" && scheme != "https") || rest.find_first_of("?#@ \t") != std::string_view::npos)
    return false;
  const auto host = rest.substr(0, rest.find('/'));
  const auto bracket = host.rfind(']');
  const bool has_port =
      host.find(':', bracket == std::string_view::npos ? 0 : bracket) != std::string_view::npos;
  return has_port ? is_host_and_port(host, 1) : !host.empty();
}

bool is_account(std::string_view text) {
  const auto printable = [](char c) { return c > ' ' && c < '\x7F'; };
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), printable);
}

std::string problem_with_accounts(std::string_view text) {
  auto accounts = settings::split_list(text);
  if (accounts.empty()) return "names no account: give at least one, such as agent1";
  for (const auto& account : accounts) {
    if (!is_account(account))
      return "has an account that is not 1 to 32 printable ASCII characters without blanks";
  }
  std::sort(accounts.begin(), accounts.end());
  const auto twice = std::adjacent_find(accounts.begin(), accounts.end());
  return twice == accounts.end() ? "" : "names " + *twice + " twice";
}

std::string problem_with_choice(const Setting& setting, const std::string& text) {
  const auto choices = settings::words(setting.choices);
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return "";
  std::string list;
  for (const auto& choice : choices) list += (list.empty() ? "" : ", ") + std::string(choice);
  return "is '" + text + "': give one of " + list;
}

std::string problem_with_number(const Setting& setting, const std::string& text) {
  const auto range = settings::words(setting.choices);
  if (between(text, *settings::parse_number(range[0]), *settings::parse_number(range[1]))) return "";
  return "is '" + text + "': give a whole number from " + std::string(range[0]) + " to " +
         std::string(range[1]);
}

// Not repeated: it is long.
std::string problem_with_text(const Setting& setting, const std::string& text) {
  const auto bytes_max = settings::parse_number(setting.choices);
  if (!bytes_max || text.size() <= static_cast<std::size_t>(*bytes_max)) return "";
  return "is " + std::to_string(text.size()) + " bytes long: give at most " + std::string(setting.choices) +
         " bytes of UTF-8";
}

std::string problem_with_duration(const Setting& setting, const std::string& text) {
  const auto given = settings::parse_duration(text);
  if (!given) return "is '" + text + "': give a number with ms, s, m, h or d, such as 500ms or 24h";
  const auto shortest = settings::parse_duration(setting.choices);
  if (!shortest || *given >= *shortest) return "";
  return "is '" + text + "': give at least " + std::string(setting.choices);
}

std::string problem_with_secret(const Setting& setting, const std::string& text) {
  const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == '\x7F'; };
  if (settings::trimmed(text) != text || std::any_of(text.begin(), text.end(), is_control)) {
    return "has blanks around it or line breaks in it: copy it again from the console";
  }
  if (setting.name.substr(0, 14) != "WECHAT_AES_KEY") return "";
  const auto in_base64 = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '/';
  };
  if (text.size() == 43 && std::all_of(text.begin(), text.end(), in_base64)) return "";
  return "is not 43 characters of A-Z, a-z, 0-9, + and / (it has " + std::to_string(text.size()) +
         "): copy the EncodingAESKey again from the WeChat console";
}

}  // namespace

std::string problem_with(const Setting& setting, const std::string& text) {
  const bool may_be_off = setting.kind != SettingKind::choice && setting.choices == "off";
  if (may_be_off && text == "off") return "";
  const std::string or_off = may_be_off ? ", or off" : "";
  const auto is_not = [&text](const std::string& what) { return "is '" + text + "': give " + what; };
  switch (setting.kind) {
    case SettingKind::text:
      return problem_with_text(setting, text);
    case SettingKind::secret:
      return problem_with_secret(setting, text);
    case SettingKind::listen:
      return is_host_and_port(text, 0) ? ""
                                       : is_not("host:port, such as 127.0.0.1:8080 or [::1]:8080" + or_off);
    case SettingKind::endpoint:
      return is_endpoint(text)
                 ? ""
                 : is_not("tcp://host:port, such as tcp://127.0.0.1:5555, or ipc:///path" + or_off);
    case SettingKind::endpoints: {
      const auto list = settings::split_list(text);
      const bool good = !list.empty() && std::all_of(list.begin(), list.end(), is_peer);
      return good ? ""
                  : is_not(
                        "tcp://host:port with a host and a port from 1 to 65535, or ipc:///path, several "
                        "with commas between");
    }
    // Not repeated: somebody may have put a password into it.
    case SettingKind::url:
      return is_url(text)
                 ? ""
                 : "is no base URL: give http://host[:port][/path] or https://…, without user and query";
    case SettingKind::number:
      return problem_with_number(setting, text);
    case SettingKind::flag:
      return settings::parse_flag(text) ? "" : is_not("1 or 0");
    case SettingKind::choice:
      return problem_with_choice(setting, text);
    case SettingKind::accounts:
      return problem_with_accounts(text);
    case SettingKind::duration:
      return problem_with_duration(setting, text);
  }
  return "";
}

namespace settings {

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<bool> parse_flag(std::string_view text) {
  for (const auto* yes : {"1", "true", "yes", "on"}) {
    if (text == yes) return true;
  }
  for (const auto* no : {"0", "false", "no", "off"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

std::optional<Millis> parse_duration(std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_number(text.substr(0, digits));
  if (!number || *number > 1'000'000'000) return std::nullopt;
  const auto unit = text.substr(digits);
  if (unit == "ms") return Millis(*number);
  if (unit == "s") return Millis(*number * 1000);
  if (unit == "m") return Millis(*number * 60'000);
  if (unit == "h") return Millis(*number * 3'600'000);
  if (unit == "d") return Millis(*number * 86'400'000);
  return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    const auto part = trimmed(text.substr(0, end));
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    found.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

}  // namespace settings
}  // namespace kefu
