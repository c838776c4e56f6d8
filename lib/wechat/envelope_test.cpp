#include "lib/wechat/envelope.h"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lib/base/digest.h"
#include "lib/wechat/signature.h"

using namespace kefu;
using nlohmann::json;

namespace {

json vectors(const std::string& file) {
  return json::parse(std::ifstream(KEFU_TEST_VECTORS "/" + file))["vectors"];
}

std::string text(const json& vector, const char* key) {
  return vector.at(key).get<std::string>();
}

std::string unhex(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

std::string sample(const std::string& name) {
  std::ifstream file(KEFU_TEST_VECTORS "/wechat-xml/" + name);
  return (std::ostringstream() << file.rdbuf()).str();
}

wechat::AesKey key_of(const json& vector) {
  return *wechat::parse_aes_key(text(vector, "encoding_aes_key"));
}

std::string signature_of(const json& vector) {
  return wechat::message_signature(text(vector, "token"), text(vector, "timestamp"), text(vector, "nonce"),
                                   text(vector, "encrypt"));
}

}  // namespace

TEST_CASE("published messages decrypt, and encrypt again to the same bytes") {
  int checked = 0;
  for (const auto& vector : vectors("wechat-crypto.json")) {
    CAPTURE(text(vector, "name"));
    const auto app_id = text(vector, "receive_id_in_ciphertext");
    const auto plain = wechat::decrypt(key_of(vector), app_id, text(vector, "encrypt"));
    REQUIRE(plain.ok());
    CHECK(*plain == text(vector, "plaintext"));
    CHECK(signature_of(vector) == text(vector, "msg_signature"));
    CHECK(wechat::encrypt(key_of(vector), app_id, *plain, unhex(text(vector, "random16_hex"))) ==
          text(vector, "encrypt"));
    CHECK_FALSE(wechat::decrypt(key_of(vector), app_id + "x", text(vector, "encrypt")));
    ++checked;
  }
  CHECK(checked >= 6);
}

TEST_CASE("boundary cases of the encryption") {
  int checked = 0;
  for (const auto& vector : vectors("wechat-crypto-derived.json")) {
    if (text(vector, "kind") != "positive") continue;
    CAPTURE(text(vector, "name"));
    const auto app_id = text(vector, "receive_id");
    const auto plain = wechat::decrypt(key_of(vector), app_id, text(vector, "encrypt"));
    REQUIRE(plain.ok());
    CHECK(*plain == unhex(text(vector, "plaintext_hex")));
    CHECK(signature_of(vector) == text(vector, "msg_signature"));
    CHECK(wechat::encrypt(key_of(vector), app_id, *plain, unhex(text(vector, "random16_hex"))) ==
          text(vector, "encrypt"));
    if (vector.contains("configured_keys_in_order")) {
      const auto current = wechat::parse_aes_key(vector["configured_keys_in_order"][0].get<std::string>());
      CHECK_FALSE(wechat::decrypt(*current, app_id, text(vector, "encrypt")));
    }
    ++checked;
  }
  CHECK(checked >= 20);
}

TEST_CASE("what is not rightly signed and encrypted is refused") {
  int checked = 0;
  for (const auto& vector : vectors("wechat-crypto-derived.json")) {
    if (text(vector, "kind") != "negative") continue;
    CAPTURE(text(vector, "name"));
    const auto key = wechat::parse_aes_key(text(vector, "encoding_aes_key"));
    const bool taken = key.ok() && signature_of(vector) == text(vector, "msg_signature") &&
                       wechat::decrypt(*key, text(vector, "receive_id"), text(vector, "encrypt")).ok();
    CHECK_FALSE(taken);
    if (text(vector, "expect") == "config_error") CHECK_FALSE(key.ok());
    ++checked;
  }
  CHECK(checked >= 10);
}

TEST_CASE("the two surplus bits of an EncodingAESKey may be set") {
  const std::string key(42, 'A');
  CHECK(*wechat::parse_aes_key(key + "A") == *wechat::parse_aes_key(key + "B"));
  CHECK_FALSE(wechat::parse_aes_key(key));
  CHECK_FALSE(wechat::parse_aes_key(key + "AA"));
  CHECK_FALSE(wechat::parse_aes_key(key + "="));
  CHECK_FALSE(wechat::parse_aes_key(key.substr(0, 41) + "-A"));
  CHECK_FALSE(wechat::parse_aes_key(""));
}

TEST_CASE("only the encrypted half of a compatible push is looked at") {
  const auto index = json::parse(std::ifstream(KEFU_TEST_VECTORS "/wechat-xml/index.json"))["samples"];
  int checked = 0;
  for (const auto& [name, entry] : index.items()) {
    if (entry["kind"] != "encrypted") continue;
    CAPTURE(name);
    const auto part = wechat::encrypted_part(sample(entry["file"].get<std::string>()));
    REQUIRE(part.ok());
    const auto& expect = entry["expect"];
    const auto plain = wechat::decrypt(*wechat::parse_aes_key(text(expect, "encoding_aes_key")),
                                       text(expect, "appid"), *part);
    REQUIRE(plain.ok());
    CHECK(*plain == text(expect, "inner_xml"));
    ++checked;
  }
  CHECK(checked >= 1);
}

TEST_CASE("an Encrypt that a customer typed is not taken for the real one") {
  const auto part = wechat::encrypted_part(
      "<xml><Content><![CDATA[x]]></Content><Encrypt>forged</Encrypt><Content><![CDATA[y]]></"
      "Content><Encrypt>real</Encrypt></xml>");
  REQUIRE(part.ok());
  CHECK(*part == "real");
  const auto of_link = wechat::encrypted_part(
      "<xml><Title><![CDATA[x]]></Title><Encrypt>forged</Encrypt><Title><![CDATA[y]]></Title><Encrypt>real</"
      "Encrypt></xml>");
  REQUIRE(of_link.ok());
  CHECK(*of_link == "real");
  CHECK_FALSE(wechat::encrypted_part("<xml><Encrypt></Encrypt></xml>"));
  CHECK_FALSE(wechat::encrypted_part("<xml><A>b</A></xml>"));
  CHECK_FALSE(wechat::encrypted_part("<!DOCTYPE xml><xml><Encrypt>a</Encrypt></xml>"));
}

TEST_CASE("an encrypted reply has the published form") {
  const auto entry = json::parse(
      std::ifstream(KEFU_TEST_VECTORS "/wechat-xml/index.json"))["samples"]["reply-encrypted-envelope"];
  const auto expect = entry["expect"];
  const auto key = *wechat::parse_aes_key(text(expect, "encoding_aes_key"));
  const auto published = sample(entry["file"].get<std::string>());
  const auto part = wechat::encrypted_part(published);
  REQUIRE(part.ok());
  CHECK(*wechat::decrypt(key, text(expect, "appid"), *part) == text(expect, "inner_xml"));
  CHECK(wechat::encrypted_reply(text(expect, "token"), "1790000000", "1372623149", *part) == published);
}

TEST_CASE("a frame of any size comes back as it went in") {
  const auto key = *wechat::parse_aes_key(std::string(43, 'k'));
  for (std::size_t size = 0; size < 100; ++size) {
    const std::string message(size, 'm');
    const auto cipher = wechat::encrypt(key, "wxid", message, random_hex(8));
    const auto plain = wechat::decrypt(key, "wxid", cipher);
    REQUIRE(plain.ok());
    CHECK(*plain == message);
  }
}
