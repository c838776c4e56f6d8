// The chunked transfer coding (RFC 9112 §7.1), read strictly: what two readers could take for two different
// bodies is refused, because that is how requests are smuggled. Pure: bytes in, body out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kefu::http {

// Hexadecimal digits of one chunk size, leading zeros included. So many fit into 64 bits.
inline constexpr std::size_t kChunkSizeDigitsMax = 16;
// Extensions of all chunks of a body together, and its trailer section. Both are checked and discarded.
inline constexpr std::size_t kChunkExtensionBytesMax = 4 << 10;
inline constexpr std::size_t kTrailerBytesMax = 8 << 10;

// Reads one body, however its bytes are cut into pieces.
class ChunkDecoder {
 public:
  // A body of more than `body_bytes_max` bytes is refused as soon as a chunk size says so.
  explicit ChunkDecoder(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  // Appends what `bytes` hold of the body to `body`, which must be the same object in each call. Returns how
  // many of the bytes belong to the body's coding: all of them, unless the body is complete or refused.
  std::size_t decode(std::string_view bytes, std::string& body);

  bool complete() const { return state_ == State::complete; }
  // 0: well-formed so far; 400: malformed; 413: too large. Nothing is taken after a refusal.
  int refusal() const { return refusal_; }

 private:
  enum class State {
    size,            // digits, at least one
    after_size,      // blanks before an extension
    extension,       // up to the CR
    size_line_feed,  // the LF of a size line
    data,            // of a chunk
    data_return,     // the CR behind the data
    data_line_feed,  // the LF behind the data
    trailer_start,   // a trailer field or the CR of the empty line
    trailer_name,    // up to the colon
    trailer_value,   // up to the CR
    trailer_line_feed,
    last_line_feed,  // the LF of the empty line
    complete,
  };

  void take(char c);
  void take_size_digit(char c);
  void take_in_size_line(char c);
  void take_in_trailer(char c);
  void end_size_line();
  void count_overhead();
  void expect(char c, char wanted, State next);
  void refuse(int status) { refusal_ = status; }

  const std::size_t body_bytes_max_;
  State state_ = State::size;
  int refusal_ = 0;
  std::size_t size_ = 0;        // of the chunk whose size line is read
  std::size_t digits_ = 0;      // of that size
  std::size_t data_left_ = 0;   // of the chunk whose data is read
  std::size_t body_bytes_ = 0;  // of all chunks so far, those announced included
  std::size_t overhead_ = 0;    // bytes that are not data
  std::size_t extension_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
};

}  // namespace kefu::http
