#include "lib/http/chunked.h"

#include <algorithm>

#include "lib/http/characters.h"

namespace kefu::http {
namespace {

// Tiny chunks are allowed, but not a body that is mostly something else.
constexpr std::size_t kOverheadBytesFree = 64 << 10;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

}  // namespace

std::size_t ChunkDecoder::decode(std::string_view bytes, std::string& body) {
  std::size_t taken = 0;
  while (taken < bytes.size() && refusal_ == 0 && state_ != State::complete) {
    if (state_ == State::data) {
      const auto piece = bytes.substr(taken, data_left_);
      body.append(piece);
      taken += piece.size();
      data_left_ -= piece.size();
      if (data_left_ == 0) state_ = State::data_return;
      continue;
    }
    count_overhead();
    if (refusal_ == 0) take(bytes[taken++]);
  }
  return taken;
}

void ChunkDecoder::count_overhead() {
  if (++overhead_ > body_bytes_max_ + kOverheadBytesFree) refuse(413);
}

void ChunkDecoder::expect(char c, char wanted, State next) {
  if (c != wanted) return refuse(400);
  state_ = next;
}

void ChunkDecoder::take(char c) {
  switch (state_) {
    case State::size:
    case State::after_size:
    case State::extension:
      return take_in_size_line(c);
    case State::size_line_feed:
      if (c != '\n') return refuse(400);
      return end_size_line();
    case State::data_return:
      return expect(c, '\r', State::data_line_feed);
    case State::data_line_feed:
      return expect(c, '\n', State::size);
    case State::trailer_start:
    case State::trailer_name:
    case State::trailer_value:
      return take_in_trailer(c);
    case State::trailer_line_feed:
      return expect(c, '\n', State::trailer_start);
    case State::last_line_feed:
      return expect(c, '\n', State::complete);
    case State::data:
    case State::complete:
      return;  // decode() gives none here
  }
}

void ChunkDecoder::take_size_digit(char c) {
  if (++digits_ > kChunkSizeDigitsMax) return refuse(400);
  size_ = size_ * 16 + static_cast<std::size_t>(hex_value(c));
}

void ChunkDecoder::take_in_size_line(char c) {
  if (state_ == State::size && hex_value(c) >= 0) return take_size_digit(c);
  if (digits_ == 0) return refuse(400);
  if (c == '\r') {
    // Blanks belong before an extension, not before the end of the line.
    if (state_ == State::after_size) return refuse(400);
    state_ = State::size_line_feed;
    return;
  }
  if (++extension_bytes_ > kChunkExtensionBytesMax) return refuse(400);
  if (state_ == State::extension) {
    if (is_control(c)) refuse(400);
  } else if (c == ';') {
    state_ = State::extension;
  } else if (is_blank(c)) {
    state_ = State::after_size;
  } else {
    refuse(400);
  }
}

void ChunkDecoder::end_size_line() {
  const bool is_last = size_ == 0;
  if (size_ > body_bytes_max_ - body_bytes_) return refuse(413);
  body_bytes_ += size_;
  data_left_ = size_;
  size_ = digits_ = 0;
  state_ = is_last ? State::trailer_start : State::data;
}

void ChunkDecoder::take_in_trailer(char c) {
  if (++trailer_bytes_ > kTrailerBytesMax) return refuse(400);
  if (state_ == State::trailer_value) {
    if (c == '\r') {
      state_ = State::trailer_line_feed;
    } else if (is_control(c)) {
      refuse(400);
    }
  } else if (c == '\r' && state_ == State::trailer_start) {
    state_ = State::last_line_feed;
  } else if (c == ':' && state_ == State::trailer_name) {
    state_ = State::trailer_value;
  } else if (is_token_character(c)) {
    state_ = State::trailer_name;
  } else {
    refuse(400);
  }
}

}  // namespace kefu::http
