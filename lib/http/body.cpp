#include "lib/http/body.h"

#include <httplib.h>

#include <algorithm>
#include <utility>

namespace kefu::http {
namespace {

using std::chrono::steady_clock;

bool receive_piece(Connection& connection, const BodyLimits& limits) {
  return connection.receive_more(std::min(limits.deadline, steady_clock::now() + limits.read_timeout));
}

// One body on its way through the library.
struct Reading {
  const Head& head;
  Connection& connection;
  const BodyLimits& limits;
  Body body{400, {}};  // until it is complete
};

// The library hands its Request to handlers, not the stream it came on.
thread_local Reading* current = nullptr;

// What the library reads: a head of our making with nothing in it but the framing of the body, then the body
// as it comes. So no header of a stranger reaches the parts of the library that decode, compress, cut ranges
// or trust REMOTE_ADDR. What it answers is not heard.
class BodyStream : public httplib::Stream {
 public:
  explicit BodyStream(Reading& reading) : reading_(reading), head_(framing_of(reading.head)) {}

  bool is_readable() const override { return true; }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip = reading_.connection.remote_address();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  socket_t socket() const override { return reading_.connection.socket(); }

  ssize_t read(char* to, size_t size) override {
    if (head_read_ < head_.size()) {
      const auto bytes = head_.copy(to, size, head_read_);
      head_read_ += bytes;
      return static_cast<ssize_t>(bytes);
    }
    return read_body(to, size);
  }

  ssize_t write(const char* /*from*/, size_t size) override { return static_cast<ssize_t>(size); }

  // Which of these the base has depends on the library's version, so none can be marked.
  // NOLINTBEGIN(modernize-use-override)
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winconsistent-missing-override"
#endif
  bool is_writable() const {
    return true;
  }
  bool wait_readable() const {
    return true;
  }
  bool wait_writable() const {
    return true;
  }
  time_t duration() const {
    return 0;
  }
#ifdef __clang__
#pragma clang diagnostic pop
#endif
  // NOLINTEND(modernize-use-override)

 private:
  static std::string framing_of(const Head& head) {
    std::string text = "POST / HTTP/1.1\r\nConnection: close\r\n";
    text += head.chunked ? "Transfer-Encoding: chunked"
                         : "Content-Length: " + std::to_string(head.content_length);
    if (!head.content_encoding.empty()) text += "\r\nContent-Encoding: " + head.content_encoding;
    return text + "\r\n\r\n";
  }

  ssize_t read_body(char* to, size_t size) {
    Connection& connection = reading_.connection;
    // Chunk lines count too, and may be as long as their sender likes.
    const std::size_t raw_bytes_max = 2 * reading_.limits.bytes_max + (64 << 10);
    if (raw_bytes_ >= raw_bytes_max) return -1;
    if (connection.received().empty() && !receive_piece(connection, reading_.limits)) return -1;
    const auto bytes = connection.received().copy(to, size);
    connection.consume(bytes);
    raw_bytes_ += bytes;
    return static_cast<ssize_t>(bytes);
  }

  Reading& reading_;
  const std::string head_;
  std::size_t head_read_ = 0;
  std::size_t raw_bytes_ = 0;
};

// Bodies of strangers end at our own cap: the library's does not count chunks, nor what compressed bytes
// unfold to.
Body read_all(const httplib::ContentReader& read, std::size_t bytes_max) {
  Body body;
  const bool complete = read([&](const char* data, size_t size) {
    if (body.bytes.size() + size > bytes_max) body.refusal = 413;
    if (body.refusal == 0) body.bytes.append(data, size);
    return body.refusal == 0;
  });
  if (!complete && body.refusal == 0) body.refusal = 400;
  return body;
}

Body read_plain(Connection& connection, std::size_t bytes, const BodyLimits& limits) {
  while (connection.received().size() < bytes) {
    if (!receive_piece(connection, limits)) return {400, {}};
  }
  Body body{0, std::string(connection.received().substr(0, bytes))};
  connection.consume(bytes);
  return body;
}

}  // namespace

// It listens to nobody.
class BodyReader::Library : public httplib::Server {
 public:
  Library() {
    Post("/", [](const httplib::Request&, httplib::Response&, const httplib::ContentReader& read) {
      current->body = read_all(read, current->limits.bytes_max);
    });
  }

  Body read(Reading reading) {
    BodyStream stream(reading);
    current = &reading;
    process_with(*this, stream);
    current = nullptr;
    return std::move(reading.body);
  }

 private:
  bool process_and_close_socket(socket_t /*socket*/) override { return false; }

  // A template, because only in one is a call that does not exist a question and not an error.
  template <class Self>
  static void process_with(Self& self, httplib::Stream& stream) {
    bool closed = false;
    const std::function<void(httplib::Request&)> no_setup;
    if constexpr (requires { self.process_request(stream, true, closed, no_setup); }) {
      self.process_request(stream, true, closed, no_setup);  // up to cpp-httplib 0.16
    } else {
      const std::string nobody;
      self.process_request(stream, nobody, 0, nobody, 0, true, closed, no_setup);
    }
  }
};

BodyReader::BodyReader() : library_(std::make_unique<Library>()) {}

BodyReader::~BodyReader() = default;

Body BodyReader::read(Connection& connection, const Head& head, const BodyLimits& limits) {
  const bool is_encoded = !head.content_encoding.empty() && head.content_encoding != "identity";
  if (!head.chunked && (!is_encoded || head.content_length == 0))
    return read_plain(connection, head.content_length, limits);
  return library_->read({head, connection, limits});
}

}  // namespace kefu::http
