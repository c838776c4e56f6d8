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

TEST_CASE("columns stand straight beside Chinese, which is two columns wide, and beside accents") {
  CHECK(format_table({{"A"}, {"B"}}, {{"你好", "x"}, {"ab", "y"}, {"éé", "z"}}) ==
        "A     B\n"
        "你好  x\n"
        "ab    y\n"
        "éé    z\n");
  CHECK(format_table({{"N", true}, {"B"}}, {{"好", "x"}, {"1", "y"}}) ==
        " N  B\n"
        "好  x\n"
        " 1  y\n");
}

TEST_CASE("an age is told in one unit") {
  CHECK(format_age(-5) == "0 ms");
  CHECK(format_age(999) == "999 ms");
  CHECK(format_age(1000) == "1 s");
  CHECK(format_age(119'999) == "1 min");
  CHECK(format_age(7'200'000) == "2 h");
  CHECK(format_age(3 * 86'400'000LL) == "3 d");
}

TEST_CASE("a time is told with its milliseconds and its zone") {
  setenv("TZ", "CST-8", 1);
  tzset();
  CHECK(format_time(1735689600007) == "2025-01-01 08:00:00.007+08:00");
  setenv("TZ", "NST3:30", 1);
  tzset();
  CHECK(format_second(1735689600007) == "2024-12-31 20:30:00-03:30");
  setenv("TZ", "UTC", 1);
  tzset();
  CHECK(format_time(1735689600007) == "2025-01-01 00:00:00.007+00:00");
  CHECK(format_time(-1) == "?");
}
