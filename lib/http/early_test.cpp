// What is decided before a request is complete, and what unfinished requests may cost.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "lib/http/raw_sockets.h"
#include "lib/http/server.h"

using namespace kefu::http;
using namespace std::chrono_literals;
using kefu::http::testing::RawSocket;

namespace {

// A door that looks at `key` in the query: good, bad or anything else.
class Door {
 public:
  explicit Door(ServerOptions options = {}) : server(with_address(std::move(options))) {
    server.post("/door", [this](const Request& request) {
      ++served;
      return Response{200, "took " + std::to_string(request.body.size())};
    });
    server.check_early("/door", [this](const Request& head) {
      ++checked;
      CHECK(head.body.empty());
      const auto key = head.parameter("key").value_or("");
      if (key == "bad") return EarlyVerdict{EarlyVerdict::Kind::refused, {403, "no\n"}};
      return EarlyVerdict{key == "good" ? EarlyVerdict::Kind::authentic : EarlyVerdict::Kind::unknown, {}};
    });
    server.get("/now", [](const Request&) { return Response{200, "now"}; });
    const auto started = server.start();
    REQUIRE(started.ok());
    port = *started;
  }

  RawSocket knock(const std::string& key, std::size_t announced, std::size_t sent) const {
    auto client = RawSocket::to(port);
    client.send(head(key, "Content-Length: " + std::to_string(announced)) + std::string(sent, 'x'));
    return client;
  }
  static std::string head(const std::string& key, const std::string& framing) {
    return "POST /door?key=" + key + " HTTP/1.1\r\nHost: x\r\n" + framing + "\r\n\r\n";
  }
  std::string ask_now() const {
    const auto client = RawSocket::to(port);
    client.send("GET /now HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return client.receive_all();
  }

  Server server;
  int port = 0;
  std::atomic<int> checked = 0;
  std::atomic<int> served = 0;

 private:
  static ServerOptions with_address(ServerOptions options) {
    options.listen = "127.0.0.1:0";
    return options;
  }
};

ServerOptions patient() {
  ServerOptions options;
  options.read_timeout = options.request_timeout = 120s;
  return options;
}

ServerOptions one_thread() {
  auto options = patient();
  options.threads = options.threads_max = 1;
  return options;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

bool is_readable(const RawSocket& socket) {
  pollfd waiting{socket.descriptor(), POLLIN, 0};
  return poll(&waiting, 1, 0) > 0;
}

// Waits until so many of them have been told something.
void await_answers(const std::vector<RawSocket>& clients, std::size_t wanted) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  std::size_t answered = 0;
  while (answered < wanted && std::chrono::steady_clock::now() < until) {
    answered = 0;
    for (const auto& client : clients) answered += is_readable(client) ? 1 : 0;
    std::this_thread::yield();
  }
  CHECK(answered >= wanted);
}

}  // namespace

TEST_CASE("early: a bad head is answered before its body comes, once, and the connection ends") {
  Door door;
  for (const auto* framing : {"Content-Length: 100000", "Transfer-Encoding: chunked",
                              "Content-Length: 100000\r\nExpect: 100-continue"}) {
    CAPTURE(framing);
    const auto client = RawSocket::to(door.port);
    client.send(Door::head("bad", framing));
    const auto answer = client.receive_until("no\n");
    CHECK(answer.substr(0, 12) == "HTTP/1.1 403");
    CHECK(contains(answer, "Connection: close\r\n"));
    client.send("5\r\nhello\r\n0\r\n\r\nGET /now HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client.receive_all().empty());
  }
  CHECK(door.checked == 3);
  CHECK(door.served == 0);
}

TEST_CASE("early: a request that comes in one piece is its handler's alone") {
  Door door;
  const auto client = door.knock("bad", 5, 5);
  CHECK(contains(client.receive_until("took 5"), "took 5"));
  CHECK(door.checked == 0);
}

TEST_CASE("early: a good or an unknown head gets its body read") {
  Door door;
  int knocked = 0;
  for (const auto* key : {"good", "other"}) {
    const auto client = door.knock(key, 10, 4);
    for (++knocked; door.checked < knocked;) std::this_thread::yield();
    client.send("xxxxxx");
    CHECK(contains(client.receive_until("took 10"), "took 10"));
  }
  CHECK(door.checked == 2);
}

TEST_CASE("early: unfinished bodies of strangers have a limit together, and the largest go first") {
  auto options = patient();
  options.unauthenticated_bytes_max = 1 << 20;
  Door door(options);
  const auto authentic = door.knock("good", 900'000, 800'000);
  const auto small = door.knock("other", 2000, 1000);
  std::vector<RawSocket> large;
  for (int i = 0; i < 20; ++i) large.push_back(door.knock("other", 300'000, 200'000));
  await_answers(large, 15);
  for (const auto& client : large) {
    if (!is_readable(client)) continue;
    const auto answer = client.receive_all();
    CHECK(answer.substr(0, 12) == "HTTP/1.1 503");
    CHECK(contains(answer, "Retry-After: 1\r\n"));
  }
  CHECK_FALSE(is_readable(small));
  CHECK_FALSE(is_readable(authentic));
  small.send(std::string(1000, 'x'));
  CHECK(contains(small.receive_until("took 2000"), "took 2000"));
  authentic.send(std::string(100'000, 'x'));
  CHECK(contains(authentic.receive_until("took 900000"), "took 900000"));
}

TEST_CASE("early: unfinished requests of strangers have a limit in number, and the oldest go first") {
  auto options = patient();
  options.connections_max = 8;
  Door door(options);
  std::vector<RawSocket> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(door.knock("other", 100, 10));
    while (door.checked <= i) std::this_thread::yield();
  }
  await_answers(clients, 2);
  CHECK(contains(clients[0].receive_all(), "HTTP/1.1 503"));
  CHECK(contains(clients[1].receive_all(), "HTTP/1.1 503"));
  clients[5].send(std::string(90, 'x'));
  CHECK(contains(clients[5].receive_until("took 100"), "took 100"));
}

TEST_CASE("early: bodies that do not end, and refusals that nobody reads, hold no thread") {
  Door door(one_thread());
  std::vector<RawSocket> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(door.knock("other", 500'000, 100'000));
    clients.push_back(RawSocket::to(door.port));
    clients.back().send(Door::head("other", "Transfer-Encoding: chunked") + "ff\r\nhalf");
    clients.push_back(RawSocket::to(door.port));
    clients.back().send(Door::head("other", "Content-Length: 9\r\nContent-Encoding: gzip") + "half");
    clients.push_back(door.knock("bad", 500'000, 10'000));
    clients.push_back(RawSocket::to(door.port));
    clients.back().send("POST /unknown HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nhalf");
  }
  for (int i = 0; i < 3; ++i) CHECK(contains(door.ask_now(), "now"));
}

TEST_CASE("early: a large body that comes fast does not keep others from being served") {
  auto options = patient();
  options.body_bytes_max = 64 << 20;
  options.unauthenticated_bytes_max = 1 << 30;
  Door door(options);
  const auto large = RawSocket::to(door.port);
  large.send(Door::head("other", "Content-Length: " + std::to_string(64 << 20)));
  std::thread sender([&] { large.send(std::string(64 << 20, 'x')); });
  CHECK(contains(door.ask_now(), "now"));
  sender.join();
  CHECK(contains(large.receive_until("took 67108864"), "took 67108864"));
}
