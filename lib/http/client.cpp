#include "lib/http/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glob.h>
#include <httplib.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <vector>

#include "lib/base/digest.h"
#include "lib/http/watchdog.h"

namespace kefu::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Servers close idle connections, some soon. A request that meets the closing looks like one that may have
// acted, so we are first.
constexpr auto kIdleMax = 10s;

// Of an answer's head. The library reads as much of one as comes, so the watchdog ends calls that bring more
// than kOverheadBytesMax besides the body: a TLS greeting and what frames the body count too.
constexpr std::size_t kHeadBytesMax = 64 << 10;
constexpr std::size_t kHeadersMax = 200;
constexpr std::size_t kOverheadBytesMax = 2 * kHeadBytesMax;

struct BaseUrl {
  std::string origin;     // "https://host:port"
  std::string authority;  // "host:port" as it was given
  std::string host;       // an IPv6 address without its brackets
  int port = 0;
  std::string prefix;  // "" or "/something"
  bool secure = false;
};

std::optional<int> read_port(std::string_view text) {
  int port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535)
    return std::nullopt;
  return port;
}

// Without brackets; nothing when there is something else in them than an IPv6 address.
std::optional<std::string> read_host(std::string_view text) {
  std::string host(text);
  if (!text.starts_with('['))
    return host.find_first_of("[]") == std::string::npos ? std::optional(host) : std::nullopt;
  host = text.substr(1, text.size() - 2);
  in6_addr address{};
  return inet_pton(AF_INET6, host.c_str(), &address) == 1 ? std::optional(host) : std::nullopt;
}

Result<BaseUrl> parse_base_url(std::string_view url) {
  // What is wrong may stand beside a password, so the text itself is not repeated.
  const auto scheme_end = url.find("://");
  const auto scheme = url.substr(0, scheme_end);
  if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return Error{"a base URL begins with http:// or https://"};
  }
  if (url.find_first_of("?#@") != std::string_view::npos)
    return Error{"a base URL has no user, query or fragment"};
  if (std::any_of(url.begin(), url.end(), [](char c) { return c <= ' ' || c == '\x7F'; })) {
    return Error{"a base URL has no blanks, and other characters only percent-encoded"};
  }
  const auto rest = url.substr(scheme_end + 3);
  const auto authority = rest.substr(0, rest.find('/'));
  const auto host_end =
      authority.starts_with('[') ? authority.find(']') + 1 : std::min(authority.find(':'), authority.size());
  if (host_end == 0) return Error{"a base URL names a host"};
  const auto host = read_host(authority.substr(0, host_end));
  if (!host) return Error{"a base URL names a host that can be understood"};
  BaseUrl parsed;
  parsed.secure = scheme == "https";
  parsed.port = parsed.secure ? 443 : 80;
  if (const auto port = authority.substr(host_end); !port.empty()) {
    const auto number = port.front() == ':' ? read_port(port.substr(1)) : std::nullopt;
    if (!number) return Error{"the port of a base URL is 1 to 65535"};
    parsed.port = *number;
  }
  parsed.origin = url.substr(0, scheme_end + 3 + authority.size());
  parsed.authority = authority;
  parsed.host = *host;
  parsed.prefix = rest.substr(authority.size());
  while (!parsed.prefix.empty() && parsed.prefix.back() == '/') parsed.prefix.pop_back();
  return parsed;
}

bool is_good_target(std::string_view target) {
  return target.substr(0, 1) == "/" && std::none_of(target.begin(), target.end(), [](char c) {
           return (c >= 0 && c <= ' ') || c == '\x7F';
         });
}

// The directory where OpenSSL looks a certificate up by its hash when one is needed; reading the bundle of
// all of them instead costs each connection 20 ms and a megabyte. Nothing when the system has none, or names
// other certificates.
std::optional<std::string> hashed_certificates() {
  if (std::getenv(X509_get_default_cert_file_env()) != nullptr) return std::nullopt;
  const char* named = std::getenv(X509_get_default_cert_dir_env());
  const std::string directory = named != nullptr ? named : X509_get_default_cert_dir();
  glob_t found{};
  const bool any = glob((directory + "/*.0").c_str(), GLOB_NOSORT, nullptr, &found) == 0;
  globfree(&found);
  return any ? std::optional(directory) : std::nullopt;
}

// Added to the library after 0.11.4.
template <class E>
bool is_wrong_host_name(E error) {
  if constexpr (requires { E::SSLServerHostnameVerification; }) {
    return error == E::SSLServerHostnameVerification;
  } else {
    return false;
  }
}

// True when the request cannot have reached the server (PITFALLS §3: tried out one by one).
bool is_before_sending(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
    case httplib::Error::ConnectionTimeout:
    case httplib::Error::BindIPAddress:
    case httplib::Error::SSLConnection:
    case httplib::Error::SSLLoadingCerts:
    case httplib::Error::SSLServerVerification:
      return true;
    default:
      return is_wrong_host_name(error);
  }
}

std::string explain(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "cannot connect";
    case httplib::Error::ConnectionTimeout:
      return "no connection in time";
    case httplib::Error::SSLConnection:
      return "no TLS connection";
    case httplib::Error::SSLServerVerification:
      return "the server's certificate is not trusted";
    case httplib::Error::Read:
      return "the connection ended before the answer did";
    case httplib::Error::Write:
      return "the connection ended while sending";
    case httplib::Error::Canceled:
      return "given up";
    default:
      return is_wrong_host_name(error) ? "the server's certificate is for another host"
                                       : httplib::to_string(error);
  }
}

// Not the library's universal one, which knows no IPv6 address with letters in it.
std::unique_ptr<httplib::ClientImpl> library_client(const BaseUrl& base) {
  if (!base.secure) return std::make_unique<httplib::ClientImpl>(base.host, base.port);
  auto client = std::make_unique<httplib::SSLClient>(base.host, base.port);
  SSL_CTX_set_min_proto_version(client->ssl_context(), TLS1_2_VERSION);
  return client;
}

// A client of the library: one connection, one request at a time.
struct Line {
  explicit Line(const BaseUrl& base) : library(library_client(base)), http(*library) {}

  const std::unique_ptr<httplib::ClientImpl> library;
  httplib::ClientImpl& http;
  Watchdog::Watch* watch = nullptr;  // of the call under way
  steady_clock::time_point idle_since{};
};

// Between resolving the name and connecting. When resolving took the deadline away, no connection may be made
// any more: the queue has already given the event to somebody else.
void on_new_socket(const Line& line, int socket) {
  if (line.watch == nullptr) return;
  if (line.watch->expired()) {
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing >= 0) dup2(nothing, socket);  // connect() then fails
    if (nothing >= 0) close(nothing);
    return;
  }
  line.watch->guard(socket);
}

// What was said on an idle connection was a farewell.
bool has_something_to_read(int socket) {
  pollfd waiting{socket, POLLIN | POLLRDHUP, 0};
  return poll(&waiting, 1, 0) != 0;
}

std::optional<std::uint64_t> length_of(const httplib::Response& answer) {
  const auto text = answer.get_header_value("Content-Length");
  std::uint64_t length = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return length;
}

bool is_too_large(const httplib::Headers& headers) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : headers) bytes += name.size() + value.size() + 4;
  return bytes > kHeadBytesMax || headers.size() > kHeadersMax;
}

AnswerHead head_of(const httplib::Response& answer) {
  return {answer.status, answer.get_header_value("Content-Type"),
          answer.get_header_value("Content-Disposition"), answer.get_header_value("Location"),
          length_of(answer)};
}

// A file between the two lines of text that make a form of it (RFC 7578), read from disk piece by piece.
class Form {
 public:
  explicit Form(const FilePart& file)
      : boundary_("kefu-" + random_hex(16)),
        before_("--" + boundary_ + "\r\nContent-Disposition: form-data; name=\"" + file.field +
                "\"; filename=\"" + file.filename + "\"\r\nContent-Type: " + file.content_type + "\r\n\r\n"),
        after_("\r\n--" + boundary_ + "--\r\n"),
        descriptor_(open(file.path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode))
      file_bytes_ = static_cast<std::size_t>(status.st_size);
  }
  ~Form() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Form(const Form&) = delete;
  Form& operator=(const Form&) = delete;

  bool readable() const { return file_bytes_.has_value(); }
  std::string content_type() const { return "multipart/form-data; boundary=" + boundary_; }
  std::size_t bytes() const { return before_.size() + *file_bytes_ + after_.size(); }
  // Some bytes from `offset` on; empty when the file has become shorter.
  std::string_view piece(std::size_t offset) {
    if (offset < before_.size()) return std::string_view(before_).substr(offset);
    offset -= before_.size();
    if (offset >= *file_bytes_) return std::string_view(after_).substr(offset - *file_bytes_);
    const auto wanted = std::min(buffer_.size(), *file_bytes_ - offset);
    const auto got = pread(descriptor_, buffer_.data(), wanted, static_cast<off_t>(offset));
    return {buffer_.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }

 private:
  const std::string boundary_;
  const std::string before_;
  const std::string after_;
  const int descriptor_;
  std::optional<std::size_t> file_bytes_;
  std::array<char, 64 << 10> buffer_{};
};

bool fits_in_quotes(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

class PooledClient : public Client {
 public:
  PooledClient(BaseUrl base, ClientOptions options)
      : base_(std::move(base)),
        options_(std::move(options)),
        certificates_(base_.secure ? hashed_certificates() : std::nullopt) {}

  CallResult post(const std::string& target, const std::string& body, const std::string& content_type,
                  std::chrono::milliseconds deadline) override {
    httplib::Request request;
    request.method = "POST";
    request.body = body;
    request.set_header("Content-Type", content_type);
    return call(target, request, deadline);
  }

  CallResult get(const std::string& target, std::chrono::milliseconds deadline) override {
    httplib::Request request;
    request.method = "GET";
    return call(target, request, deadline);
  }

  CallResult download(const std::string& target, const Sink& sink,
                      std::chrono::milliseconds deadline) override {
    httplib::Request request;
    request.method = "GET";
    bool begun = false;
    const auto begins = [&](const httplib::Response& answer) {
      begun = true;
      return sink.begins(head_of(answer));
    };
    request.response_handler = begins;
    request.content_receiver = [&](const char* data, std::size_t size, auto...) {
      return sink.takes({data, size});
    };
    return call(target, request, deadline, [&](const httplib::Response& answer) {
      if (!begun) begins(answer);  // the library passes over answers that cannot have a body
    });
  }

  CallResult upload(const std::string& target, const FilePart& file,
                    std::chrono::milliseconds deadline) override;

 private:
  using Whole = std::function<void(const httplib::Response&)>;

  CallResult call(const std::string& target, httplib::Request& request, std::chrono::milliseconds deadline,
                  const Whole& whole = {});
  CallResult call_on(Line& line, httplib::Request& request, std::chrono::milliseconds deadline,
                     const Whole& whole);
  std::unique_ptr<Line> take_line();
  std::unique_ptr<Line> new_line() const;
  void give_back(std::unique_ptr<Line> line);

  const BaseUrl base_;
  const ClientOptions options_;
  const std::optional<std::string> certificates_;
  Watchdog watchdog_;
  std::mutex mutex_;  // guards idle_
  std::vector<std::unique_ptr<Line>> idle_;
};

std::unique_ptr<Line> PooledClient::new_line() const {
  auto line = std::make_unique<Line>(base_);
  auto& http = line->http;
  http.set_keep_alive(true);
  http.set_tcp_nodelay(true);
  http.set_url_encode(false);  // targets come encoded
  http.set_socket_options([raw = line.get()](socket_t socket) { on_new_socket(*raw, socket); });
  if (base_.secure) {
    http.enable_server_certificate_verification(true);
    if (certificates_) http.set_ca_cert_path("", *certificates_);
  }
  return line;
}

std::unique_ptr<Line> PooledClient::take_line() {
  std::unique_ptr<Line> line;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      line = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!line) return new_line();
  const bool stale = steady_clock::now() - line->idle_since > kIdleMax;
  if (line->http.is_socket_open() && (stale || has_something_to_read(static_cast<int>(line->http.socket()))))
    line->http.stop();
  return line;
}

void PooledClient::give_back(std::unique_ptr<Line> line) {
  line->idle_since = steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (idle_.size() < options_.idle_connections_max) idle_.push_back(std::move(line));
}

CallResult PooledClient::upload(const std::string& target, const FilePart& file,
                                std::chrono::milliseconds deadline) {
  httplib::Request request;
  request.method = "POST";
  Form form(file);
  if (!form.readable() || !fits_in_quotes(file.field) || !fits_in_quotes(file.filename) ||
      !fits_in_quotes(file.content_type)) {
    CallResult result;
    result.error =
        form.readable() ? "a name for the file is ASCII without quotes" : "the file cannot be read";
    return result;
  }
  request.set_header("Content-Type", form.content_type());
  request.content_length_ = form.bytes();
  request.content_provider_ = [&](std::size_t offset, std::size_t, httplib::DataSink& to) {
    const auto piece = form.piece(offset);
    return !piece.empty() && to.write(piece.data(), piece.size());
  };
  return call(target, request, deadline);
}

CallResult PooledClient::call_on(Line& line, httplib::Request& request, std::chrono::milliseconds deadline,
                                 const Whole& whole) {
  const Watchdog::Deadline end = steady_clock::now() + deadline;
  CallResult result;
  Watchdog::Watch watch(watchdog_, end, kOverheadBytesMax);
  bool too_large = false;
  bool head_too_large = false;
  const auto begins = request.response_handler;  // of a download
  request.response_handler = [&](const httplib::Response& answer) {
    head_too_large = is_too_large(answer.headers);
    return !head_too_large && (!begins || begins(answer));
  };
  const auto sink = request.content_receiver;  // of a download
  request.content_receiver = [&](const char* data, std::size_t size, auto... rest) {
    watch.count_body(size);
    if (steady_clock::now() >= end) return false;
    if (sink) return sink(data, size, rest...);
    too_large = result.body.size() + size > options_.answer_bytes_max;
    if (too_large) return false;
    result.body.append(data, size);
    return true;
  };
  line.http.set_connection_timeout(std::min(options_.connect_timeout, deadline));
  line.http.set_read_timeout(deadline);
  line.http.set_write_timeout(deadline);
  line.watch = &watch;
  if (line.http.is_socket_open()) watch.guard(static_cast<int>(line.http.socket()));
  const auto answer = line.http.send(request);
  line.watch = nullptr;
  if (answer) {
    result.kind = CallResult::Kind::answered;
    result.status = answer->status;
    if (whole) whole(*answer);
    return result;
  }
  line.http.stop();
  result.kind = is_before_sending(answer.error()) ? CallResult::Kind::not_sent : CallResult::Kind::unsure;
  result.body.clear();
  result.error = too_large
                     ? "the answer is larger than " + std::to_string(options_.answer_bytes_max) + " bytes"
                 : head_too_large  ? "the head of the answer is too large"
                 : watch.flooded() ? "too much comes besides the body of the answer"
                 : watch.expired() ? "no complete answer within " + std::to_string(deadline.count()) + " ms"
                                   : explain(answer.error());
  return result;
}

CallResult PooledClient::call(const std::string& target, httplib::Request& request,
                              std::chrono::milliseconds deadline, const Whole& whole) {
  const auto named = [&](std::string why) {
    return request.method + " " + base_.origin + base_.prefix + target.substr(0, target.find('?')) + ": " +
           std::move(why);
  };
  CallResult result;
  if (!is_good_target(target)) {
    result.error = request.method + " " + base_.origin + ": a target begins with / and has no blanks";
    return result;
  }
  try {
    request.path = base_.prefix + target;
    request.set_header("Host", base_.authority);
    request.set_header("Accept-Encoding", "identity");
    if (!options_.user_agent.empty()) request.set_header("User-Agent", options_.user_agent);
    auto line = take_line();
    result.kind = CallResult::Kind::unsure;  // from here on an exception leaves it open
    result = call_on(*line, request, deadline, whole);
    if (!result.error.empty()) result.error = named(std::move(result.error));
    give_back(std::move(line));
  } catch (const std::exception& e) {
    result.error = named(e.what());
  }
  return result;
}

}  // namespace

Result<std::unique_ptr<Client>> Client::make(std::string_view base_url, ClientOptions options) {
  auto base = parse_base_url(base_url);
  if (!base) return Error{base.error()};
  // A server that hangs up while we send must not end the process.
  struct sigaction action {};
  if (sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
  return std::unique_ptr<Client>(std::make_unique<PooledClient>(std::move(*base), std::move(options)));
}

std::string percent_encode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  const auto unreserved = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '~' || c == '-';
  };
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (unreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace kefu::http
