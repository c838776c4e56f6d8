#include "lib/base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace kefu {
namespace {

// Looking one up costs as much as hashing a line.
const EVP_MD* fetched(const char* name) {
  const EVP_MD* kind = EVP_MD_fetch(nullptr, name, nullptr);  // for as long as the program runs
  if (kind == nullptr) throw std::runtime_error("OpenSSL knows no " + std::string(name));
  return kind;
}

const EVP_MD* sha1() {
  static const EVP_MD* const kind = fetched("SHA1");
  return kind;
}
const EVP_MD* sha256() {
  static const EVP_MD* const kind = fetched("SHA256");
  return kind;
}

std::string digest(const EVP_MD* kind, std::string_view bytes) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), &size, kind,
                 nullptr) != 1) {
    throw std::runtime_error("OpenSSL refuses to hash");
  }
  out.resize(size);
  return out;
}

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoBase64 = 64;

constexpr std::array<std::uint8_t, 256> base64_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoBase64);
  for (std::size_t i = 0; i < kBase64.size(); ++i)
    values[static_cast<unsigned char>(kBase64[i])] = static_cast<std::uint8_t>(i);
  return values;
}
constexpr auto kBase64Values = base64_values();

void fill_random(unsigned char* at, std::size_t size) {
  if (RAND_bytes(at, static_cast<int>(size)) != 1)
    throw std::runtime_error("the system gives no random bytes");
}

}  // namespace

std::string sha1_hex(std::string_view bytes) {
  return to_hex(digest(sha1(), bytes));
}
std::string sha256_hex(std::string_view bytes) {
  return to_hex(digest(sha256(), bytes));
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::string out(32, '\0');
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
       reinterpret_cast<unsigned char*>(out.data()), &size);
  return out;
}

std::string to_hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string base64_encode(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // one more for EVP's terminator
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  std::size_t padding = 0;
  while (padding < 2 && !text.empty() && text.back() == '=') {
    text.remove_suffix(1);
    ++padding;
  }
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out(text.size() * 3 / 4 + 3, '\0');
  std::size_t size = 0;
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const auto quad = text.substr(at, 4);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto value =
          i < quad.size() ? kBase64Values[static_cast<unsigned char>(quad[i])] : std::uint8_t{0};
      if (value == kNoBase64) return std::nullopt;
      bits = bits << 6 | value;
    }
    out[size] = static_cast<char>(bits >> 16);
    out[size + 1] = static_cast<char>(bits >> 8 & 0xff);
    out[size + 2] = static_cast<char>(bits & 0xff);
    size += quad.size() - 1;
  }
  out.resize(size);
  return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

DedupKey dedup_key(std::initializer_list<std::string_view> parts) {
  std::string joined;
  for (const auto part : parts) {
    joined += std::to_string(part.size());
    joined += ':';
    joined += part;
  }
  const auto hash = digest(sha256(), joined);
  DedupKey key;
  std::memcpy(key.value.data(), hash.data(), key.value.size());
  return key;
}

std::string dedup_key_hex(const DedupKey& key) {
  return to_hex({reinterpret_cast<const char*>(key.value.data()), key.value.size()});
}

std::optional<DedupKey> dedup_key_from_hex(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  DedupKey key;
  if (text.size() != 2 * key.value.size()) return std::nullopt;
  for (std::size_t i = 0; i < key.value.size(); ++i) {
    const auto high = kDigits.find(text[2 * i]);
    const auto low = kDigits.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    key.value[i] = static_cast<std::byte>(high << 4 | low);
  }
  return key;
}

std::uint64_t random_u64() {
  // Many at once: asking for one costs as much.
  thread_local std::array<std::uint64_t, 64> drawn;
  thread_local std::size_t left = 0;
  if (left == 0) {
    fill_random(reinterpret_cast<unsigned char*>(drawn.data()), sizeof drawn);
    left = drawn.size();
  }
  return drawn[--left];
}

std::string random_hex(std::size_t size) {
  std::string bytes(size, '\0');
  fill_random(reinterpret_cast<unsigned char*>(bytes.data()), size);
  return to_hex(bytes);
}

}  // namespace kefu
