#include "kefuctl/width.h"

#include <doctest/doctest.h>

#include <clocale>

using namespace kefu::ctl;

TEST_CASE("a text's width is that of a terminal, whatever the locale") {
  for (const auto* locale : {"C", "C.UTF-8"}) {
    const std::string before = std::setlocale(LC_ALL, nullptr);
    std::setlocale(LC_ALL, locale);
    CHECK(columns_of("hello") == 5);
    CHECK(columns_of("你好") == 4);
    CHECK(columns_of("ｋ（）") == 6);
    CHECK(columns_of("안녕") == 4);
    CHECK(columns_of("é") == 1);
    CHECK(columns_of("e\u0301") == 1);  // a combining mark
    CHECK(columns_of("😀") == 2);
    CHECK(columns_of("\xff\xfe") == 2);
    CHECK(columns_of("\xe4\xbd") == 2);  // a character that is cut off
    std::setlocale(LC_ALL, before.c_str());
  }
}

TEST_CASE("a line is cut by columns, never within a character") {
  CHECK(fit("hello", 3) == "hel");
  CHECK(fit("你好吗", 5) == "你好");
  CHECK(fit("aé你", 2) == "aé");
  CHECK(fit("\xff\xfe", 1) == "\xff");
  CHECK(fit("e\u0301x", 1) == "e\u0301");
  CHECK(fit("short", 80) == "short");
}

TEST_CASE("a long text goes on in the next line, at a blank where there is one") {
  using Lines = std::vector<std::string>;
  CHECK(wrap("one two three", 7) == Lines{"one two", "three"});
  CHECK(wrap("onetwothree", 4) == Lines{"onet", "woth", "ree"});
  CHECK(wrap("你好吗", 4) == Lines{"你好", "吗"});
  CHECK(wrap("", 4).empty());
}
