#include "lib/media/links.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

#include "lib/base/digest.h"

namespace kefu::media {
namespace {

constexpr std::size_t kHashChars = 64;
constexpr std::size_t kSignatureChars = 64;
constexpr std::size_t kNameChars = 200;  // more than any has
constexpr std::int64_t kSecondsMax = 1LL << 40;

std::string signature(std::string_view key, std::string_view hash, std::string_view expiry,
                      std::string_view extension) {
  std::string signed_text(hash);
  signed_text.append("-").append(expiry).append(".").append(extension);
  return to_hex(hmac_sha256(key, signed_text));
}

bool is_lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string link_name(std::string_view key, std::string_view hash, Format format, Timestamp expires) {
  char digits[16];
  const auto seconds = std::clamp<std::int64_t>(expires.ms / 1000, 0, kSecondsMax);
  const auto* const end = std::to_chars(std::begin(digits), std::end(digits), seconds, 16).ptr;
  const std::string_view expiry(digits, static_cast<std::size_t>(end - digits));
  std::string name(hash);
  name.append("-").append(expiry).append("-").append(signature(key, hash, expiry, extension(format)));
  return name.append(".").append(extension(format));
}

std::optional<Linked> read_link_name(std::string_view key, std::string_view name, Timestamp now) {
  const auto dot = name.find('.');
  if (name.size() > kNameChars || dot == std::string_view::npos || dot < kHashChars + kSignatureChars + 3)
    return std::nullopt;
  const auto hash = name.substr(0, kHashChars);
  const auto given = name.substr(dot - kSignatureChars, kSignatureChars);
  const auto expiry = name.substr(kHashChars + 1, dot - kSignatureChars - kHashChars - 2);
  const auto extension = name.substr(dot + 1);
  if (name[kHashChars] != '-' || name[dot - kSignatureChars - 1] != '-' || !is_lower_hex(hash))
    return std::nullopt;
  if (!equal_constant_time(given, signature(key, hash, expiry, extension))) return std::nullopt;

  std::int64_t seconds = 0;
  const auto [end, failure] = std::from_chars(expiry.data(), expiry.data() + expiry.size(), seconds, 16);
  if (failure != std::errc() || end != expiry.data() + expiry.size() || seconds < 0 || seconds > kSecondsMax)
    return std::nullopt;
  Linked linked{std::string(hash), Timestamp{seconds * 1000}, format_of_extension(extension)};
  if (now >= linked.expires) return std::nullopt;
  return linked;
}

}  // namespace kefu::media
