// The Range and If-Range of a request for one of our files.
#include <cstring>

#include "lib/http/range.h"
#include "tests/fuzz/fuzz.h"

using namespace kefu;
using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint64_t file_bytes = 0;
  if (size < sizeof file_bytes) return 0;
  std::memcpy(&file_bytes, data, sizeof file_bytes);
  auto rest = fuzz::bytes(data + sizeof file_bytes, size - sizeof file_bytes);
  const auto range = fuzz::next_piece(rest);
  const auto if_range = fuzz::next_piece(rest);
  const auto part = http::part_of(range, if_range, "\"tag\"", file_bytes);
  switch (part.kind) {
    case http::Part::Kind::part:
      must(part.length > 0 && part.first < file_bytes && part.length <= file_bytes - part.first,
           "a part lies within the file");
      must(if_range.empty() || if_range == "\"tag\"", "a part is one of the file that was meant");
      break;
    case http::Part::Kind::whole:
    case http::Part::Kind::unsatisfiable:
      must(part.first == 0 && part.length == 0, "what is no part has no place");
      break;
  }
  return 0;
}
