#include "lib/http/server.h"

#include <doctest/doctest.h>
#include <unistd.h>
#include <zlib.h>

#include <condition_variable>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "lib/http/raw_sockets.h"
#include "lib/ops/log.h"

using namespace kefu::http;
using namespace std::chrono_literals;
using kefu::http::testing::RawSocket;

namespace {

ServerOptions on_loopback() {
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  return options;
}

// A server with a route that tells what it saw.
class EchoServer {
 public:
  explicit EchoServer(ServerOptions options = on_loopback()) : server(std::move(options)) {
    server.get("/hello", [](const Request& request) {
      return Response{200, "hello " + request.parameter("name").value_or("?")};
    });
    server.get("/whoami", [](const Request& request) { return Response{200, request.remote_address}; });
    server.post("/echo", [](const Request& request) {
      return Response{200, std::to_string(request.query.size()) + ":" + std::to_string(request.body.size()) +
                               ":" + request.body.substr(0, 40)};
    });
    server.get("/boom", [](const Request&) -> Response { throw std::runtime_error("secret /etc/path"); });
    server.get("/smuggled", [this](const Request&) {
      smuggled = true;
      return Response{200, "smuggled"};
    });
  }

  // REQUIRES: called once.
  int start() {
    auto started = server.start();
    REQUIRE_MESSAGE(started.ok(), (started ? "" : started.error()));
    return port = *started;
  }

  std::string ask(const std::string& bytes) const {
    const auto client = RawSocket::to(port);
    client.send(bytes);
    return client.receive_all();
  }
  std::string post(const std::string& headers, const std::string& body) const {
    return ask("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n" + body);
  }

  Server server;
  int port = 0;
  std::atomic<bool> smuggled = false;
};

std::string status_of(const std::string& answer) {
  return answer.substr(0, 12) == "HTTP/1.1 100" ? status_of(answer.substr(25)) : answer.substr(9, 3);
}

std::string body_of(const std::string& answer) {
  const auto end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
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

std::string chunk(const std::string& bytes) {
  std::array<char, 32> size{};
  snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  return size.data() + bytes + "\r\n";
}

std::string length(std::size_t bytes) {
  return "Content-Length: " + std::to_string(bytes) + "\r\n";
}

constexpr std::size_t kCap = kefu::limits::kBodyBytesMax;

std::chrono::milliseconds time_of(const std::function<void()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
}

}  // namespace

TEST_CASE("a request is answered, without a version banner") {
  EchoServer echo;
  echo.start();
  const auto answer = echo.ask("GET /hello?name=a%26b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(status_of(answer) == "200");
  CHECK(body_of(answer) == "hello a&b");
  CHECK_FALSE(contains(answer, "Server:"));
  CHECK(contains(answer, "Connection: close"));
  CHECK(contains(answer, "Content-Type: text/plain; charset=utf-8"));
}

TEST_CASE("a repeated parameter counts as missing") {
  EchoServer echo;
  echo.start();
  CHECK(body_of(echo.ask("GET /hello?name=a&name=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) ==
        "hello ?");
}

TEST_CASE("many requests share a connection, also when sent ahead") {
  EchoServer echo;
  echo.start();
  const auto client = RawSocket::to(echo.port);
  for (int i = 0; i < 50; ++i) {
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\n" + length(5) + "\r\nhello");
    CHECK(contains(client.receive_until("0:5:hello"), "200 OK"));
  }
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\n" + length(5) +
              "\r\nhelloGET /hello?name=2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(contains(client.receive_all(), "hello 2"));
}

TEST_CASE("keep-alive requests are not slowed down by Nagle") {
  EchoServer echo;
  echo.start();
  const auto client = RawSocket::to(echo.port);
  const auto took = time_of([&] {
    for (int i = 0; i < 20; ++i) {
      client.send("POST /echo HTTP/1.1\r\nHost: x\r\n" + length(5) + "\r\n");
      client.send("hello");
      client.receive_until("0:5:hello");
    }
  });
  CHECK(took < 400ms);  // 20 × 44 ms with it
}

TEST_CASE("HEAD is answered like GET without the body") {
  EchoServer echo;
  echo.start();
  const auto answer = echo.ask("HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(status_of(answer) == "200");
  CHECK(contains(answer, "Content-Length: 7"));
  CHECK(body_of(answer).empty());
}

TEST_CASE("an unknown path is 404 and another method 405") {
  EchoServer echo;
  echo.start();
  CHECK(status_of(echo.ask("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")) == "404");
  const auto answer = echo.ask("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
  CHECK(status_of(answer) == "405");
  CHECK(contains(answer, "Allow: POST\r\n"));
  CHECK(status_of(echo.ask("POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")) == "405");
}

TEST_CASE("the fallback takes every method and path that nobody else takes") {
  Server server(on_loopback());
  server.get("/known", [](const Request&) { return Response{200, "known"}; });
  server.fallback([](const Request& request) {
    return Response{200, request.method + " " + request.path + " " + request.body};
  });
  const auto port = server.start();
  REQUIRE(port.ok());
  const auto ask = [&](const std::string& bytes) {
    const auto client = RawSocket::to(*port);
    client.send(bytes);
    return body_of(client.receive_all());
  };
  CHECK(ask("GET /known HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") == "known");
  CHECK(ask("DELETE /a%2Fb HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx") ==
        "DELETE /a/b x");
  CHECK(ask("GET /with-body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx") ==
        "GET /with-body x");
}

TEST_CASE("a body of exactly the limit is taken and one byte more is 413") {
  EchoServer echo;
  echo.start();
  CHECK(contains(body_of(echo.post(length(kCap), std::string(kCap, 'a'))), "0:1048576:"));
  CHECK(status_of(echo.post(length(kCap + 1), std::string(kCap + 1, 'a'))) == "413");
  CHECK(status_of(echo.post(length(2 * kCap), std::string(2 * kCap, 'a'))) == "413");
}

TEST_CASE("chunked and compressed bodies do not get past the limit") {
  EchoServer echo;
  echo.start();
  CHECK(body_of(echo.post("Transfer-Encoding: chunked\r\n", chunk("hel") + chunk("lo") + "0\r\n\r\n")) ==
        "0:5:hello");
  CHECK(status_of(echo.post("Transfer-Encoding: chunked\r\n",
                            chunk(std::string(8 * kCap, 'a')) + "0\r\n\r\n")) == "413");
  const auto small = gzip("hello");
  CHECK(body_of(echo.post("Content-Encoding: gzip\r\n" + length(small.size()), small)) == "0:5:hello");
  const auto bomb = gzip(std::string(64 << 20, 'a'));
  CHECK(status_of(echo.post("Content-Encoding: gzip\r\n" + length(bomb.size()), bomb)) == "413");
  CHECK(status_of(echo.post("Content-Encoding: br\r\n" + length(5), "hello")) == "415");
}

TEST_CASE("an endless chunk line is cut off") {
  EchoServer echo;
  echo.start();
  const auto answer = echo.post("Transfer-Encoding: chunked\r\n", std::string(4 << 20, '0'));
  CHECK((status_of(answer) == "400" || status_of(answer) == "413"));
}

TEST_CASE("a form body of any size is a raw body and never a query") {
  EchoServer echo;
  echo.start();
  const std::string form = "signature=evil&x=" + std::string(20000, 'a');
  const auto answer =
      echo.post("Content-Type: application/x-www-form-urlencoded\r\n" + length(form.size()), form);
  CHECK(contains(body_of(answer), "0:20017:signature=evil"));
}

TEST_CASE("a path may take larger bodies and multipart ones") {
  auto options = on_loopback();
  options.body_bytes_max = 64;
  Server server(std::move(options));
  const auto measured = [](const Request& request) {
    return Response{200, std::to_string(request.body.size()) + (request.chunked ? " chunked" : "")};
  };
  server.post("/upload", measured, {.bytes_max = 100, .multipart = true});
  server.post("/small", measured);
  const auto port = server.start();
  REQUIRE(port.ok());
  const auto ask = [&](const std::string& path, const std::string& headers, const std::string& body) {
    const auto client = RawSocket::to(*port);
    client.send("POST " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n" + body);
    return client.receive_all();
  };
  const std::string multipart = "Content-Type: multipart/form-data; boundary=b\r\n", body(100, 'x');
  CHECK(ask("/upload", multipart + "Content-Length: 100\r\n", body).find("\r\n\r\n100") != std::string::npos);
  CHECK(ask("/upload", multipart + "Content-Length: 101\r\n", body + "x").substr(9, 3) == "413");
  CHECK(ask("/upload", "Transfer-Encoding: chunked\r\n", "2\r\nab\r\n0\r\n\r\n").find("2 chunked") !=
        std::string::npos);
  CHECK(ask("/small", "Content-Length: 100\r\n", body).substr(9, 3) == "413");
}

TEST_CASE("a multipart body is 415") {
  EchoServer echo;
  echo.start();
  const std::string body = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhi\r\n--b--\r\n";
  CHECK(status_of(echo.post("Content-Type: Multipart/form-data; boundary=b\r\n" + length(body.size()),
                            body)) == "415");
}

TEST_CASE("a POST without a length has an empty body and does not wait for one") {
  EchoServer echo;
  echo.start();
  const auto took = time_of([&] { CHECK(body_of(echo.post("", "")) == "0:0:"); });
  CHECK(took < 1s);
}

TEST_CASE("targets and heads that are too long are 414 and 431") {
  EchoServer echo;
  echo.start();
  CHECK(status_of(echo.ask("GET /hello?" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n")) ==
        "414");
  CHECK(status_of(echo.ask("GET /" + std::string(1 << 20, 'a'))) == "414");
  CHECK(status_of(echo.ask("GET /hello HTTP/1.1\r\nHost: x\r\nX: " + std::string(8 << 20, 'a'))) == "431");
  std::string many = "GET /hello HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 200; ++i) many += "X" + std::to_string(i) + ": y\r\n";
  CHECK(status_of(echo.ask(many + "\r\n")) == "431");
  CHECK(status_of(echo.ask("GET /hello?" + std::string(8000, 'a') +
                           " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) == "200");
}

TEST_CASE("what is no HTTP is 400") {
  EchoServer echo;
  echo.start();
  CHECK(status_of(echo.ask("hello\r\n\r\n")) == "400");
  CHECK(status_of(echo.ask(std::string("\x16\x03\x01\x02\r\n\r\n"))) == "400");
}

TEST_CASE("Expect: 100-continue with a body that is too large is 413 at once") {
  EchoServer echo;
  echo.start();
  const auto answer = echo.post("Expect: 100-continue\r\n" + length(5'000'000), "");
  CHECK(answer.substr(0, 12) == "HTTP/1.1 413");
  const auto fine = echo.post("Expect: 100-continue\r\n" + length(5), "hello");
  CHECK(fine.substr(0, 25) == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(contains(fine, "0:5:hello"));
}

TEST_CASE("the body of a refused request is not run as a request") {
  EchoServer echo;
  echo.start();
  const std::string inner = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const std::string line : {"POST /nothing", "POST /hello", "DELETE /echo"}) {
    for (const std::string& framing :
         {length(inner.size()), length(2 * kCap), std::string("Transfer-Encoding: chunked\r\n")}) {
      std::string request = line;
      request.append(" HTTP/1.1\r\nHost: x\r\n").append(framing).append("\r\n").append(inner);
      echo.ask(request);
    }
  }
  echo.ask("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + length(inner.size()) + "\r\n" + inner);
  echo.ask("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + inner);
  echo.ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n" +
           length(inner.size()) + "\r\n" + inner);
  CHECK_FALSE(echo.smuggled);
  echo.ask("GET /smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(echo.smuggled);
}

TEST_CASE("chunks that two readers could cut in two ways get one answer, and the connection ends") {
  EchoServer echo;
  echo.start();
  const std::string inner = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::vector<std::string> bodies = {
      "+5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
      "5\nhello\r\n0\r\n\r\n",    "5\r\nhelloXX0\r\n\r\n",
      "5\r\nhello\n0\r\n\r\n",    "5;a\nb\r\nhello\r\n0\r\n\r\n",
      "5\r\nhello\r\n0\r\n\n",    "5\r\nhello\r\n0\n\n",
      "5 \r\nhello\r\n0\r\n\r\n", "5;" + std::string(1 << 20, 'x') + "\r\nhello\r\n0\r\n\r\n",
  };
  for (const auto& body : bodies) {
    CAPTURE(body.substr(0, 40));
    const auto answer =
        echo.ask("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body + inner);
    CHECK(status_of(answer) == "400");
    CHECK(answer.find("HTTP/1.1", 1) == std::string::npos);
    CHECK(contains(answer, "Connection: close\r\n"));
  }
  CHECK_FALSE(echo.smuggled);
  const auto both = echo.ask(
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\nX: "
      "y\r\n\r\nGET /hello?name=next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(contains(both, "0:5:hello"));
  CHECK(contains(both, "hello next"));
}

TEST_CASE("a compressed body that is cut off, or followed by more, is 400") {
  EchoServer echo;
  echo.start();
  const auto small = gzip("hello");
  for (const std::string& bad : {small.substr(0, small.size() - 1), small + "x", std::string("hello")})
    CHECK(status_of(echo.post("Content-Encoding: gzip\r\n" + length(bad.size()), bad)) == "400");
  CHECK(body_of(echo.post("Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
                          chunk(small) + "0\r\n\r\n")) == "0:5:hello");
}

TEST_CASE("a client cannot choose its address, its range or its compression") {
  EchoServer echo;
  echo.start();
  const auto answer = echo.ask(
      "GET /whoami HTTP/1.1\r\nHost: x\r\nREMOTE_ADDR: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\nRange: "
      "bytes=0-0\r\n"
      "Accept-Encoding: gzip, br\r\nConnection: close\r\n\r\n");
  CHECK(status_of(answer) == "200");
  CHECK(body_of(answer) == "127.0.0.1");
}

TEST_CASE("an exception in a handler is a bare 500") {
  kefu::log::set_up("test", "error", "text");
  EchoServer echo;
  echo.start();
  const auto client = RawSocket::to(echo.port);
  client.send("GET /boom HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto answer = client.receive_until("Error\n");
  CHECK(status_of(answer) == "500");
  CHECK_FALSE(contains(answer, "secret"));
  client.send("GET /hello?name=again HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(contains(client.receive_all(), "hello again"));
}

TEST_CASE("a second server on the port fails to start and says why") {
  EchoServer first;
  auto options = on_loopback();
  options.listen = "127.0.0.1:" + std::to_string(first.start());
  Server second(options);
  const auto started = second.start();
  REQUIRE_FALSE(started.ok());
  CHECK(started.error() == "cannot listen on " + options.listen + ": Address already in use");
  for (const auto* bad : {"nonsense", "127.0.0.1:99999", ":80", "256.256.256.256:80"}) {
    options.listen = bad;
    Server server(options);
    CHECK_FALSE(server.start().ok());
  }
}

TEST_CASE("a server listens on IPv6 too") {
  auto options = on_loopback();
  options.listen = "[::1]:0";
  Server server(options);
  const auto port = server.start();
  if (!port) return;  // a machine without IPv6
  std::ifstream table("/proc/net/tcp6");
  std::array<char, 16> hex{};
  snprintf(hex.data(), hex.size(), ":%04X ", *port);
  CHECK(contains(std::string(std::istreambuf_iterator<char>(table), {}), hex.data()));
}

TEST_CASE("the backlog holds bursts") {
  EchoServer echo;
  echo.start();
  std::vector<RawSocket> clients;
  clients.reserve(100);
  for (int i = 0; i < 100; ++i) clients.push_back(RawSocket::to(echo.port));
  for (const auto& client : clients) CHECK(client.is_open());
  for (const auto& client : clients)
    client.send("GET /hello?name=x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  for (const auto& client : clients) CHECK(contains(client.receive_all(), "hello x"));
}

TEST_CASE("idle keep-alive clients hold up neither others nor the end") {
  EchoServer echo;
  echo.start();
  std::vector<RawSocket> idle;
  for (int i = 0; i < 40; ++i) {
    idle.push_back(RawSocket::to(echo.port));
    idle.back().send("GET /hello?name=x HTTP/1.1\r\nHost: x\r\n\r\n");
    REQUIRE(contains(idle.back().receive_until("hello x"), "200"));
  }
  CHECK(time_of([&] { echo.ask("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); }) < 1s);
  CHECK(time_of([&] { echo.server.stop(); }) < 1s);
  for (const auto& client : idle) CHECK(client.receive_all().empty());
}

TEST_CASE("a request under way is answered before the server stops") {
  std::promise<void> begun;
  std::promise<void> go_on;
  Server server(on_loopback());
  server.get("/slow", [&](const Request&) {
    begun.set_value();
    go_on.get_future().wait();
    return Response{200, "done"};
  });
  const auto port = server.start();
  REQUIRE(port.ok());
  const auto client = RawSocket::to(*port);
  client.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  begun.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { server.stop(); });
  CHECK(stopped.wait_for(50ms) == std::future_status::timeout);
  go_on.set_value();
  const auto answer = client.receive_all();
  CHECK(contains(answer, "done"));
  stopped.get();
  CHECK_FALSE(RawSocket::to(*port).is_open());
}

TEST_CASE("stopping before starting, twice, or not at all is fine") {
  Server never(on_loopback());
  Server early(on_loopback());
  early.stop();
  CHECK_FALSE(early.start().ok());
  Server twice(on_loopback());
  REQUIRE(twice.start().ok());
  twice.stop();
  twice.stop();
}

TEST_CASE("past its most threads the server answers 503 at once, and serves again later") {
  auto options = on_loopback();
  options.threads = 1;
  options.threads_max = 2;
  std::mutex mutex;
  std::condition_variable changed;
  int inside = 0;
  bool open = false;
  Server server(options);
  server.get("/hold", [&](const Request&) {
    std::unique_lock lock(mutex);
    ++inside;
    changed.notify_all();
    changed.wait(lock, [&] { return open; });
    return Response{200, "held"};
  });
  server.get("/quick", [](const Request&) { return Response{200, "quick"}; });
  const auto port = server.start();
  REQUIRE(port.ok());
  const auto ask = [&](const std::string& path) {
    auto client = RawSocket::to(*port);
    client.send("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return client;
  };
  const auto first = ask("/hold");
  const auto second = ask("/hold");
  {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, 10s, [&] { return inside == 2; }));
  }
  std::string answer;
  CHECK(time_of([&] { answer = ask("/quick").receive_all(); }) < 1s);
  CHECK(status_of(answer) == "503");
  CHECK(contains(answer, "Connection: close"));
  {
    const std::lock_guard lock(mutex);
    open = true;
  }
  changed.notify_all();
  CHECK(contains(first.receive_all(), "held"));
  CHECK(contains(second.receive_all(), "held"));
  CHECK(contains(ask("/quick").receive_all(), "quick"));
}

TEST_CASE("clients that connect and say nothing give way to others when they are many") {
  auto options = on_loopback();
  options.connections_max = 2;
  options.keep_alive_timeout = 60s;
  EchoServer echo(options);
  echo.start();
  const auto begun = std::chrono::steady_clock::now();
  const auto alone = RawSocket::to(echo.port);
  const auto one_too_many = RawSocket::to(echo.port);
  CHECK(one_too_many.receive_all().empty());
  const auto took = std::chrono::steady_clock::now() - begun;
  CHECK(took >= 1s);  // time for a client that has something to say
  CHECK(took < 5s);
  CHECK(contains(echo.ask("GET /hello?name=push HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                 "hello push"));
}

TEST_CASE("a silent or dripping client is let go of") {
  auto options = on_loopback();
  options.read_timeout = 200ms;
  options.request_timeout = 500ms;
  options.keep_alive_timeout = 200ms;
  EchoServer echo(options);
  echo.start();
  const auto silent = RawSocket::to(echo.port);
  CHECK(time_of([&] { CHECK(silent.receive_all().empty()); }) < 2s);
  const auto half = RawSocket::to(echo.port);
  half.send("GET /hello HTT");
  CHECK(time_of([&] { CHECK(half.receive_all().empty()); }) < 2s);
  const auto dripping = RawSocket::to(echo.port);
  dripping.send("POST /echo HTTP/1.1\r\nHost: x\r\n" + length(1000) + "\r\n");
  std::string answer;
  const auto took = time_of([&] {
    while (answer.empty() && dripping.send("x")) answer = dripping.receive_some(50ms);
  });
  CHECK(took < 3s);
  CHECK(status_of(answer) == "400");
}

TEST_CASE("a stream ends when the client leaves and when the server stops") {
  std::promise<void> client_left;
  std::promise<void> server_stopped;
  Server server(on_loopback());
  const auto stream = [](const std::string& line, std::promise<void>& ended) {
    return [&ended, line](const Request& request, const StreamSink& sink) {
      while (sink("data: " + line + request.parameter("n").value_or("") + "\n\n"))
        std::this_thread::sleep_for(5ms);
      ended.set_value();
    };
  };
  server.stream("/a", stream("first", client_left));
  server.stream("/b", stream("second", server_stopped));
  const auto port = server.start();
  REQUIRE(port.ok());
  auto leaving = RawSocket::to(*port);
  leaving.send("GET /a?n=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto head = leaving.receive_until("data: first1\n\n");
  CHECK(contains(head, "Content-Type: text/event-stream"));
  leaving.close();
  CHECK(client_left.get_future().wait_for(5s) == std::future_status::ready);
  const auto staying = RawSocket::to(*port);
  staying.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  staying.receive_until("data: second\n\n");
  CHECK(time_of([&] { server.stop(); }) < 2s);
  CHECK(server_stopped.get_future().wait_for(5s) == std::future_status::ready);
}

namespace {

// A server with a file of 200,000 bytes, each of which tells where it is.
struct FileServer {
  const std::string path = "/tmp/kefu-file-" + std::to_string(::getpid());
  std::string bytes;
  std::shared_ptr<int> held = std::make_shared<int>(0);
  Server server{on_loopback()};
  int port = 0;

  FileServer() {
    for (int i = 0; i < 200'000; ++i) bytes += static_cast<char>(i * 7 >> (i % 5));
    std::ofstream(path, std::ios::binary) << bytes;
    server.get_below("/files/", [this](const Request& request) {
      Response answer{200, {}, "video/mp4"};
      answer.file = FileBody{request.path == "/files/there" ? path : "/no/such/file", "\"tag\"", held};
      return answer;
    });
    server.get("/files/own", [](const Request&) { return Response{200, "own"}; });
    port = *server.start();
  }
  ~FileServer() { ::unlink(path.c_str()); }

  std::string ask(const std::string& headers, const std::string& request = "GET /files/there") const {
    const auto client = RawSocket::to(port);
    client.send(request + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n");
    return client.receive_all();
  }
};

}  // namespace

TEST_CASE_FIXTURE(FileServer, "a file goes out whole, with its length") {
  const auto answer = ask("");
  CHECK(status_of(answer) == "200");
  CHECK(contains(answer, "Content-Length: 200000\r\n"));
  CHECK(contains(answer, "Content-Type: video/mp4\r\n"));
  CHECK(contains(answer, "Accept-Ranges: bytes\r\n"));
  CHECK(contains(answer, "ETag: \"tag\"\r\n"));
  CHECK(body_of(answer) == bytes);
  CHECK(held.use_count() == 1);
}

TEST_CASE_FIXTURE(FileServer, "a part of a file goes out when one is asked for") {
  const auto answer = ask("Range: bytes=70000-169999\r\n");
  CHECK(status_of(answer) == "206");
  CHECK(contains(answer, "Content-Range: bytes 70000-169999/200000\r\n"));
  CHECK(contains(answer, "Content-Length: 100000\r\n"));
  CHECK(body_of(answer) == bytes.substr(70'000, 100'000));
  CHECK(body_of(ask("Range: bytes=-1\r\nIf-Range: \"tag\"\r\n")) == bytes.substr(199'999));
  CHECK(body_of(ask("Range: bytes=5-9\r\nIf-Range: \"old\"\r\n")) == bytes);
  CHECK(body_of(ask("Range: bytes=0-1,4-5\r\n")) == bytes);
  CHECK(body_of(ask("Range: bytes=0-1\r\nRange: bytes=4-5\r\n")) == bytes);
}

TEST_CASE_FIXTURE(FileServer, "a part behind the end is refused with the size") {
  const auto answer = ask("Range: bytes=200000-\r\n");
  CHECK(status_of(answer) == "416");
  CHECK(contains(answer, "Content-Range: bytes */200000\r\n"));
}

TEST_CASE_FIXTURE(FileServer, "HEAD of a file tells its length alone, and the connection goes on") {
  const auto client = RawSocket::to(port);
  client.send("HEAD /files/there HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto head = client.receive_until("\r\n\r\n");
  CHECK(contains(head, "Content-Length: 200000\r\n"));
  client.send("GET /files/there HTTP/1.1\r\nHost: x\r\nRange: bytes=0-3\r\nConnection: close\r\n\r\n");
  const auto answer = client.receive_all();
  CHECK(status_of(answer) == "206");
  CHECK(body_of(answer) == bytes.substr(0, 4));
}

TEST_CASE_FIXTURE(FileServer,
                  "below a prefix own routes come first, other methods are unknown, lost files too") {
  CHECK(body_of(ask("", "GET /files/own")) == "own");
  CHECK(status_of(ask("Content-Length: 0\r\n", "POST /files/there")) == "404");
  CHECK(status_of(ask("", "GET /filesthere")) == "404");
  const auto lost = ask("", "GET /files/lost");
  CHECK(status_of(lost) == "404");
  CHECK_FALSE(contains(lost, "/no/such"));
}

TEST_CASE_FIXTURE(FileServer, "who reads a file slowly does not hold the server's stop") {
  bytes = std::string(50 << 20, 'x');
  std::ofstream(path, std::ios::binary) << bytes;
  const auto slow = RawSocket::to(port);
  slow.send("GET /files/there HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(contains(slow.receive_some(), "200 OK"));
  CHECK(time_of([&] { server.stop(); }) < 4s);
  CHECK(held.use_count() == 1);
}
