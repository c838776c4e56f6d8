// Answers that come later, and clients that wait in great numbers.
#include <doctest/doctest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lib/http/raw_sockets.h"
#include "lib/http/server.h"

using namespace kefu::http;
using namespace std::chrono_literals;
using kefu::http::testing::RawSocket;

namespace {

// Keeps what is asked at /later until the test answers it.
class LaterServer {
 public:
  explicit LaterServer(std::chrono::milliseconds patience = 10s, ServerOptions options = {})
      : server(with_address(std::move(options))) {
    server.post_later(
        "/later",
        [this](const Request& request, Answer answer) {
          if (request.body == "boom") throw std::runtime_error("secret");
          const std::lock_guard lock(mutex_);
          asked_.push_back({request.body, std::move(answer)});
          changed_.notify_all();
        },
        patience,
        [] {
          return Response{503, "late\n"};
        });
    server.get("/now", [](const Request&) { return Response{200, "now"}; });
    const auto started = server.start();
    REQUIRE(started.ok());
    port = *started;
  }

  // Waits for it to be asked.
  Answer answer_to(std::size_t number) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, 10s, [&] { return asked_.size() > number; }));
    return asked_[number].answer;
  }
  std::size_t asked() {
    const std::lock_guard lock(mutex_);
    return asked_.size();
  }
  std::string body(std::size_t number) {
    const std::lock_guard lock(mutex_);
    return asked_.at(number).body;
  }

  RawSocket post(const std::string& body, const std::string& headers = "") const {
    auto client = RawSocket::to(port);
    client.send(request(body, headers));
    return client;
  }
  static std::string request(const std::string& body, const std::string& headers = "") {
    return "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           headers + "\r\n" + body;
  }

  Server server;
  int port = 0;

 private:
  static ServerOptions with_address(ServerOptions options) {
    options.listen = "127.0.0.1:0";
    return options;
  }

  struct Asked {
    std::string body;
    Answer answer;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Asked> asked_;  // guarded by mutex_
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("later: the answer of another thread goes out, and the connection goes on") {
  LaterServer later;
  const auto client = later.post("one");
  std::thread([answer = later.answer_to(0)] { answer({200, "<xml/>", "text/xml", {{"X-A", "b"}}}); }).join();
  const auto first = client.receive_until("<xml/>");
  CHECK(first.substr(0, 17) == "HTTP/1.1 200 OK\r\n");
  CHECK(contains(first, "Content-Type: text/xml\r\n"));
  CHECK(contains(first, "Content-Length: 6\r\n"));
  CHECK(contains(first, "X-A: b\r\n"));
  CHECK(contains(first, "Keep-Alive: timeout=5"));
  client.send(LaterServer::request("two", "Connection: close\r\n"));
  later.answer_to(1)({200, "second"});
  const auto second = client.receive_all();
  CHECK(contains(second, "Connection: close\r\n"));
  CHECK(contains(second, "second"));
}

TEST_CASE("later: requests sent ahead are begun and answered one after the other") {
  LaterServer later;
  const auto client = later.post("one");
  client.send(LaterServer::request("two") + "GET /now HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto first = later.answer_to(0);
  const auto other = later.post("other");
  later.answer_to(1);
  CHECK(later.asked() == 2);
  CHECK(later.body(1) == "other");
  first({200, "first"});
  later.answer_to(2)({200, "second"});
  const auto all = client.receive_all();
  CHECK(later.body(2) == "two");
  CHECK(all.find("first") < all.find("second"));
  CHECK(all.find("second") < all.find("now"));
}

TEST_CASE("later: a request may come in pieces") {
  LaterServer later;
  const auto client = RawSocket::to(later.port);
  const auto request = LaterServer::request("pieces", "Connection: close\r\n");
  for (const char c : request) client.send({&c, 1});
  later.answer_to(0)({200, "whole"});
  CHECK(later.body(0) == "pieces");
  CHECK(contains(client.receive_all(), "whole"));
}

TEST_CASE("later: a body that comes in chunks gets the same answer") {
  LaterServer later;
  const auto client = RawSocket::to(later.port);
  client.send(
      "POST /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\none\r\n0\r\n\r\n");
  later.answer_to(0)({200, "chunked"});
  CHECK(later.body(0) == "one");
  CHECK(contains(client.receive_all(), "chunked"));
}

TEST_CASE("later: when no answer comes in time the client is told, and the answer is not heard") {
  LaterServer later(100ms);
  const auto client = later.post("one");
  CHECK(contains(client.receive_until("late\n"), "HTTP/1.1 503"));
  later.answer_to(0)({200, "first"});
  client.send(LaterServer::request("two", "Connection: close\r\n"));
  later.answer_to(1)({200, "second"});
  const auto next = client.receive_all();
  CHECK_FALSE(contains(next, "first"));
  CHECK(contains(next, "second"));
}

TEST_CASE("later: the same for a body in chunks") {
  LaterServer later(100ms);
  const auto client = RawSocket::to(later.port);
  client.send(
      "POST /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\none\r\n0\r\n\r\n");
  CHECK(contains(client.receive_all(), "HTTP/1.1 503"));
  later.answer_to(0)({200, "nobody hears this"});
}

TEST_CASE("later: an exception in a handler is a bare 500") {
  LaterServer later;
  const auto answer = later.post("boom", "Connection: close\r\n").receive_all();
  CHECK(contains(answer, "HTTP/1.1 500"));
  CHECK_FALSE(contains(answer, "secret"));
}

TEST_CASE("later: a client that has said all it will say is answered") {
  LaterServer later;
  const auto client = RawSocket::to(later.port);
  client.send(LaterServer::request("last"));
  shutdown(client.descriptor(), SHUT_WR);
  later.answer_to(0)({200, "heard"});
  CHECK(contains(client.receive_all(), "heard"));  // and the connection ends
}

TEST_CASE("later: a client that left is no trouble") {
  LaterServer later;
  later.post("gone").close();
  later.answer_to(0)({200, "nobody"});
  CHECK(contains(
      [&] {
        const auto client = later.post("here", "Connection: close\r\n");
        later.answer_to(1)({200, "somebody"});
        return client.receive_all();
      }(),
      "somebody"));
}

TEST_CASE("later: who waits for an answer takes no thread") {
  ServerOptions options;
  options.threads = 1;
  options.threads_max = 1;
  LaterServer later(10s, options);
  std::vector<RawSocket> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(later.post(std::to_string(i), "Connection: close\r\n"));
  for (std::size_t i = 0; i < clients.size(); ++i) later.answer_to(i);
  const auto other = RawSocket::to(later.port);
  other.send("GET /now HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(contains(other.receive_all(), "now"));
  for (std::size_t i = 0; i < clients.size(); ++i) later.answer_to(i)({200, "for " + later.body(i) + "."});
  for (std::size_t i = 0; i < clients.size(); ++i)
    CHECK(contains(clients[i].receive_all(), "for " + std::to_string(i) + "."));
}

TEST_CASE("later: who says nothing, or half of something, takes no thread") {
  ServerOptions options;
  options.threads = 1;
  options.threads_max = 1;
  LaterServer later(10s, options);
  std::vector<RawSocket> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(RawSocket::to(later.port));
    if (i % 3 == 1) clients.back().send("POST /later HT");
    if (i % 3 == 2) clients.back().send("POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
  }
  const auto client = later.post("whole", "Connection: close\r\n");
  later.answer_to(0)({200, "served"});
  CHECK(contains(client.receive_all(), "served"));
}

TEST_CASE("later: past its most connections the server answers 503 at once, and serves again later") {
  ServerOptions options;
  options.connections_max = 2;
  LaterServer later(10s, options);
  auto first = later.post("one", "Connection: close\r\n");
  const auto second = later.post("two", "Connection: close\r\n");
  const auto answer_first = later.answer_to(0);
  later.answer_to(1)({200, "kept waiting"});
  CHECK(contains(second.receive_all(), "kept waiting"));
  const auto third = later.post("three", "Connection: close\r\n");
  later.answer_to(2);
  CHECK(contains(later.post("four").receive_all(), "HTTP/1.1 503"));
  answer_first({200, "at last"});
  CHECK(contains(first.receive_all(), "at last"));
  const auto fifth = later.post("five", "Connection: close\r\n");
  later.answer_to(3)({200, "again"});
  CHECK(contains(fifth.receive_all(), "again"));
  later.answer_to(2)({200, "done"});
  CHECK(contains(third.receive_all(), "done"));
}

TEST_CASE("later: what is awaited is answered before the server stops") {
  LaterServer later;
  const auto idle = RawSocket::to(later.port);
  const auto client = later.post("last");
  const auto answer = later.answer_to(0);
  auto stopped = std::async(std::launch::async, [&] { later.server.stop(); });
  CHECK(idle.receive_all().empty());
  CHECK(stopped.wait_for(50ms) == std::future_status::timeout);
  answer({200, "good bye"});
  const auto all = client.receive_all();
  CHECK(contains(all, "Connection: close"));
  CHECK(contains(all, "good bye"));
  stopped.get();
  answer({200, "nobody is there any more"});
}

TEST_CASE(
    "later: an answer larger than the client reads at once arrives whole, and then the connection ends") {
  ServerOptions options;
  options.keep_alive_timeout = 60s;
  LaterServer later(10s, options);
  const auto client = later.post("much", "Connection: close\r\n");
  later.answer_to(0)({200, std::string(64 << 20, 'x')});
  const auto answer = client.receive_all();
  char more = 0;
  CHECK(recv(client.descriptor(), &more, 1, MSG_DONTWAIT) == 0);
  CHECK(answer.size() > (64U << 20));
  CHECK(answer.substr(answer.size() - 5) == "xxxxx");
}

TEST_CASE("later: a body that ends too early is told so") {
  LaterServer later;
  const auto client = RawSocket::to(later.port);
  client.send("POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
  shutdown(client.descriptor(), SHUT_WR);
  CHECK(contains(client.receive_all(), "HTTP/1.1 400"));
  CHECK(later.asked() == 0);
}

TEST_CASE("later: an unknown path is told before its body comes") {
  LaterServer later;
  const auto client = RawSocket::to(later.port);
  client.send("POST /unknown HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
  CHECK(contains(client.receive_until("\r\n\r\n"), "HTTP/1.1 404"));
}

TEST_CASE("later: empty lines before a request are passed over and take no thread") {
  ServerOptions options;
  options.threads = 1;
  options.threads_max = 1;
  LaterServer later(10s, options);
  std::vector<RawSocket> blanks;
  for (int i = 0; i < 20; ++i) {
    blanks.push_back(RawSocket::to(later.port));
    blanks.back().send("\r\n\r\n");
  }
  const auto client = RawSocket::to(later.port);
  client.send("\r\nGET /now HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(contains(client.receive_all(), "now"));
}

TEST_CASE("later: who reads slowly does not keep the spare thread from others") {
  ServerOptions options;
  options.threads = 1;
  options.threads_max = 1;
  LaterServer later(10s, options);
  std::vector<RawSocket> slow;
  for (std::size_t i = 0; i < 4; ++i) {
    slow.push_back(later.post("much"));
    later.answer_to(i)({200, std::string(64 << 20, 'x')});
    REQUIRE(contains(slow.back().receive_some(), "200 OK"));  // one of them has the thread from now on
  }
  const auto client = RawSocket::to(later.port);
  const auto asked_at = std::chrono::steady_clock::now();
  client.send("GET /now HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(contains(client.receive_all(), "HTTP/1.1 503"));
  CHECK(std::chrono::steady_clock::now() - asked_at < 4s);  // less than a slow reader may stall
}
