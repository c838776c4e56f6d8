#include "lib/im/usersig.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "lib/base/digest.h"

using namespace kefu;
using nlohmann::json;

namespace {

json vectors() {
  return json::parse(std::ifstream(KEFU_TEST_VECTORS "/usersig.json"));
}

json published() {
  return vectors()["vectors"];
}

std::string packed(const std::string& text) {
  uLongf size = compressBound(text.size());
  std::string bytes(size, '\0');
  compress(reinterpret_cast<Bytef*>(bytes.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
           text.size());
  bytes.resize(size);
  auto out = base64_encode(bytes);
  std::replace(out.begin(), out.end(), '+', '*');
  std::replace(out.begin(), out.end(), '/', '-');
  std::replace(out.begin(), out.end(), '=', '_');
  return out;
}

void check_fields(const im::UserSigFields& fields, const json& input) {
  CHECK(fields.identifier == input["identifier"].get<std::string>());
  CHECK(fields.sdk_app_id == input["sdkappid"].get<std::uint32_t>());
  CHECK(fields.time_s == input["time"].get<std::int64_t>());
  CHECK(fields.expire_s == input["expire"].get<std::int64_t>());
}

}  // namespace

TEST_CASE("a UserSig of every official library is understood") {
  int checked = 0;
  for (const auto& vector : published()) {
    CAPTURE(vector["name"].get<std::string>());
    const auto key = vector["input"]["key"].get<std::string>();
    std::vector<std::string> same{vector["usersig"].get<std::string>()};
    for (const auto& other : vector["equivalent_usersigs"])
      same.push_back(other["usersig"].get<std::string>());
    for (const auto& usersig : same) {
      const auto fields = im::check_usersig(usersig, key);
      REQUIRE(fields.ok());
      check_fields(*fields, vector["input"]);
      CHECK_FALSE(im::check_usersig(usersig, key + "x"));
      ++checked;
    }
  }
  CHECK(checked >= 12);
}

TEST_CASE("a UserSig of ours has the published fields and MAC") {
  for (const auto& vector : published()) {
    CAPTURE(vector["name"].get<std::string>());
    const auto& input = vector["input"];
    const auto key = input["key"].get<std::string>();
    const auto made =
        im::make_usersig(input["sdkappid"].get<std::uint32_t>(), key, input["identifier"].get<std::string>(),
                         input["time"].get<std::int64_t>(), input["expire"].get<std::int64_t>());
    CHECK(made.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-_") ==
          made.npos);
    const auto fields = im::check_usersig(made, key);
    REQUIRE(fields.ok());
    check_fields(*fields, input);
    // Our own inflated JSON is the published one but for the order of its members.
    json wanted = vector["inflated_fields"];
    CHECK(wanted["TLS.sig"].get<std::string>() == vector["hmac_base64"].get<std::string>());
    CHECK(im::check_usersig(packed(wanted.dump()), key).ok());
  }
}

TEST_CASE("a UserSig that does not fit is refused") {
  const auto all = vectors();
  std::map<std::string, std::string> keys;
  for (const auto& vector : all["vectors"])
    keys[vector["name"].get<std::string>()] = vector["input"]["key"].get<std::string>();
  for (const auto& negative : all["negative_cases"]) {
    CAPTURE(negative["name"].get<std::string>());
    if (!keys.contains(negative["based_on"].get<std::string>())) continue;
    const auto fields = im::check_usersig(negative["usersig"].get<std::string>(),
                                          keys[negative["based_on"].get<std::string>()]);
    if (negative.contains("now")) {
      REQUIRE(fields.ok());
      CHECK(negative["now"].get<std::int64_t>() > fields->time_s + fields->expire_s);
    } else if (negative.contains("verify_with_sdkappid")) {
      REQUIRE(fields.ok());
      CHECK(fields->sdk_app_id != negative["verify_with_sdkappid"].get<std::uint32_t>());
    } else {
      CHECK_FALSE(fields.ok());
    }
  }
}

TEST_CASE("a UserSig with a userbuf is signed over it") {
  const std::string content =
      "TLS.identifier:u\nTLS.sdkappid:1\nTLS.time:2\nTLS.expire:3\nTLS.userbuf:AAEC\n";
  json fields{{"TLS.ver", "2.0"},
              {"TLS.identifier", "u"},
              {"TLS.sdkappid", 1},
              {"TLS.time", 2},
              {"TLS.expire", 3},
              {"TLS.userbuf", "AAEC"},
              {"TLS.sig", base64_encode(hmac_sha256("k", content))}};
  CHECK(im::check_usersig(packed(fields.dump()), "k").ok());
  fields["TLS.userbuf"] = "AAED";
  CHECK_FALSE(im::check_usersig(packed(fields.dump()), "k"));
}

TEST_CASE("junk for a UserSig is refused, and a bomb does not inflate") {
  for (const std::string junk : {"", "x", "eJw", "eJw1", "====", "a+b/c=", "\xff\xff"})
    CHECK_FALSE(im::check_usersig(junk, "k"));
  CHECK_FALSE(im::check_usersig(packed("[]"), "k"));
  CHECK_FALSE(im::check_usersig(packed("{}"), "k"));
  CHECK_FALSE(im::check_usersig(packed(R"({"TLS.ver":"2.0","TLS.sdkappid":4294967296})"), "k"));
  CHECK_FALSE(im::check_usersig(packed("{\"x\":\"" + std::string(1 << 20, 'a') + "\"}"), "k"));
}
