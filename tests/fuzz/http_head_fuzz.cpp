// The head of a request, before anything is known of who sent it.
#include <algorithm>

#include "lib/http/characters.h"
#include "lib/http/head.h"
#include "tests/fuzz/fuzz.h"

using namespace kefu;
using fuzz::must;

namespace {

// The end is found at the same place, however the bytes arrive.
void check_end(std::string_view bytes) {
  const auto whole = http::head_end(bytes);
  for (std::size_t arrived = 0, searched = 0; arrived < bytes.size(); searched = arrived) {
    arrived = std::min(bytes.size(), arrived + 1 + arrived % 7);
    const auto end = http::head_end(bytes.substr(0, arrived), searched);
    if (!end) continue;
    must(end == whole, "a head ends at one place");
    return;
  }
  must(!whole, "a head that ends is seen to end");
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), http::is_token_character);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::bytes(data, size);
  check_end(bytes);
  const auto end = http::head_end(bytes);
  const int growing = http::refusal_of_growing_head(bytes);
  must(growing == 0 || growing == 414 || growing == 431, "a long head is refused as too long");
  const auto head = http::parse_head(bytes.substr(0, end.value_or(size)));
  if (head.refusal != 0) {
    must(head.refusal == 400 || head.refusal == 414 || head.refusal == 431 || head.refusal == 505,
         "a refusal is one of ours");
    return 0;
  }
  must(is_token(head.method), "a method is a token");
  must(head.target == "*" || head.target.starts_with('/'), "a target is a path");
  must(head.target.size() <= limits::kTargetBytesMax, "a target is not too long");
  must(std::none_of(head.target.begin(), head.target.end(),
                    [](char c) { return http::is_control(c) || c == ' ' || c == '\t'; }),
       "a target is one word");
  must(!head.chunked || head.content_length == 0, "a body is framed in one way");
  for (const auto* value : {&head.content_type, &head.content_encoding, &head.range, &head.if_range})
    must(std::none_of(value->begin(), value->end(), http::is_control), "a value is one line");
  return 0;
}
