#include "lib/http/file_answer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>

#include "lib/http/range.h"

namespace kefu::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// A reader who is slower than this holds a thread for nothing.
constexpr std::uint64_t kBytesPerSecondMin = 16 << 10;
constexpr auto kPatience = 10s;
constexpr std::size_t kPieceBytes = 64 << 10;

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) return;
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  std::optional<std::uint64_t> size() const { return size_; }

  // Some bytes from there on; nothing when they cannot be read.
  std::string_view read(std::uint64_t at, std::size_t bytes_max, std::string& buffer) const {
    buffer.resize(std::min(bytes_max, kPieceBytes));
    ssize_t bytes = -1;
    do {
      bytes = ::pread(descriptor_, buffer.data(), buffer.size(), static_cast<off_t>(at));
    } while (bytes < 0 && errno == EINTR);
    return std::string_view(buffer).substr(0, static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)));
  }

 private:
  const int descriptor_;
  std::optional<std::uint64_t> size_;  // nothing: no file
};

// All of its answer but the bytes.
Response shown(const Response& answer, const Part& part, std::uint64_t size) {
  Response shown{200, {}, answer.content_type, answer.headers};
  shown.headers.emplace_back("Accept-Ranges", "bytes");
  if (!answer.file->etag.empty()) shown.headers.emplace_back("ETag", answer.file->etag);
  const auto of_size = "/" + std::to_string(size);
  if (part.kind == Part::Kind::unsatisfiable) {
    shown.status = 416;
    shown.body = "Range Not Satisfiable\n";
    shown.content_type = "text/plain; charset=utf-8";
    shown.headers.emplace_back("Content-Range", "bytes *" + of_size);
  } else if (part.kind == Part::Kind::part) {
    shown.status = 206;
    const auto last = part.first + part.length - 1;
    shown.headers.emplace_back("Content-Range",
                               "bytes " + std::to_string(part.first) + "-" + std::to_string(last) + of_size);
  }
  return shown;
}

bool send_bytes(Connection& connection, const OpenFile& file, std::uint64_t at, std::uint64_t length) {
  const auto deadline = steady_clock::now() + kPatience + std::chrono::seconds(length / kBytesPerSecondMin);
  std::string buffer;
  for (const auto end = at + length; at < end;) {
    if (connection.stopping() || steady_clock::now() > deadline) return false;
    const auto bytes =
        file.read(at, static_cast<std::size_t>(std::min<std::uint64_t>(end - at, kPieceBytes)), buffer);
    if (bytes.empty()) return false;
    connection.write(bytes);
    if (!connection.flush()) return false;
    at += bytes.size();
  }
  return connection.flush();
}

}  // namespace

bool send_file(Connection& connection, const Head& head, const Response& answer,
               const KeepAlive& keep_alive) {
  const OpenFile file(answer.file->path);
  if (!file.size()) return send(connection, head, {404, "Not Found\n"}, keep_alive);
  const auto size = *file.size();
  auto part = part_of(head.range, head.if_range, answer.file->etag, size);
  if (part.kind == Part::Kind::whole) part.length = size;
  const auto response = shown(answer, part, size);
  if (part.kind == Part::Kind::unsatisfiable) return send(connection, head, response, keep_alive);
  connection.write(answer_head(response, part.length, keep_alive));
  return head.method == "HEAD" ? connection.flush() : send_bytes(connection, file, part.first, part.length);
}

}  // namespace kefu::http
