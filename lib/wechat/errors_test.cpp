#include "lib/wechat/errors.h"

#include <doctest/doctest.h>

#include "tests/error_classes.h"

using namespace kefu;

TEST_CASE("every errcode of the reference has its class, and a meaning") {
  const auto reference = test::error_classes("wechat-error-classes.txt");
  CHECK(reference.size() > 70);
  for (const auto& [code, name] : reference) {
    CAPTURE(code);
    CHECK(wechat::name(wechat::explain(code).error_class) == name);
    CHECK_FALSE(wechat::explain(code).meaning.empty());
  }
}

TEST_CASE("no errcode has two rows") {
  std::int64_t before = -2;
  for (const auto& row : wechat::error_table()) {
    CAPTURE(row.code);
    CHECK(row.code > before);
    before = row.code;
  }
}

TEST_CASE("an errcode that WeChat does not document is permanent for the message") {
  using enum wechat::ErrorClass;
  for (const std::int64_t unknown : {1, 99999, -2}) CHECK(wechat::explain(unknown).error_class == dead);
  CHECK(wechat::explain(0).error_class == ok);
}
