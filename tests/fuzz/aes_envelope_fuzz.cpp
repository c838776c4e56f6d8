// Encrypted pushes: the envelope of a stranger, and ours round whatever it shall hold.
#include <string>

#include "lib/wechat/envelope.h"
#include "tests/fuzz/fuzz.h"

using namespace kefu;
using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto key = *wechat::parse_aes_key("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG");
  constexpr std::string_view app = "wxb11529c136998cb6";
  const auto input = fuzz::bytes(data, size);

  static_cast<void>(wechat::parse_aes_key(input));
  if (const auto part = wechat::encrypted_part(input)) static_cast<void>(wechat::decrypt(key, app, *part));
  if (const auto message = wechat::decrypt(key, app, input)) {
    must(message->size() < input.size(), "a message is shorter than its envelope");
  }
  const auto closed = wechat::encrypt(key, app, input, "0123456789abcdef");
  const auto opened = wechat::decrypt(key, app, closed);
  must(opened.ok() && *opened == input, "what was encrypted is decrypted");
  must(!wechat::decrypt(key, "wx0000000000000000", closed).ok(), "another account's message is refused");
  return 0;
}
