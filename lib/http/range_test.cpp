#include "lib/http/range.h"

#include <doctest/doctest.h>

using namespace kefu::http;

namespace {
constexpr Part kWhole{};
constexpr Part kBehindTheEnd{Part::Kind::unsatisfiable, 0, 0};
Part of_ten(std::string_view range) {
  return part_of(range, "", "\"tag\"", 10);
}
Part cut(std::uint64_t first, std::uint64_t length) {
  return {Part::Kind::part, first, length};
}
}  // namespace

TEST_CASE("range: from, to, and the last ones") {
  CHECK(of_ten("") == kWhole);
  CHECK(of_ten("bytes=0-0") == cut(0, 1));
  CHECK(of_ten("bytes=2-5") == cut(2, 4));
  CHECK(of_ten("bytes=2-") == cut(2, 8));
  CHECK(of_ten("bytes=2-99") == cut(2, 8));
  CHECK(of_ten("bytes=9-18446744073709551615") == cut(9, 1));
  CHECK(of_ten("bytes=-3") == cut(7, 3));
  CHECK(of_ten("bytes=-99") == cut(0, 10));
}

TEST_CASE("range: what lies behind the end cannot be given") {
  CHECK(of_ten("bytes=10-") == kBehindTheEnd);
  CHECK(of_ten("bytes=10-20") == kBehindTheEnd);
  CHECK(of_ten("bytes=-0") == kBehindTheEnd);
  CHECK(part_of("bytes=0-", "", "", 0) == kBehindTheEnd);
  CHECK(part_of("bytes=-5", "", "", 0) == kBehindTheEnd);
}

TEST_CASE("range: what is no single range of bytes gets the whole") {
  for (const auto* range : {"bytes=0-1,3-4", "bytes=5-2", "bytes=-", "bytes=", "bytes", "bytes=a-b",
                            "bytes=1-2x", "bytes= 1-2", "bytes=+1-2", "bytes=--1", "lines=1-2",
                            "bytes=18446744073709551616-", "bytes=1-18446744073709551616", "BYTES=1-2"}) {
    CAPTURE(range);
    CHECK(of_ten(range) == kWhole);
  }
}

TEST_CASE("range: for another file than the client has begun with, the whole") {
  CHECK(part_of("bytes=1-2", "\"tag\"", "\"tag\"", 10) == cut(1, 2));
  CHECK(part_of("bytes=1-2", "\"other\"", "\"tag\"", 10) == kWhole);
  CHECK(part_of("bytes=1-2", "Sat, 21 Nov 2026 11:00:00 GMT", "\"tag\"", 10) == kWhole);
}
