// What strangers wrote must not steer a terminal, nor turn the direction in which people read what stands
// beside it: control characters (C0, DEL, C1), Unicode's bidirectional controls, its line and paragraph
// separators and bytes that are not UTF-8 are shown as what they are. Pure.
#pragma once

#include <string>
#include <string_view>

namespace kefu::ctl {

// For people, in one line: line breaks and tabs become blanks, the others "\x1b" or "\u202e".
std::string printable(std::string_view text);

// JSON that says the same: the others become escapes such as "\u009b". Line breaks between its tokens stay.
// REQUIRES: valid JSON.
std::string printable_json(std::string_view json);

}  // namespace kefu::ctl
