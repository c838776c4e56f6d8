#include "kefuctl/table.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>

using namespace kefu::ctl;

TEST_CASE("a table's columns are as wide as their widest cell, numbers stand right, no line ends in blanks") {
  const std::string table =
      format_table({{"NAME"}, {"COUNT", true}, {"WHY"}}, {{"relay", "7", ""}, {"notifier", "1234", "x"}});
  CHECK(table ==
        "NAME      COUNT  WHY\n"
        "relay         7\n"
        "notifier   1234  x\n");
}

TEST_CASE("characters of several bytes count once") {
  CHECK(format_table({{"A"}, {"B"}}, {{"你好", "x"}, {"ab", "y"}}) ==
        "A   B\n"
        "你好  x\n"
        "ab  y\n");
}

TEST_CASE("control characters of strangers do not reach the terminal, other text does") {
  CHECK(printable("a\x1b[31mb\n\x7f") == "a [31mb  ");
  CHECK(printable("x\xc2\x9b"
                  "31m") == "x 31m");
  CHECK(printable("你好 é") == "你好 é");
}

TEST_CASE("an age is told in one unit") {
  CHECK(format_age(-5) == "0 ms");
  CHECK(format_age(999) == "999 ms");
  CHECK(format_age(1000) == "1 s");
  CHECK(format_age(119'999) == "1 min");
  CHECK(format_age(7'200'000) == "2 h");
  CHECK(format_age(3 * 86'400'000LL) == "3 d");
}

TEST_CASE("a time is told with its milliseconds") {
  setenv("TZ", "UTC", 1);
  tzset();
  CHECK(format_time(1735689600007) == "2025-01-01 00:00:00.007");
  CHECK(format_time(-1) == "?");
}
