#include "lib/http/body.h"

#include <doctest/doctest.h>
#include <zlib.h>

using namespace kefu::http;

namespace {

std::string compressed(const std::string& text, int window_bits) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Head head_of_length(std::size_t bytes) {
  Head head;
  head.content_length = bytes;
  return head;
}

}  // namespace

TEST_CASE("a body of a known length ends there, and what follows is left") {
  ArrivingBody body(head_of_length(5), 100);
  CHECK_FALSE(body.complete());
  CHECK(body.take("he") == 2);
  CHECK(body.take("lloGET") == 3);
  CHECK(body.complete());
  CHECK(body.take("GET") == 0);
  CHECK(body.release() == "hello");
  CHECK(ArrivingBody(head_of_length(0), 100).complete());
}

TEST_CASE("memory grows with what has arrived, not with the length that was announced") {
  ArrivingBody body(head_of_length(1 << 30), 1 << 30);
  body.take("x");
  CHECK(body.bytes().capacity() < 1000);
}

TEST_CASE("gzip and deflate are unfolded, up to a limit") {
  const std::string text(100'000, 'a');
  for (const int window_bits : {15, 31}) {
    const auto small = compressed(text, window_bits);
    CHECK(unfold(small, text.size()).refusal == 0);
    CHECK((unfold(small, text.size()).bytes == text));
    CHECK(unfold(small, text.size() - 1).refusal == 413);
    CHECK(unfold(small + "x", text.size()).refusal == 400);
    for (std::size_t cut = 0; cut < small.size(); ++cut)
      CHECK(unfold(small.substr(0, cut), text.size()).refusal == 400);
    CHECK(unfold(compressed("", window_bits), 0).refusal == 0);
  }
  CHECK(unfold("hello", 100).refusal == 400);
  CHECK(unfold("", 100).refusal == 400);
}
