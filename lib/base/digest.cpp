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

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

void fill_random(unsigned char* at, std::size_t size) {
  if (RAND_bytes(at, static_cast<int>(size)) != 1)
    throw std::runtime_error("the system gives no random bytes");
}

}  // namespace

std::string sha1_hex(std::string_view bytes) {
  return to_hex(digest(EVP_sha1(), bytes));
}
std::string sha256_hex(std::string_view bytes) {
  return to_hex(digest(EVP_sha256(), bytes));
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
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held & 0xff);
    }
  }
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
  const auto hash = digest(EVP_sha256(), joined);
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
