#include "lib/base/json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

using namespace kefu;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;

// A list of about `bytes`, each item of which is `item`.
std::string list_of(const std::string& item, std::size_t bytes) {
  std::string text = "[" + item;
  text.reserve(bytes + 2 * item.size());
  while (text.size() < bytes) text += "," + item;
  return text + "]";
}

}  // namespace

TEST_CASE("what is not JSON is nothing, and what is JSON keeps its values") {
  for (const auto* bad :
       {"", " ", "{", "[1,]", "{\"a\":1} x", "'a'", "\"\\ud83d\"", "\"\xFF\"", "1e999", "nan"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_json(bad, {}).has_value());
    CHECK_FALSE(parse_ordered_json(bad, {}).has_value());
  }
  CHECK(parse_json("null", {})->is_null());
  CHECK(parse_json(R"({"b":[1,-2,0.5,true,"x"],"a":null})", {})->dump() ==
        R"({"a":null,"b":[1,-2,0.5,true,"x"]})");
  CHECK(parse_ordered_json(R"({"b":[1],"a":null})", {})->dump() == R"({"b":[1],"a":null})");
}

TEST_CASE("JSON is taken to its limits of depth and values and no further") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(parse_json(nested(8), {8}).has_value());
  CHECK_FALSE(parse_json(nested(9), {8}).has_value());
  CHECK(parse_json("[" + nested(7) + "," + nested(7) + "]", {8}).has_value());
  CHECK_FALSE(parse_json(nested(200'000), {}).has_value());
  CHECK_FALSE(parse_json(R"({"a":{"b":{}}})", {2}).has_value());
  CHECK(parse_json(R"({"a":1,"b":[2]})", {8, 4}).has_value());
  CHECK_FALSE(parse_json(R"({"a":1,"b":[2,3]})", {8, 4}).has_value());
  CHECK_FALSE(parse_ordered_json(list_of("0", 1000), {8, 100}).has_value());
}

// With a parser callback each of these costs the better part of a minute and more: the parser goes through
// the parent at the end of every object.
TEST_CASE("a mebibyte of small objects is parsed") {
  for (const auto* item : {"{}", "[]", R"({"a":{}})", R"([{},[]])"}) {
    CAPTURE(item);
    const auto text = list_of(item, kMiB);
    const auto value = parse_json(text, {});
    REQUIRE(value);
    CHECK(value->size() == (text.size() - 1) / (std::string(item).size() + 1));
  }
  std::string object = "{\"0\":{}";
  for (int i = 1; object.size() < kMiB; ++i) object.append(",\"").append(std::to_string(i)).append("\":{}");
  CHECK(parse_json(object + "}", {})->is_object());
}
