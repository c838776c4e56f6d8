#include "lib/http/chunked.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace kefu::http;

namespace {

constexpr std::size_t kMax = 1000;

struct Decoded {
  int refusal = 0;
  bool complete = false;
  std::size_t taken = 0;  // when it is complete
  std::string body;       // when it is complete

  bool operator==(const Decoded&) const = default;
};

// Gives the bytes in pieces that end at `cut`, or one by one.
Decoded decode(std::string_view bytes, std::size_t cut = std::string_view::npos, bool singly = false) {
  ChunkDecoder decoder(kMax);
  std::string body;
  std::size_t taken = 0;
  while (!bytes.empty() && decoder.refusal() == 0 && !decoder.complete()) {
    const auto piece = bytes.substr(0, singly ? 1 : cut);
    bytes.remove_prefix(piece.size());
    taken += decoder.decode(piece, body);
    cut = std::string_view::npos;
  }
  Decoded decoded{decoder.refusal(), decoder.complete(), 0, ""};
  if (decoded.complete) {
    decoded.taken = taken;
    decoded.body = body;
  }
  return decoded;
}

Decoded decode_in_every_way(const std::string& bytes) {
  const auto whole = decode(bytes);
  CHECK(decode(bytes, 0, true) == whole);
  for (std::size_t cut = 0; cut < std::min<std::size_t>(bytes.size(), 3000); ++cut)
    CHECK(decode(bytes, cut) == whole);
  return whole;
}

}  // namespace

TEST_CASE("a body in chunks is read, however it is cut into pieces") {
  const std::vector<std::pair<std::string, std::string>> good = {
      {"0\r\n\r\n", ""},
      {"5\r\nhello\r\n0\r\n\r\n", "hello"},
      {"3\r\nhel\r\n2\r\nlo\r\n000\r\n\r\n", "hello"},
      {"0000000000000005\r\nhello\r\n0\r\n\r\n", "hello"},
      {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"},
      {"5\r\n\r\n0\r\n\r\n0\r\n\r\n", "\r\n0\r\n"},
      {"5;name=value;other=\"a;b\"\r\nhello\r\n0;last\r\n\r\n", "hello"},
      {"5 ; name = value\r\nhello\r\n0\r\n\r\n", "hello"},
      {"5\r\nhello\r\n0\r\nX-Sum: 1 2\t3\r\nEmpty:\r\n\r\n", "hello"},
  };
  for (const auto& row : good) {
    const std::string& bytes = row.first;
    CAPTURE(bytes);
    const auto decoded = decode_in_every_way(bytes);
    CHECK(decoded.refusal == 0);
    CHECK(decoded.complete);
    CHECK(decoded.body == row.second);
    CHECK(decoded.taken == bytes.size());
    CHECK(decode_in_every_way(bytes + "GET /next HTTP/1.1\r\n") == decoded);
    CHECK_FALSE(decode(bytes.substr(0, bytes.size() - 1)).complete);
  }
}

TEST_CASE("chunks that two readers could cut in two ways are refused") {
  for (const auto* bad : {
           "\r\n",
           "x\r\n",
           "+5\r\nhello\r\n0\r\n\r\n",
           "-5\r\nhello\r\n0\r\n\r\n",
           "0x5\r\nhello\r\n0\r\n\r\n",
           " 5\r\nhello\r\n0\r\n\r\n",
           "5 \r\nhello\r\n0\r\n\r\n",
           "5\t\r\nhello\r\n0\r\n\r\n",
           "5 6\r\nhello\r\n0\r\n\r\n",
           "5h\r\nhello\r\n0\r\n\r\n",
           "5,5\r\nhello\r\n0\r\n\r\n",
           ";a\r\nhello\r\n0\r\n\r\n",
           "00000000000000005\r\nhello\r\n0\r\n\r\n",
           "5\nhello\r\n0\r\n\r\n",
           "5\rhello\r\n0\r\n\r\n",
           "5\r\rhello\r\n0\r\n\r\n",
           "5\r\nhelloXX0\r\n\r\n",
           "5\r\nhello0\r\n\r\n",
           "5\r\nhello\n0\r\n\r\n",
           "5\r\nhello\r0\r\n\r\n",
           "5\r\nhello\n\r0\r\n\r\n",
           "5\r\nhello\r\n\r\n0\r\n\r\n",
           "5;a\nb\r\nhello\r\n0\r\n\r\n",
           "5;a\rb\r\nhello\r\n0\r\n\r\n",
           "5;a\x01\r\nhello\r\n0\r\n\r\n",
           "5;a\x7F\r\nhello\r\n0\r\n\r\n",
           "0\n\r\n",
           "0\r\n\n",
           "0\r\nno colon\r\n\r\n",
           "0\r\n: no name\r\n\r\n",
           "0\r\nX : y\r\n\r\n",
           "0\r\nX: y\n\r\n",
           "0\r\nX: a\rb\r\n\r\n",
           "0\r\nX: y\r\n folded\r\n\r\n",
           "0\r\nGET /next HTTP/1.1\r\n\r\n",
       }) {
    CAPTURE(bad);
    CHECK(decode_in_every_way(bad) == Decoded{400, false, 0, ""});
  }
  CHECK(decode_in_every_way(std::string("5\0\r\nhello\r\n0\r\n\r\n", 16)).refusal == 400);
}

TEST_CASE("a body that becomes too large is refused as soon as a size says so") {
  const std::string most = "3e8\r\n" + std::string(kMax, 'x') + "\r\n0\r\n\r\n";
  CHECK(decode_in_every_way(most).body.size() == kMax);
  CHECK(decode("3e9\r\n").refusal == 413);
  CHECK(decode("ffffffffffffffff\r\n").refusal == 413);
  CHECK(decode("3e8\r\n" + std::string(kMax, 'x') + "\r\n1\r\n").refusal == 413);
  CHECK(decode("1\r\nx\r\nffffffffffffffff\r\n").refusal == 413);
}

TEST_CASE("what stands around the data of chunks is limited") {
  const auto with_extension = [](std::size_t bytes) {
    return "1;" + std::string(bytes - 1, 'e') + "\r\nx\r\n0\r\n\r\n";
  };
  CHECK(decode(with_extension(kChunkExtensionBytesMax)).complete);
  CHECK(decode(with_extension(kChunkExtensionBytesMax + 1)).refusal == 400);
  std::string many;
  for (std::size_t i = 0; i < 300; ++i) many += "1;" + std::string(20, 'e') + "\r\nx\r\n";
  CHECK(decode(many).refusal == 400);
  CHECK(decode(std::string(4 << 20, '0')).refusal == 400);
  CHECK(decode("0\r\nX:" + std::string(kTrailerBytesMax - 2, 'y') + "\r\n\r\n").refusal == 400);
  CHECK(decode("0\r\nX:" + std::string(kTrailerBytesMax - 10, 'y') + "\r\n\r\n").complete);
  ChunkDecoder decoder(1 << 20);
  std::string body;
  while (decoder.refusal() == 0) decoder.decode("1\r\nx\r\n", body);
  CHECK(decoder.refusal() == 413);
  CHECK(body.size() < (1 << 20));
}
