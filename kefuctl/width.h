// How many columns of a terminal a text takes, whatever the locale of the environment is: Chinese, Japanese
// and Korean characters and most emoji take two, combining marks take none. Thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kefu::ctl {

// A byte that is not UTF-8, and a control character, counts as one column.
std::size_t columns_of(std::string_view text);

// The beginning of the line that takes at most so many columns, never cut within a character.
std::string fit(std::string_view line, std::size_t columns);

// The whole text in lines of at most so many columns. REQUIRES: columns >= 2.
std::vector<std::string> wrap(std::string_view text, std::size_t columns);

}  // namespace kefu::ctl
