// The classes that the reference gives the clouds' error codes, from tests/vectors/*-error-classes.txt.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace kefu::test {

// Class by code. A line: "40008, 40009..40012 | dead"; one that begins with # says something to people.
inline std::map<std::int64_t, std::string> error_classes(const std::string& file) {
  std::ifstream lines(std::string(KEFU_TEST_VECTORS "/") + file);
  REQUIRE_MESSAGE(lines.good(), file);
  std::map<std::int64_t, std::string> classes;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const auto bar = line.find(" | ");
    REQUIRE_MESSAGE(bar != line.npos, line);
    std::istringstream codes(line.substr(0, bar));
    for (std::string part; std::getline(codes, part, ',');) {
      const auto dots = part.find("..");
      const auto first = std::stoll(part),
                 last = dots == part.npos ? first : std::stoll(part.substr(dots + 2));
      for (auto code = first; code <= last; ++code) {
        CAPTURE(code);
        CHECK(classes.emplace(code, line.substr(bar + 3)).second);
      }
    }
  }
  return classes;
}

}  // namespace kefu::test
