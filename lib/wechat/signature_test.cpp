#include "lib/wechat/signature.h"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

using namespace kefu;
using nlohmann::json;

namespace {
json vectors() {
  return json::parse(std::ifstream(KEFU_TEST_VECTORS "/wechat-signature.json"))["vectors"];
}
}  // namespace

TEST_CASE("signatures are what the published vectors say") {
  int checked = 0;
  for (const auto& vector : vectors()) {
    const auto field = [&](const char* key) { return vector.at(key).get<std::string>(); };
    CAPTURE(field("name"));
    const auto made =
        field("kind") == "signature"
            ? wechat::url_signature(field("token"), field("timestamp"), field("nonce"))
            : wechat::message_signature(field("token"), field("timestamp"), field("nonce"), field("encrypt"));
    CHECK(made == field("signature"));
    ++checked;
  }
  CHECK(checked >= 10);
}

TEST_CASE("a signature holds only when it is there, whole and in lower case") {
  const std::string good = wechat::url_signature("AAAAA", "1714036504", "1514711492");
  CHECK(wechat::url_signature_holds("AAAAA", "1714036504", "1514711492", good));
  CHECK_FALSE(wechat::url_signature_holds("AAAAA", "1714036504", "1514711492", ""));
  CHECK_FALSE(wechat::url_signature_holds("AAAAA", "1714036504", "1514711492", good.substr(0, 39)));
  CHECK_FALSE(wechat::url_signature_holds("AAAAA", "1714036504", "1514711493", good));
  CHECK_FALSE(wechat::url_signature_holds("AAAAB", "1714036504", "1514711492", good));

  const std::string message = wechat::message_signature("AAAAA", "1", "2", "cipher");
  CHECK(wechat::message_signature_holds("AAAAA", "1", "2", "cipher", message));
  CHECK_FALSE(wechat::message_signature_holds("AAAAA", "1", "2", "ciphes", message));
  CHECK_FALSE(
      wechat::message_signature_holds("AAAAA", "1", "2", "cipher", wechat::url_signature("AAAAA", "1", "2")));
}
