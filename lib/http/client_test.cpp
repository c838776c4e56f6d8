#include "lib/http/client.h"

#include <doctest/doctest.h>
#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <list>
#include <mutex>
#include <thread>

#include "lib/http/raw_sockets.h"
#include "lib/http/server.h"

using namespace kefu::http;
using namespace std::chrono_literals;
using kefu::http::testing::RawListener;
using kefu::http::testing::RawSocket;
using Kind = CallResult::Kind;

namespace {

// Plays a server by a script: called for each connection, with its number from 0, on a thread of its own.
class ScriptedServer {
 public:
  using Script = std::function<void(RawSocket&, int)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)), acceptor_([this] { accept_all(); }) {}
  ~ScriptedServer() {
    listener_.shut_down();
    acceptor_.join();
    for (auto& thread : threads_) thread.join();
  }

  int connections() const { return connections_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(listener_.port()); }
  int port() const { return listener_.port(); }

 private:
  void accept_all() {
    for (auto socket = listener_.accept(); socket.is_open(); socket = listener_.accept()) {
      threads_.emplace_back(
          [this, raw = std::move(socket), number = connections_++]() mutable { script_(raw, number); });
    }
  }

  Script script_;
  RawListener listener_;
  std::atomic<int> connections_ = 0;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

std::string answer_with(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Answers every request (head and `{}`-like body in one go) until the client leaves.
void answer_all(RawSocket& socket, const std::string& answer) {
  while (!socket.receive_until("}").empty()) socket.send(answer);
}

std::unique_ptr<Client> client_for(const std::string& url, ClientOptions options = {}) {
  auto client = Client::make(url, options);
  REQUIRE_MESSAGE(client.ok(), (client ? "" : client.error()));
  return std::move(*client);
}

CallResult post(Client& client, std::chrono::milliseconds deadline = 5s) {
  return client.post("/do?secret=42", "{}", "application/json", deadline);
}

std::chrono::milliseconds time_of(const std::function<void()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
}

// Sends `each` again and again until the client has had enough.
void drip(const RawSocket& socket, const std::string& each) {
  while (socket.receive_some(20ms).empty() && socket.send(each)) {
  }
}

// Sends `each` as fast as it is taken, until the client ends the connection. Returns the bytes.
std::size_t flood(const RawSocket& socket, const std::string& each) {
  std::size_t sent = 0;
  for (;;) {
    pollfd waiting{socket.descriptor(), POLLOUT | POLLRDHUP, 0};
    if (poll(&waiting, 1, -1) <= 0 || (waiting.revents & ~POLLOUT) != 0) return sent;
    const auto bytes = send(socket.descriptor(), each.data(), each.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (bytes < 0 && errno != EAGAIN) return sent;
    sent += static_cast<std::size_t>(std::max<ssize_t>(bytes, 0));
  }
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// A self-signed certificate for `host` and its key.
struct Certificate {
  explicit Certificate(const char* host) : key(EVP_EC_gen("P-256")), x509(X509_new()) {
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_NAME* name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(host), -1, -1,
                               0);
    X509_set_issuer_name(x509, name);
    X509_set_pubkey(x509, key);
    X509_sign(x509, key, EVP_sha256());
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  ~Certificate() {
    X509_free(x509);
    EVP_PKEY_free(key);
  }

  void write_to(const std::string& path) const {
    std::FILE* file = std::fopen(path.c_str(), "w");
    REQUIRE(file != nullptr);
    PEM_write_X509(file, x509);
    std::fclose(file);
  }

  EVP_PKEY* key;
  X509* x509;
};

class TlsServer {
 public:
  explicit TlsServer(const char* host) : certificate(host), server_(certificate.x509, certificate.key) {
    server_.Post("/do", [](const httplib::Request&, httplib::Response& to) {
      to.set_content("over TLS", "text/plain");
    });
    port = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~TlsServer() {
    server_.stop();
    thread_.join();
  }

  Certificate certificate;
  int port = 0;

 private:
  httplib::SSLServer server_;
  std::thread thread_;
};

// Trusts one certificate for as long as it lives.
class TrustedFile {
 public:
  explicit TrustedFile(const Certificate& certificate)
      : path_((std::filesystem::temp_directory_path() / ("kefu-trust-" + std::to_string(getpid()) + ".pem"))
                  .string()) {
    certificate.write_to(path_);
    setenv("SSL_CERT_FILE", path_.c_str(), 1);
  }
  ~TrustedFile() {
    unsetenv("SSL_CERT_FILE");
    std::filesystem::remove(path_);
  }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("a call carries prefix, target, type and body, and brings the answer") {
  std::promise<std::string> seen;
  ScriptedServer server([&](RawSocket& socket, int) {
    seen.set_value(socket.receive_until("}"));
    socket.send("HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nmade");
  });
  const auto client = client_for(server.url() + "/prefix/");
  const auto result = client->post("/do?a=b%20c+d", R"({"你":1})", "application/json", 5s);
  CHECK(result.kind == Kind::answered);
  CHECK(result.status == 201);
  CHECK(result.body == "made");
  CHECK(result.error.empty());
  const auto request = seen.get_future().get();
  CHECK(contains(request, "POST /prefix/do?a=b%20c+d HTTP/1.1\r\n"));
  CHECK(contains(request, "Content-Type: application/json\r\n"));
  CHECK(contains(request, "Host: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"));
  CHECK(contains(request, "\r\n\r\n{\"你\":1}"));
}

TEST_CASE("an answer of any status is an answer, and no redirect is followed") {
  for (const std::string head : {"500 Oops", "302 Found\r\nLocation: http://127.0.0.1:1/", "404 Not Found"}) {
    ScriptedServer server([&](RawSocket& socket, int) {
      answer_all(socket, "HTTP/1.1 " + head + "\r\nContent-Length: 2\r\n\r\nno");
    });
    const auto result = post(*client_for(server.url()));
    CHECK(result.kind == Kind::answered);
    CHECK(std::to_string(result.status) == head.substr(0, 3));
    CHECK(result.body == "no");
  }
}

TEST_CASE("GET works too") {
  ScriptedServer server([](RawSocket& socket, int) {
    const auto request = socket.receive_until("\r\n\r\n");
    socket.send(answer_with(request.substr(0, request.find('\r'))));
  });
  CHECK(client_for(server.url())->get("/cgi-bin/token?x=1", 5s).body == "GET /cgi-bin/token?x=1 HTTP/1.1");
}

TEST_CASE("calls one after another share a connection, and quickly") {
  ScriptedServer server([](RawSocket& socket, int) { answer_all(socket, answer_with("ok")); });
  const auto client = client_for(server.url());
  const auto took = time_of([&] {
    for (int i = 0; i < 30; ++i) CHECK(post(*client).body == "ok");
  });
  CHECK(server.connections() == 1);
  CHECK(took < 800ms);  // 30 × 40 ms with Nagle
}

TEST_CASE("calls at the same time have a connection each") {
  std::atomic<int> asked = 0;
  ScriptedServer server([&](RawSocket& socket, int) {
    socket.receive_until("}");
    ++asked;
    while (asked < 8) std::this_thread::yield();
    socket.send(answer_with("ok"));
  });
  const auto client = client_for(server.url());
  std::vector<std::future<CallResult>> calls;
  calls.reserve(8);
  for (int i = 0; i < 8; ++i) calls.push_back(std::async(std::launch::async, [&] { return post(*client); }));
  for (auto& call : calls) CHECK(call.get().body == "ok");
  CHECK(server.connections() == 8);
}

TEST_CASE("a refused connection was not sent, and the error keeps the query to itself") {
  const int nobody = RawListener().port();
  const auto client = client_for("http://127.0.0.1:" + std::to_string(nobody) + "/p");
  const auto result = post(*client);
  CHECK(result.kind == Kind::not_sent);
  CHECK(result.error == "POST http://127.0.0.1:" + std::to_string(nobody) + "/p/do: cannot connect");
}

TEST_CASE("a connection that ends after the request leaves it unsure") {
  for (const std::string part : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"}) {
    CAPTURE(part);
    ScriptedServer server([&](RawSocket& socket, int) {
      socket.receive_until("}");
      socket.send(part);
    });
    const auto result = post(*client_for(server.url()));
    CHECK(result.kind == Kind::unsure);
    CHECK(result.body.empty());
    CHECK_FALSE(contains(result.error, "secret"));
    CHECK(contains(result.error, "/do: "));
  }
}

TEST_CASE("the deadline holds against silence and against every kind of drip") {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::vector<std::pair<std::string, std::string>> ways = {
      {"", ""},
      {head, "X: y\r\n"},
      {head + "X: ", "y"},
      {head + "Content-Length: 9999\r\n\r\n", "x"},
      {head + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"}};
  for (const auto& way : ways) {
    const std::string& beginning = way.first;
    const std::string& each = way.second;
    CAPTURE(beginning);
    ScriptedServer server([&](RawSocket& socket, int) {
      socket.receive_until("}");
      socket.send(beginning);
      each.empty() ? static_cast<void>(socket.receive_all()) : drip(socket, each);
    });
    const auto client = client_for(server.url());
    CallResult result;
    CHECK(time_of([&] { result = post(*client, 300ms); }) < 1500ms);
    CHECK(result.kind == Kind::unsure);
    CHECK(contains(result.error, "no complete answer within 300 ms"));
  }
}

TEST_CASE("an answer past its limit is cut off") {
  ClientOptions options;
  options.answer_bytes_max = 1000;
  ScriptedServer server([](RawSocket& socket, int number) {
    answer_all(socket, answer_with(std::string(1000 + static_cast<std::size_t>(number), 'a')));
  });
  const auto client = client_for(server.url(), options);
  CHECK(post(*client).body.size() == 1000);
  ScriptedServer larger(
      [](RawSocket& socket, int) { answer_all(socket, answer_with(std::string(1001, 'a'))); });
  const auto result = post(*client_for(larger.url(), options));
  CHECK(result.kind == Kind::unsure);
  CHECK(contains(result.error, "larger than 1000 bytes"));
}

TEST_CASE("a server that sends without end is cut off, whatever it sends") {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::string many(16 << 10, 'y');
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "X: y\r\n";
  const std::vector<std::pair<std::string, std::string>> ways = {
      {"", many},                                                // in the status line
      {head + "X: ", many},                                      // in one header
      {head, lines},                                             // in headers
      {head + "Transfer-Encoding: chunked\r\n\r\n1;", many},     // in a chunk's extension
      {head + "Transfer-Encoding: chunked\r\n\r\n0\r\n", lines}  // in trailers
  };
  for (const auto& way : ways) {
    const std::string& beginning = way.first;
    CAPTURE(beginning);
    std::atomic<std::size_t> sent = 0;
    ScriptedServer server([&](RawSocket& socket, int) {
      socket.receive_until("}");
      socket.send(beginning);
      sent += flood(socket, way.second);
    });
    const auto result = post(*client_for(server.url()), 30s);
    CHECK(result.kind == Kind::unsure);
    CHECK(result.body.empty());
    CHECK_FALSE(contains(result.error, "within"));  // long before the deadline
    CAPTURE(result.error);
    CHECK(sent < 256 << 20);
  }
}

TEST_CASE("a head that is too large or has too many headers is no answer") {
  const auto call_with = [](const std::string& headers) {
    ScriptedServer server([&](RawSocket& socket, int) {
      answer_all(socket, "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: 2\r\n\r\nok");
    });
    return post(*client_for(server.url()));
  };
  std::string many, large;
  for (int i = 0; i < 300; ++i) many += "X: y\r\n";
  for (int i = 0; i < 20; ++i) large += "X: " + std::string(5000, 'y') + "\r\n";
  CHECK(call_with("X: " + std::string(5000, 'y') + "\r\n").body == "ok");
  // The library has limits of its own, which differ from version to version.
  for (const std::string& headers : {many, large, "X: " + std::string(70'000, 'y') + "\r\n"}) {
    const auto result = call_with(headers);
    CHECK(result.kind == Kind::unsure);
    CHECK(result.body.empty());
    CHECK_FALSE(result.error.empty());
  }
  CHECK(contains(call_with(large).error, "the head of the answer is too large"));
}

TEST_CASE("a large body is not taken for a flood") {
  const std::string body(40 << 20, 'v');
  ScriptedServer server([&](RawSocket& socket, int) {
    for (std::string request = socket.receive_until("\r\n\r\n"); !request.empty();
         request = socket.receive_until("\r\n\r\n"))
      socket.send(answer_with(body));
  });
  const auto client = client_for(server.url());
  for (int i = 0; i < 2; ++i) {
    std::size_t got = 0;
    const Sink sink{[](const AnswerHead&) { return true; },
                    [&](std::string_view piece) {
                      got += piece.size();
                      return true;
                    }};
    CHECK(client->download("/v", sink, 30s).kind == Kind::answered);
    CHECK(got == body.size());
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("a server is asked by its IPv6 address") {
  for (const auto* url : {"http://[::1]:80", "https://[2001:db8::a:b]/x", "http://[::ffff:127.0.0.1]"})
    CHECK(Client::make(url).ok());
  for (const auto* url :
       {"http://[::1", "http://[]", "http://[x]", "http://[::1]x", "http://::1", "http://a]"})
    CHECK_FALSE(Client::make(url).ok());
  ServerOptions options;
  options.listen = "[::]:0";
  Server server(options);
  server.post("/do", [](const Request& request) { return Response{200, request.remote_address}; });
  const auto port = server.start();
  if (!port) return;  // a machine without IPv6
  const auto asked = [&](const std::string& host) {
    return post(*client_for("http://" + host + ":" + std::to_string(*port))).body;
  };
  // A container may take IPv6 connections without having an IPv6 loopback address.
  ServerOptions loopback;
  loopback.listen = "[::1]:0";
  if (Server(loopback).start()) CHECK(asked("[::1]") == "::1");
  CHECK(asked("[::ffff:127.0.0.1]") == "::ffff:127.0.0.1");
  CHECK(asked("127.0.0.1") == "::ffff:127.0.0.1");
}

TEST_CASE("a connection that the server closed while it was idle is not used") {
  std::promise<void> closed;
  ScriptedServer server([&](RawSocket& socket, int number) {
    socket.receive_until("}");
    socket.send(answer_with(std::to_string(number)));
    socket.close();
    if (number == 0) closed.set_value();
  });
  const auto client = client_for(server.url());
  CHECK(post(*client).body == "0");
  closed.get_future().wait();
  const auto second = post(*client);
  CHECK(second.kind == Kind::answered);
  CHECK(second.body == "1");
}

TEST_CASE("after a failed call the next one begins afresh") {
  ScriptedServer server([](RawSocket& socket, int number) {
    socket.receive_until("}");
    if (number == 0) {
      socket.receive_all();  // until the client gives up
      socket.send(answer_with("late"));
    } else {
      socket.send(answer_with("fresh"));
    }
  });
  const auto client = client_for(server.url());
  CHECK(post(*client, 100ms).kind == Kind::unsure);
  CHECK(post(*client).body == "fresh");
  CHECK(server.connections() == 2);
}

TEST_CASE("a server that never ends its TLS greeting was not sent to") {
  ScriptedServer server([](RawSocket& socket, int) { socket.receive_all(); });
  const auto client = client_for("https://127.0.0.1:" + std::to_string(server.port()));
  CallResult result;
  CHECK(time_of([&] { result = post(*client, 300ms); }) < 1500ms);
  CHECK(result.kind == Kind::not_sent);
}

TEST_CASE("a certificate is checked: trusted and for this host") {
  TlsServer server("localhost");
  const auto port = std::to_string(server.port);
  const auto stranger = post(*client_for("https://localhost:" + port));
  CHECK(stranger.kind == Kind::not_sent);
  CHECK(contains(stranger.error, "certificate is not trusted"));
  const TrustedFile trusted(server.certificate);
  const auto friendly = client_for("https://localhost:" + port);
  for (int i = 0; i < 3; ++i) CHECK(post(*friendly).body == "over TLS");
  CHECK(post(*client_for("https://127.0.0.1:" + port)).kind == Kind::not_sent);
}

TEST_CASE("a bad base URL is told, without repeating it") {
  for (const auto* url : {"", "example.com", "ftp://example.com", "http://", "http:///x", "https://host:0",
                          "https://host:99999", "https://host:x", "https://user:secret@host",
                          "https://host/?x=secret", "https://ho st"}) {
    CAPTURE(url);
    const auto client = Client::make(url);
    REQUIRE_FALSE(client.ok());
    CHECK(contains(client.error(), "base URL"));
    CHECK_FALSE(contains(client.error(), "secret"));
  }
  CHECK(Client::make("https://api.weixin.qq.com").ok());
  CHECK(Client::make("http://127.0.0.1:8000/wechat").ok());
}

TEST_CASE("a base URL that ends where its host should begin is not read beyond its end") {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* pages = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE((pages != MAP_FAILED));
  char* const end = static_cast<char*>(pages) + page;
  REQUIRE(mprotect(end, page, PROT_NONE) == 0);
  for (const std::string_view url : {"http://", "https://"}) {
    url.copy(end - url.size(), url.size());
    const auto client = Client::make({end - url.size(), url.size()});
    REQUIRE_FALSE(client.ok());
    CHECK(client.error() == "a base URL names a host");
  }
  munmap(pages, 2 * page);
}

TEST_CASE("a bad target is not sent") {
  const auto client = client_for("http://127.0.0.1:1");
  for (const auto* target : {"", "do", "/a b", "/a\r\nX: y"})
    CHECK(client->post(target, "{}", "text/plain", 1s).kind == Kind::not_sent);
}

TEST_CASE("making a client keeps SIGPIPE from ending the process") {
  const auto before = signal(SIGPIPE, SIG_DFL);
  const auto client = client_for("http://127.0.0.1:1");
  const auto now = signal(SIGPIPE, before);
  CHECK((now == SIG_IGN));
  signal(SIGPIPE, SIG_IGN);
}

TEST_CASE("a download brings the head first, then the pieces, of any size and status") {
  const std::string body(3 << 20, 'v');
  for (const std::string status : {"200 OK", "404 Not Found"}) {
    ScriptedServer server([&](RawSocket& socket, int) {
      socket.receive_until("\r\n\r\n");
      socket.send("HTTP/1.1 " + status + "\r\nContent-Type: video/mp4\r\nContent-Disposition: attachment; " +
                  "filename=\"a.mp4\"\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    });
    AnswerHead head;
    std::string got;
    const Sink sink{[&](const AnswerHead& h) {
                      CHECK(got.empty());
                      head = h;
                      return true;
                    },
                    [&](std::string_view piece) {
                      got += piece;
                      return true;
                    }};
    const auto result = client_for(server.url())->download("/v", sink, 5s);
    CHECK(result.kind == Kind::answered);
    CHECK(result.body.empty());
    CHECK(std::to_string(head.status) == status.substr(0, 3));
    CHECK(head.content_type == "video/mp4");
    CHECK(contains(head.content_disposition, "a.mp4"));
    CHECK(head.content_length == body.size());
    CHECK((got == body));
  }
}

TEST_CASE("a redirect and an answer without a body are told, and nothing is followed") {
  for (const std::string head : {"302 Found\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0",
                                 "204 No Content\r\nLocation: http://127.0.0.1:1/x"}) {
    ScriptedServer server([&](RawSocket& socket, int) {
      socket.receive_until("\r\n\r\n");
      socket.send("HTTP/1.1 " + head + "\r\n\r\n");
    });
    AnswerHead told;
    const Sink sink{[&](const AnswerHead& h) {
                      told = h;
                      return true;
                    },
                    [](std::string_view) { return true; }};
    CHECK(client_for(server.url())->download("/v", sink, 5s).kind == Kind::answered);
    CHECK(std::to_string(told.status) == head.substr(0, 3));
    CHECK(told.location == "http://127.0.0.1:1/x");
  }
}

TEST_CASE("a download ends when no more is wanted, and at its deadline") {
  ScriptedServer server([](RawSocket& socket, int) {
    socket.receive_until("\r\n\r\n");
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n");
    drip(socket, "x");
  });
  const auto client = client_for(server.url());
  const auto yes = [](const AnswerHead&) { return true; };
  const auto refused = client->download("/v", {[](const AnswerHead&) { return false; }, {}}, 5s);
  CHECK(refused.kind == Kind::unsure);
  CHECK(contains(refused.error, "given up"));
  std::size_t pieces = 0;
  CHECK(client->download("/v", {yes, [&](std::string_view) { return ++pieces < 3; }}, 5s).kind ==
        Kind::unsure);
  CHECK(pieces == 3);
  CallResult late;
  CHECK(time_of([&] {
          late = client->download("/v", {yes, [](std::string_view) { return true; }}, 300ms);
        }) < 1500ms);
  CHECK(contains(late.error, "no complete answer within 300 ms"));
}

TEST_CASE("a file is uploaded as one part of known length, never in chunks") {
  const auto path = std::filesystem::temp_directory_path() / ("kefu-upload-" + std::to_string(getpid()));
  std::string content(200'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7);
  std::ofstream(path, std::ios::binary) << content;
  std::promise<std::string> seen;
  ScriptedServer server([&](RawSocket& socket, int) {
    seen.set_value(socket.receive_until("--\r\n"));
    socket.send(answer_with("{}"));
  });
  const auto client = client_for(server.url());
  const FilePart part{"media", "a.png", "image/png", path.string()};
  const auto result = client->upload("/up?type=image", part, 5s);
  CHECK(result.kind == Kind::answered);
  CHECK(result.body == "{}");
  const auto request = seen.get_future().get();
  const auto head_end = request.find("\r\n\r\n") + 4;
  const auto head = request.substr(0, head_end);
  CHECK(contains(head, "POST /up?type=image HTTP/1.1\r\n"));
  CHECK(contains(head, "Content-Length: " + std::to_string(request.size() - head_end) + "\r\n"));
  CHECK_FALSE(contains(head, "chunked"));
  const auto at = head.find("boundary=") + 9;
  const auto boundary = head.substr(at, head.find('\r', at) - at);
  CHECK((request.substr(head_end) == "--" + boundary +
                                         "\r\nContent-Disposition: form-data; name=\"media\"; "
                                         "filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n" +
                                         content + "\r\n--" + boundary + "--\r\n"));

  CHECK(client->upload("/up", {"media", "a\"b.png", "image/png", path.string()}, 5s).kind == Kind::not_sent);
  CHECK(client->upload("/up", {"media", "图.png", "image/png", path.string()}, 5s).kind == Kind::not_sent);
  std::filesystem::remove(path);
  CHECK(contains(client->upload("/up", part, 5s).error, "cannot be read"));
}

TEST_CASE("an upload that nobody reads ends at its deadline") {
  const auto path = std::filesystem::temp_directory_path() / ("kefu-upload-" + std::to_string(getpid()));
  std::ofstream(path, std::ios::binary) << std::string(20 << 20, 'a');
  std::promise<void> over;
  ScriptedServer server([&](RawSocket&, int) { over.get_future().wait(); });
  const auto client = client_for(server.url());
  CallResult result;
  CHECK(time_of([&] {
          result = client->upload("/up", {"media", "a", "image/png", path.string()}, 300ms);
        }) < 1500ms);
  CHECK(result.kind == Kind::unsure);
  over.set_value();
  std::filesystem::remove(path);
}

TEST_CASE("percent encoding leaves the unreserved characters alone") {
  CHECK(percent_encode("AZaz09_.~-") == "AZaz09_.~-");
  CHECK(percent_encode("a b+c/d?e&f=你\r\n") == "a%20b%2Bc%2Fd%3Fe%26f%3D%E4%BD%A0%0D%0A");
}
