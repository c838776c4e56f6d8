// A body in chunks. Beside our decoder reads a second one, written for plainness, that has all bytes at once.
#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "lib/http/characters.h"
#include "lib/http/chunked.h"
#include "tests/fuzz/fuzz.h"

using namespace kefu;
using fuzz::must;

namespace {

constexpr std::size_t kBodyBytesMax = 4096;

struct Read {
  int refusal = 0;
  bool complete = false;
  std::size_t taken = 0;
  std::string body;

  bool operator==(const Read&) const = default;
};

Read read_in_pieces(std::string_view bytes, std::size_t piece_bytes) {
  http::ChunkDecoder decoder(kBodyBytesMax);
  Read read;
  while (!bytes.empty() && !decoder.complete() && decoder.refusal() == 0) {
    const auto piece = bytes.substr(0, piece_bytes);
    const auto taken = decoder.decode(piece, read.body);
    must(taken == piece.size() || decoder.complete() || decoder.refusal() != 0, "what is valid is taken");
    read.taken += taken;
    bytes.remove_prefix(piece.size());
  }
  read.refusal = decoder.refusal();
  read.complete = decoder.complete();
  return read;
}

// Up to the next CR LF, which is passed over; nothing when a control character comes before.
std::optional<std::string_view> next_line(std::string_view& rest) {
  const auto end = rest.find("\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const auto line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  if (std::any_of(line.begin(), line.end(), http::is_control)) return std::nullopt;
  return line;
}

std::optional<std::size_t> size_in(std::string_view line) {
  const auto digits = std::min(line.find_first_not_of("0123456789abcdefABCDEF"), line.size());
  const auto more = line.substr(digits);
  const auto extension = more.substr(std::min(more.find_first_not_of(" \t"), more.size()));
  if (digits == 0 || digits > 16 || (!more.empty() && !extension.starts_with(';'))) return std::nullopt;
  std::size_t size = 0;
  std::from_chars(line.data(), line.data() + digits, size, 16);
  return size;
}

std::optional<std::string> plainly_read(std::string_view rest) {
  std::string body;
  for (;;) {
    const auto line = next_line(rest);
    const auto size = line ? size_in(*line) : std::nullopt;
    if (!size || *size > rest.size()) return std::nullopt;
    if (*size == 0) break;
    body += rest.substr(0, *size);
    rest.remove_prefix(*size);
    if (!rest.starts_with("\r\n")) return std::nullopt;
    rest.remove_prefix(2);
  }
  for (;;) {
    const auto line = next_line(rest);
    if (!line) return std::nullopt;
    if (line->empty()) return rest.empty() ? std::optional(body) : std::nullopt;
    const auto colon = line->find(':');
    if (colon == 0 || colon == std::string_view::npos) return std::nullopt;
    const auto name = line->substr(0, colon);
    if (!std::all_of(name.begin(), name.end(), http::is_token_character)) return std::nullopt;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::bytes(data, size);
  const auto read = read_in_pieces(bytes, size);
  for (const std::size_t piece_bytes : {1, 2, 3, 7})
    must(read_in_pieces(bytes, piece_bytes) == read, "the cut into pieces makes no difference");
  must(read.refusal == 0 || read.refusal == 400 || read.refusal == 413, "a refusal is one of ours");
  must(read.body.size() <= kBodyBytesMax, "a body is not too large");
  must(!read.complete || read.refusal == 0, "what is refused is not complete");
  if (read.complete)
    must(plainly_read(bytes.substr(0, read.taken)) == read.body, "two readers see one body that ends there");
  return 0;
}
