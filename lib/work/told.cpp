#include "lib/work/told.h"

#include <algorithm>
#include <charconv>

#include "lib/base/utf8.h"

namespace kefu::work {
namespace {

constexpr std::size_t kBytesMax = 300;
constexpr std::string_view kAddressCharacters = "0123456789.";

// "203.0.113.7", without a full stop after it.
bool is_ipv4(std::string_view text) {
  for (int part = 0; part < 4; ++part) {
    const auto end = part < 3 ? text.find('.') : text.size();
    int value = 0;
    if (end == text.npos || end == 0 || end > 3) return false;
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + end, value);
    if (problem != std::errc{} || stop != text.data() + end || value > 255) return false;
    text.remove_prefix(part < 3 ? end + 1 : end);
  }
  return true;
}

}  // namespace

std::string told_by_cloud(std::string message, std::string_view secret) {
  if (!secret.empty()) {
    for (auto at = message.find(secret); at != message.npos; at = message.find(secret))
      message.replace(at, secret.size(), "…");
  }
  const auto parts = split_utf8(clean_utf8(message), kBytesMax);
  return parts.empty() ? std::string() : parts.front();
}

std::string address_in(std::string_view message) {
  for (;;) {
    const auto begin = std::min(message.find_first_of(kAddressCharacters), message.size());
    message.remove_prefix(begin);
    if (message.empty()) return {};
    const auto end = std::min(message.find_first_not_of(kAddressCharacters), message.size());
    auto word = message.substr(0, end);
    while (word.ends_with('.')) word.remove_suffix(1);
    if (is_ipv4(word)) return std::string(word);
    message.remove_prefix(end);
  }
}

}  // namespace kefu::work
