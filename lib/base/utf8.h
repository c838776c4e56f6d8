// UTF-8 as strangers write it, made safe for protobuf and JSON, which refuse or throw on anything else.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kefu {

bool is_valid_utf8(std::string_view text);

// Bad sequences become U+FFFD; control characters below 0x20 but TAB, LF and CR are dropped.
std::string clean_utf8(std::string_view text);

// Parts of at most `bytes_max` bytes that together are the text, cut between characters: preferably where a
// person sees none cut (grapheme.h), else between code points. An empty text has no parts. REQUIRES: valid
// UTF-8, bytes_max >= 4.
std::vector<std::string> split_utf8(std::string_view text, std::size_t bytes_max);

}  // namespace kefu
