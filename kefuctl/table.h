// Text in columns of a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kefu::ctl {

struct Column {
  std::string title;
  bool right = false;  // numbers stand right
};

// One line a row, the titles first, two blanks between columns, no blanks at a line's end. Rows may be
// shorter than the titles.
std::string format_table(const std::vector<Column>& columns,
                         const std::vector<std::vector<std::string>>& rows);

// "850 ms", "12 s", "5 min", "3 h", "2 d": one unit, rounded down. Negative counts as 0.
std::string format_age(std::int64_t milliseconds);

// Unix milliseconds as "2026-01-31 12:34:56.789+08:00", in this machine's time zone and with its offset.
std::string format_time(std::int64_t unix_ms);
// The same without the milliseconds.
std::string format_second(std::int64_t unix_ms);

}  // namespace kefu::ctl
