#include "lib/wechat/envelope.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>

#include "lib/base/digest.h"
#include "lib/wechat/signature.h"
#include "lib/wechat/xml.h"

namespace kefu::wechat {
namespace {

constexpr std::size_t kRandomBytes = 16;
constexpr std::size_t kHeadBytes = kRandomBytes + 4;  // and the length
constexpr std::size_t kAesBlock = 16;
constexpr std::size_t kPadBlock = 32;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

// Looking it up costs as much as a short message; it stays for as long as the program runs.
const EVP_CIPHER* aes_256_cbc() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return cipher;
}

// Padding is ours: OpenSSL knows only blocks of 16. REQUIRES: whole AES blocks. IV = first half of the key.
std::string aes_cbc(const AesKey& key, std::string_view in, bool encrypting) {
  const std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context(EVP_CIPHER_CTX_new());
  std::string out(in.size() + kAesBlock, '\0');
  int size = 0;
  int tail = 0;
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  const auto* from = reinterpret_cast<const unsigned char*>(in.data());
  const bool done = context &&
                    EVP_CipherInit_ex(context.get(), aes_256_cbc(), nullptr, key.bytes.data(),
                                      key.bytes.data(), encrypting ? 1 : 0) == 1 &&
                    EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1 &&
                    EVP_CipherUpdate(context.get(), to, &size, from, static_cast<int>(in.size())) == 1 &&
                    EVP_CipherFinal_ex(context.get(), to + size, &tail) == 1;
  if (!done) throw std::runtime_error("OpenSSL refuses AES-256-CBC");
  out.resize(static_cast<std::size_t>(size) + static_cast<std::size_t>(tail));
  return out;
}

// How many bytes at the end are padding; nothing when they are none.
std::optional<std::size_t> padding_bytes(std::string_view frame) {
  const auto count = static_cast<std::size_t>(static_cast<unsigned char>(frame.back()));
  if (count < 1 || count > kPadBlock || count > frame.size()) return std::nullopt;
  const auto tail = frame.substr(frame.size() - count);
  if (!std::all_of(tail.begin(), tail.end(), [&](char c) { return c == frame.back(); })) return std::nullopt;
  return count;
}

std::uint32_t big_endian(std::string_view four) {
  std::uint32_t value = 0;
  for (const char c : four) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

Result<AesKey> parse_aes_key(std::string_view encoding_aes_key) {
  if (encoding_aes_key.size() != 43) return Error{"an EncodingAESKey has 43 characters"};
  const auto bytes = base64_decode(encoding_aes_key);
  if (!bytes || bytes->size() != 32)
    return Error{"an EncodingAESKey has only the characters A-Z a-z 0-9 + /"};
  AesKey key;
  std::memcpy(key.bytes.data(), bytes->data(), key.bytes.size());
  return key;
}

Result<std::string> encrypted_part(std::string_view body) {
  const auto fields = fields_of(body);
  if (!fields) return Error{fields.error()};
  // The last one: it follows the plain half of a compatible push. The signature decides whether it is real.
  const auto* last = last_field(*fields, "Encrypt");
  const auto text = last ? trimmed(last->text) : std::string_view();
  if (text.empty()) return Error{"there is no Encrypt in the body"};
  return std::string(text);
}

Result<std::string> decrypt(const AesKey& key, std::string_view app_id, std::string_view encrypt) {
  const auto cipher = base64_decode(encrypt);
  if (!cipher) return Error{"Encrypt is not Base64"};
  if (cipher->size() < kPadBlock || cipher->size() % kAesBlock != 0)
    return Error{"Encrypt has an impossible length"};
  const std::string plain = aes_cbc(key, *cipher, false);

  std::string_view frame = plain;
  const auto padding = padding_bytes(frame);
  if (!padding) return Error{"wrong padding: encrypted with another key?"};
  frame.remove_suffix(*padding);
  if (frame.size() < kHeadBytes) return Error{"the decrypted frame is too short"};
  const std::size_t length = big_endian(frame.substr(kRandomBytes, 4));
  frame.remove_prefix(kHeadBytes);
  if (length > frame.size()) return Error{"the decrypted frame names more bytes than it has"};
  if (!equal_constant_time(frame.substr(length), app_id)) return Error{"encrypted for another app id"};
  return std::string(frame.substr(0, length));
}

std::string encrypt(const AesKey& key, std::string_view app_id, std::string_view message,
                    std::string_view random16) {
  std::string frame(random16);
  for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(message.size() >> shift & 0xFF);
  frame.append(message).append(app_id);
  const auto padding = kPadBlock - frame.size() % kPadBlock;
  frame.append(padding, static_cast<char>(padding));
  return base64_encode(aes_cbc(key, frame, true));
}

std::string encrypted_reply(std::string_view token, std::string_view timestamp, std::string_view nonce,
                            std::string_view encrypt_text) {
  std::string xml = "<xml><Encrypt>";
  xml += cdata(encrypt_text);
  xml += "</Encrypt><MsgSignature>";
  xml += cdata(message_signature(token, timestamp, nonce, encrypt_text));
  xml += "</MsgSignature><TimeStamp>";
  xml += timestamp;
  xml += "</TimeStamp><Nonce>";
  xml += cdata(nonce);
  xml += "</Nonce></xml>";
  return xml;
}

}  // namespace kefu::wechat
