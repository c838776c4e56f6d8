#include "lib/base/digest.h"

#include <doctest/doctest.h>

using namespace kefu;

TEST_CASE("digest: a key written as hex is the same key when read") {
  const auto key = dedup_key({"a", "b"});
  const auto text = dedup_key_hex(key);
  CHECK(text.size() == 32);
  CHECK(dedup_key_from_hex(text) == key);
  CHECK_FALSE(dedup_key_from_hex(""));
  CHECK_FALSE(dedup_key_from_hex(text.substr(1)));
  CHECK_FALSE(dedup_key_from_hex("g" + text.substr(1)));
}
