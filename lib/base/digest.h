// Hashes, encodings and chance, over OpenSSL. All thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/ids.h"

namespace kefu {

std::string sha1_hex(std::string_view bytes);                           // lower case
std::string sha256_hex(std::string_view bytes);                         // lower case
std::string hmac_sha256(std::string_view key, std::string_view bytes);  // 32 raw bytes

std::string to_hex(std::string_view bytes);  // lower case

std::string base64_encode(std::string_view bytes);  // standard alphabet, padded, one line
// Standard alphabet; padding may be missing, surplus bits may be set; nothing when any other character is in
// it.
std::optional<std::string> base64_decode(std::string_view text);

// Time depends on the lengths alone.
bool equal_constant_time(std::string_view a, std::string_view b);

// The parts are joined so that no two different lists collide ("a","bc" and "ab","c" differ).
DedupKey dedup_key(std::initializer_list<std::string_view> parts);
std::string dedup_key_hex(const DedupKey& key);  // 32 characters, lower case
std::optional<DedupKey> dedup_key_from_hex(std::string_view text);

std::uint64_t random_u64();
std::string random_hex(std::size_t bytes);

}  // namespace kefu
