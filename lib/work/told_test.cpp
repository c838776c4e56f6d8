#include "lib/work/told.h"

#include <doctest/doctest.h>

using namespace kefu::work;

TEST_CASE("what a cloud says is kept short, and a secret in it is not told") {
  CHECK(told_by_cloud("bad usersig eJxy and eJxy", "eJxy") == "bad usersig … and …");
  CHECK(told_by_cloud("plain", "") == "plain");
  CHECK(told_by_cloud(std::string(1000, 'x'), "s").size() == 300);
  CHECK(told_by_cloud("", "s").empty());
}

TEST_CASE("the address that a cloud refuses is found in its words") {
  CHECK(address_in("invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 1-2") ==
        "203.0.113.7");
  CHECK(address_in("access clientip is not registered requestIP: 198.51.100.23 rid: 65f1.2") ==
        "198.51.100.23");
  CHECK(address_in("your ip is 203.0.113.7.") == "203.0.113.7");
  CHECK(address_in("version 1.2.3, ip 10.0.0.255") == "10.0.0.255");
  for (const char* none : {"", "no address", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1..2.3", "rid: 6-7"}) {
    CAPTURE(none);
    CHECK(address_in(none).empty());
  }
}
