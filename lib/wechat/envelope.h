// Encrypted pushes and replies (reference: WeChat §2). Pure; over OpenSSL (its only includer here is
// envelope.cpp).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace kefu::wechat {

struct AesKey {
  std::array<std::uint8_t, 32> bytes{};
  bool operator==(const AesKey&) const = default;
};

// EncodingAESKey: 43 characters of A-Z a-z 0-9 + /; the two surplus bits may be set. The error does not
// repeat the key.
Result<AesKey> parse_aes_key(std::string_view encoding_aes_key);

// What is inside the last <Encrypt> of a push body; the plain half of a compatible push is never looked at.
Result<std::string> encrypted_part(std::string_view body);

// `encrypt` is the Base64 text. Checks in the order of §2.1 after the signature: Base64, length,
// padding 1..32, frame, appid.
Result<std::string> decrypt(const AesKey& key, std::string_view app_id, std::string_view encrypt);

// Base64 of random16 + length + message + appid, padded to 32. `random16` has 16 bytes.
std::string encrypt(const AesKey& key, std::string_view app_id, std::string_view message,
                    std::string_view random16);

// The XML of an encrypted reply, signed.
std::string encrypted_reply(std::string_view token, std::string_view timestamp, std::string_view nonce,
                            std::string_view encrypt_text);

}  // namespace kefu::wechat
