#include "kefuctl/printable.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace kefu::ctl;

TEST_CASE("control characters of strangers do not reach the terminal but are seen, other text is as it was") {
  CHECK(printable("a\x1b[31mb\n\x7f") == "a\\x1b[31mb \\x7f");
  CHECK(printable("tab\there") == "tab here");
  CHECK(printable("x\xc2\x9b"
                  "31m") == "x\\x9b31m");  // C1 as UTF-8
  CHECK(printable("x\x9b"
                  "31m") == "x\\x9b31m");  // and as a byte, which some terminals obey
  CHECK(printable("cut \xe4\xbd") == "cut \\xe4\\xbd");
  CHECK(printable("你好 é 😀‍👩") == "你好 é 😀‍👩");
}

TEST_CASE("what turns the direction of reading is shown, not obeyed") {
  CHECK(printable("user\u202egnp.exe") == "user\\u202egnp.exe");
  CHECK(printable("\u2066a\u2069\u200f\u061c") == "\\u2066a\\u2069\\u200f\\u061c");
  CHECK(printable("a\u2028b") == "a\\u2028b");
  CHECK(printable("שלום") == "שלום");
}

TEST_CASE("JSON with escapes for a terminal says the same") {
  const nlohmann::json told{{"text", "a\x7f\xc2\x9b\u202eb 你好\n"}};
  for (const auto& json : {told.dump(), told.dump(2)}) {
    const auto safe = printable_json(json);
    CHECK(nlohmann::json::parse(safe) == told);
    CHECK(safe.find('\x7f') == std::string::npos);
    CHECK(safe.find("\u202e") == std::string::npos);
    CHECK(safe.find("你好") != std::string::npos);
  }
  CHECK(printable_json(told.dump(2)).find("{\n") == 0);
}
