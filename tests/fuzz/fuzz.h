// What the fuzz targets share. A target is one function over a stranger's bytes that aborts when a promise is
// broken; libFuzzer drives it (./dev fuzz), and the same function reads the corpus again in every build
// (replay_main.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace kefu::fuzz {

inline std::string_view bytes(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline void must(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

// The input as several: up to the next 0xFF 0xFE, which neither UTF-8 nor most frames have.
inline std::string_view next_piece(std::string_view& rest) {
  const auto end = rest.find("\xFF\xFE");
  const auto piece = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 2);
  return piece;
}

}  // namespace kefu::fuzz
