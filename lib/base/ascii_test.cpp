#include "lib/base/ascii.h"

#include <doctest/doctest.h>

TEST_CASE("capitals become small letters, all else stays") {
  CHECK(kefu::lower_ascii("AMZamz") == "amzamz");
  std::string others;
  for (int c = 0; c < 256; ++c) {
    if (c < 'A' || c > 'Z') others += static_cast<char>(c);
  }
  CHECK(kefu::lower_ascii(others) == others);
}
