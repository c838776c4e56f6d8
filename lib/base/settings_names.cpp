// Names of settings, as people write them in flags and files.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <numeric>
#include <set>

#include "lib/base/ascii.h"
#include "lib/base/settings_parts.h"

namespace kefu::settings {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // some editors begin UTF-8 with it

// Levenshtein's.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

// Every name that may stand in a file, of all programs.
const std::vector<std::string>& names_in_files() {
  static const auto names = [] {
    std::set<std::string> found;
    for (const auto& setting : all_settings()) {
      found.emplace(setting.name);
      if (is_secret(setting)) found.insert(std::string(setting.name) + "_FILE");
    }
    return std::vector<std::string>(found.begin(), found.end());
  }();
  return names;
}

bool is_known(const std::string& name) {
  return std::binary_search(names_in_files().begin(), names_in_files().end(), name);
}

std::string name_as_written(std::string_view text) {
  while (text.substr(0, 1) == "-") text.remove_prefix(1);
  std::string name(text);
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return is_known("KEFU_" + name) ? "KEFU_" + name : name;
}

// Without the comment and the quotes. False: a quote is not closed.
bool unquote(std::string_view& value) {
  value = trimmed(value);
  const char quote = value.empty() ? '\0' : value.front();
  if (quote == '"' || quote == '\'') {
    const auto end = value.find(quote, 1);
    if (end == std::string_view::npos) return false;
    const auto rest = trimmed(value.substr(end + 1));
    value = value.substr(1, end - 1);
    return rest.empty() || rest.front() == '#';
  }
  for (auto hash = value.find('#'); hash != std::string_view::npos; hash = value.find('#', hash + 1)) {
    if (hash == 0 || value[hash - 1] == ' ' || value[hash - 1] == '\t') {
      value = trimmed(value.substr(0, hash));
      break;
    }
  }
  return true;
}

std::string did_you_mean(std::string_view written) {
  const auto near = nearest(written, names_in_files());
  return near.empty() ? "" : "; did you mean " + near + "?";
}

}  // namespace

std::string flag_of(std::string_view name) {
  if (name.substr(0, 5) == "KEFU_") name.remove_prefix(5);
  auto flag = "--" + lower_ascii(name);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string nearest(std::string_view written, const std::vector<std::string>& names) {
  const auto nearer = [&](const std::string& a, const std::string& b) {
    return distance(written, a) < distance(written, b);
  };
  const auto found = std::min_element(names.begin(), names.end(), nearer);
  return found != names.end() && distance(written, *found) <= 1 + written.size() / 5 ? *found : "";
}

bool is_of(const Setting& setting, std::string_view program) {
  const auto programs = words(setting.programs);
  return std::find(programs.begin(), programs.end(), program) != programs.end();
}

bool is_secret(const Setting& setting) {
  return setting.kind == SettingKind::secret;
}

std::optional<std::string> read_file(const std::string& path, std::string& why_not) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  try {
    text.assign(std::istreambuf_iterator<char>(file), {});
  } catch (const std::ios_base::failure&) {  // a directory, for instance
    file.setstate(std::ios::badbit);
  }
  if (!file.is_open() || file.bad()) {
    why_not = "cannot be read";
    return std::nullopt;
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

std::size_t begin_of_tables(std::string_view text) {
  std::size_t begin = text.substr(0, kByteOrderMark.size()) == kByteOrderMark ? kByteOrderMark.size() : 0;
  while (begin < text.size()) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const auto line = trimmed(text.substr(begin, end - begin));
    if (line.substr(0, 2) == "[[") return begin;
    begin = end + 1;
  }
  return text.size();
}

std::map<std::string, std::string> read_settings_file(std::string_view text, const std::string& path,
                                                      std::vector<std::string>& problems) {
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) text.remove_prefix(kByteOrderMark.size());
  std::map<std::string, std::string> values;
  for (int line_number = 1; !text.empty(); ++line_number) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    const auto where = path + " line " + std::to_string(line_number) + ": ";
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) {
      problems.push_back(where + "is not NAME=value");
      continue;
    }
    auto written = trimmed(line.substr(0, equals));
    if (written.substr(0, 7) == "export ") written = trimmed(written.substr(7));
    auto value = line.substr(equals + 1);
    const auto name = name_as_written(written);
    if (!is_known(name)) {
      problems.push_back(where + std::string(written) + " is no setting" + did_you_mean(name));
    } else if (!unquote(value)) {
      problems.push_back(where + name + " has a quotation mark that does not match");
    } else if (!values.emplace(name, value).second) {
      problems.push_back(where + name + " is set a second time: keep one of the two");
    }
  }
  return values;
}

}  // namespace kefu::settings
