#include "lib/http/body.h"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace kefu::http {
namespace {

constexpr std::size_t kPieceBytes = 16 << 10;
// The largest window, and whichever of the gzip and zlib formats it is: senders confuse them.
constexpr int kAnyFormat = 15 + 32;

class Inflater {
 public:
  explicit Inflater(std::string_view compressed) {
    // zlib does not write there.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
    stream_.avail_in = static_cast<uInt>(compressed.size());
    ready_ = inflateInit2(&stream_, kAnyFormat) == Z_OK;
  }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool ready() const { return ready_; }
  // Nothing may come behind the end.
  bool at_end() const { return status_ == Z_STREAM_END && stream_.avail_in == 0; }

  // The next bytes; empty at the end and when there is no going on.
  std::string_view next() {
    if (status_ != Z_OK) return {};
    stream_.next_out = reinterpret_cast<Bytef*>(piece_.data());
    stream_.avail_out = static_cast<uInt>(piece_.size());
    status_ = inflate(&stream_, Z_NO_FLUSH);
    return {piece_.data(), piece_.size() - stream_.avail_out};
  }

 private:
  z_stream stream_{};
  std::array<char, kPieceBytes> piece_{};
  bool ready_ = false;
  int status_ = Z_OK;
};

}  // namespace

ArrivingBody::ArrivingBody(const Head& head, std::size_t bytes_max) : bytes_left_(head.content_length) {
  if (head.chunked) chunks_.emplace(bytes_max);
}

std::size_t ArrivingBody::take(std::string_view bytes) {
  if (chunks_) return chunks_->decode(bytes, bytes_);
  const auto piece = bytes.substr(0, bytes_left_);
  bytes_.append(piece);
  bytes_left_ -= piece.size();
  return piece.size();
}

bool ArrivingBody::complete() const {
  return chunks_ ? chunks_->complete() : bytes_left_ == 0;
}

int ArrivingBody::refusal() const {
  return chunks_ ? chunks_->refusal() : 0;
}

Unfolded unfold(std::string_view compressed, std::size_t bytes_max) {
  Inflater inflater(compressed);
  if (!inflater.ready()) return {400, {}};
  Unfolded whole;
  for (auto piece = inflater.next(); !piece.empty(); piece = inflater.next()) {
    if (piece.size() > bytes_max - whole.bytes.size()) return {413, {}};
    whole.bytes.append(piece);
  }
  if (!inflater.at_end()) return {400, {}};
  return whole;
}

}  // namespace kefu::http
