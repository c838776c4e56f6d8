#include "lib/media/links.h"

#include <doctest/doctest.h>

#include <string>

#include "lib/base/digest.h"

using namespace kefu;
using namespace kefu::media;

namespace {
const std::string kKey = "the key";
const std::string kHash = sha256_hex("a picture");
constexpr Timestamp kNow{1'700'000'000'000};
constexpr Timestamp kLater{1'700'000'600'000};
}  // namespace

TEST_CASE("links: a name says what it was made of, and is the same each time") {
  const auto name = link_name(kKey, kHash, Format::jpeg, kLater);
  CHECK(name == link_name(kKey, kHash, Format::jpeg, kLater));
  CHECK(name.substr(0, 65) == kHash + "-");
  CHECK(name.substr(name.size() - 4) == ".jpg");
  const auto linked = read_link_name(kKey, name, kNow);
  REQUIRE(linked);
  CHECK(linked->hash == kHash);
  CHECK(linked->expires == kLater);
  CHECK(linked->format == Format::jpeg);
}

TEST_CASE("links: void from the second on that they name") {
  const auto name = link_name(kKey, kHash, Format::mp4, kLater);
  CHECK(read_link_name(kKey, name, Timestamp{kLater.ms - 1}));
  CHECK_FALSE(read_link_name(kKey, name, kLater));
}

TEST_CASE("links: nothing but what was signed with this very key is read") {
  const auto name = link_name(kKey, kHash, Format::png, kLater);
  CHECK_FALSE(read_link_name("another key", name, kNow));
  CHECK_FALSE(read_link_name(kKey, "", kNow));
  CHECK_FALSE(read_link_name(kKey, name + "x", kNow));
  CHECK_FALSE(read_link_name(kKey, name.substr(0, name.size() - 3) + "gif", kNow));
  CHECK_FALSE(read_link_name(kKey, std::string(10'000, 'a') + "." + name, kNow));
  for (std::size_t i = 0; i < name.size(); ++i) {
    CAPTURE(i);
    auto changed = name;
    changed[i] = changed[i] == 'a' ? 'b' : 'a';
    CHECK_FALSE(read_link_name(kKey, changed, kNow));
    CHECK_FALSE(read_link_name(kKey, name.substr(0, i), kNow));
  }
}
