#include "lib/http/head.h"

#include <doctest/doctest.h>

using namespace kefu::http;
using Query = std::vector<std::pair<std::string, std::string>>;

namespace {

Head head_with(const std::string& headers, const std::string& version = "HTTP/1.1") {
  return parse_head("POST /p " + version + "\r\nHost: x\r\n" + headers + "\r\n");
}

}  // namespace

TEST_CASE("a well-formed head is read") {
  const auto head = head_with(
      "content-LENGTH: 12 \r\nContent-Type:\ttext/xml\r\nContent-Encoding: GZIP\r\nExpect: "
      "100-Continue\r\n");
  CHECK(head.refusal == 0);
  CHECK(head.method == "POST");
  CHECK(head.target == "/p");
  CHECK(head.content_length == 12);
  CHECK(head.content_type == "text/xml");
  CHECK(head.content_encoding == "gzip");
  CHECK(head.expects_continue);
  CHECK(head.keep_alive);
}

TEST_CASE("ranges are read as they came, and never joined into one that nobody asked for") {
  CHECK(head_with("").range.empty());
  const auto head = head_with("RANGE: bytes=1-2 \r\nIf-Range: \"tag\"\r\n");
  CHECK(head.range == "bytes=1-2");
  CHECK(head.if_range == "\"tag\"");
  CHECK(head_with("Range: bytes=1-2\r\nRange: bytes=3-4\r\n").range == "bytes=1-2,bytes=3-4");
}

TEST_CASE("what two readers could frame in two ways is refused") {
  for (const auto* headers : {
           "Content-Length: 5\r\nContent-Length: 6\r\n",
           "Content-Length: 5\r\nContent-Length: 5\r\n",
           "Content-Length: 5, 5\r\n",
           "Content-Length: +5\r\n",
           "Content-Length: -1\r\n",
           "Content-Length: 0x5\r\n",
           "Content-Length:\r\n",
           "Content-Length: 99999999999999999999999\r\n",
           "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: gzip, chunked\r\n",
           "Transfer-Encoding: identity\r\n",
           "Transfer-Encoding : chunked\r\n",
           "Content-Length : 5\r\n",
           "X: a\r\n folded\r\n",
           "no colon\r\n",
           ": no name\r\n",
           "X: a\nContent-Length: 5\r\n",
           "X: a\rb\r\n",
       }) {
    CAPTURE(headers);
    CHECK(head_with(headers).refusal == 400);
  }
  CHECK(head_with("Transfer-Encoding: chunked\r\n", "HTTP/1.0").refusal == 400);
}

TEST_CASE("a request of HTTP/1.1 names its host once") {
  const auto refusal = [](const std::string& version, const std::string& headers) {
    return parse_head("GET / " + version + "\r\n" + headers + "\r\n").refusal;
  };
  for (const auto* one : {"Host: a.example\r\n", "hOST:[::1]:80\r\n", "Host:\r\n"}) {
    CAPTURE(one);
    CHECK(refusal("HTTP/1.1", one) == 0);
    CHECK(refusal("HTTP/1.0", one) == 0);
  }
  CHECK(refusal("HTTP/1.0", "") == 0);
  CHECK(refusal("HTTP/1.1", "") == 400);
  CHECK(refusal("HTTP/1.1", "X-Host: a\r\n") == 400);
  for (const auto* twice :
       {"Host: a\r\nHost: b\r\n", "Host: a\r\nhost: a\r\n", "Host: a, b\r\n", "Host: a b\r\n"}) {
    CAPTURE(twice);
    CHECK(refusal("HTTP/1.1", twice) == 400);
    CHECK(refusal("HTTP/1.0", twice) == 400);
  }
}

TEST_CASE("a bad request line is refused") {
  for (const auto* line : {"", "GET", "GET /", "GET / HTTP/1.1 x", "GE T / HTTP/1.1", "GET x HTTP/1.1",
                           "GET /a\x01 HTTP/1.1", "G(T / HTTP/1.1"}) {
    CAPTURE(line);
    CHECK(parse_head(std::string(line) + "\r\n\r\n").refusal == 400);
  }
  CHECK(parse_head("GET / HTTP/2.0\r\n\r\n").refusal == 505);
  CHECK(parse_head("GET http://host:80/a?b HTTP/1.1\r\nHost: host:80\r\n\r\n").target == "/a?b");
}

TEST_CASE("sizes are capped") {
  const std::string longest(kefu::limits::kTargetBytesMax - 1, 'a');
  CHECK(parse_head("GET /" + longest + " HTTP/1.1\r\nHost: x\r\n\r\n").refusal == 0);
  CHECK(parse_head("GET /a" + longest + " HTTP/1.1\r\n\r\n").refusal == 414);
  std::string headers;
  for (std::size_t i = 1; i < kHeadersMax; ++i) headers += "X: y\r\n";
  CHECK(head_with(headers).refusal == 0);
  CHECK(head_with(headers + "X: y\r\n").refusal == 431);
  CHECK(refusal_of_growing_head("GET /" + std::string(kRequestLineBytesMax, 'a')) == 414);
  CHECK(refusal_of_growing_head("GET / HTTP/1.1\r\nX: " + std::string(kHeadBytesMax, 'a')) == 431);
  CHECK(refusal_of_growing_head("GET / HTTP/1.1\r\nX: ") == 0);
}

TEST_CASE("a connection is kept when both sides can") {
  CHECK_FALSE(head_with("Connection: close\r\n").keep_alive);
  CHECK_FALSE(head_with("Connection: Keep-Alive, CLOSE\r\n").keep_alive);
  CHECK(head_with("Connection: keep-alive\r\n").keep_alive);
  CHECK_FALSE(head_with("", "HTTP/1.0").keep_alive);
}

TEST_CASE("a target is decoded once, with its repetitions in order") {
  const auto target = parse_target("/a%20b+c%2?x=1+2%2B3&y&x=%E4%BD%A0&=v&z=a=b&&w=%zz#frag");
  CHECK(target.path == "/a b+c%2");
  CHECK(target.query == Query{{"x", "1 2+3"}, {"y", ""}, {"x", "你"}, {"", "v"}, {"z", "a=b"}, {"w", "%zz"}});
  CHECK(parse_target("/a?").query.empty());
  CHECK(parse_target("/%2525").path == "/%25");
}
