#include "kefuctl/table.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "kefuctl/width.h"

namespace kefu::ctl {
namespace {

std::vector<std::size_t> widths_of(const std::vector<Column>& columns,
                                   const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  widths.reserve(columns.size());
  for (const Column& column : columns) widths.push_back(columns_of(column.title));
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  return widths;
}

std::string format_row(const std::vector<Column>& columns, const std::vector<std::size_t>& widths,
                       const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size() && i < columns.size(); ++i) {
    const std::string padding(widths[i] - columns_of(cells[i]), ' ');
    if (i > 0) line += "  ";
    line += columns[i].right ? padding + cells[i] : cells[i] + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

std::string format_table(const std::vector<Column>& columns,
                         const std::vector<std::vector<std::string>>& rows) {
  const auto widths = widths_of(columns, rows);
  std::vector<std::string> titles;
  titles.reserve(columns.size());
  for (const Column& column : columns) titles.push_back(column.title);
  std::string table = format_row(columns, widths, titles);
  for (const auto& row : rows) table += format_row(columns, widths, row);
  return table;
}

std::string format_age(std::int64_t milliseconds) {
  struct Unit {
    std::int64_t ms;
    const char* name;
  };
  static constexpr std::array<Unit, 4> kUnits{
      {{86'400'000, " d"}, {3'600'000, " h"}, {60'000, " min"}, {1'000, " s"}}};
  for (const Unit& unit : kUnits) {
    if (milliseconds >= unit.ms) return std::to_string(milliseconds / unit.ms) + unit.name;
  }
  return std::to_string(std::max<std::int64_t>(milliseconds, 0)) + " ms";
}

namespace {

std::string zoned(std::int64_t unix_ms, const std::string& fraction) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  if (unix_ms < 0 || localtime_r(&seconds, &parts) == nullptr) return "?";
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  std::array<char, 8> zone{};
  std::strftime(zone.data(), zone.size(), "%z", &parts);
  std::string offset(zone.data());
  if (offset.size() == 5) offset.insert(3, ":");
  return std::string(text.data()) + fraction + offset;
}

}  // namespace

std::string format_time(std::int64_t unix_ms) {
  return zoned(unix_ms, "." + std::to_string(1000 + std::max<std::int64_t>(unix_ms, 0) % 1000).substr(1));
}

std::string format_second(std::int64_t unix_ms) {
  return zoned(unix_ms, "");
}

}  // namespace kefu::ctl
