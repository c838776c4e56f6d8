#include "lib/im/errors.h"

#include <doctest/doctest.h>

#include "tests/error_classes.h"

using namespace kefu;
using enum im::ErrorClass;

namespace {

const std::map<std::string, im::ErrorClass> kClasses{
    {"RETRY", retry},     {"THROTTLE", throttle},    {"RESIGN", resign}, {"IMPORT", import_account},
    {"SPLIT", split},     {"CONFIG", configuration}, {"PERM", dead},     {"DONE", done},
    {"ACCOUNT", account},
};

}  // namespace

TEST_CASE("every ErrorCode of the reference has its class, and a meaning") {
  const auto reference = test::error_classes("im-error-classes.txt");
  CHECK(reference.size() > 10'000);  // with the codes that apps give themselves
  for (const auto& [code, name] : reference) {
    CAPTURE(code);
    const auto row = im::explain(code);
    // "PERM for this UserID": the customer goes on under another one.
    const auto wanted = code == 70399 ? locked : kClasses.at(name);
    if (row.error_class != wanted || row.meaning.empty()) {
      CHECK(row.error_class == wanted);
      CHECK_FALSE(row.meaning.empty());
    }
  }
}

TEST_CASE("every row of the table is in the reference, once, and in order") {
  const auto reference = test::error_classes("im-error-classes.txt");
  std::int64_t before = -1;
  for (const auto& row : im::error_table()) {
    CAPTURE(row.code);
    CHECK((row.code == 0 || reference.contains(row.code)));
    CHECK(row.code > before);
    before = row.code;
  }
}

TEST_CASE("an ErrorCode that no table knows is tried again") {
  for (const std::int64_t unknown : {424242, -1, 120000, 130001, 10099, 10201}) {
    CAPTURE(unknown);
    CHECK(im::explain(unknown).error_class == retry);
    CHECK_FALSE(im::explain(unknown).meaning.empty());
  }
  CHECK(im::explain(0).error_class == ok);
}
