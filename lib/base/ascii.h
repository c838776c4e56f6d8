#pragma once

#include <string>
#include <string_view>

namespace kefu {

// With a-z for A-Z, whatever the locale; every other byte stays, those of UTF-8 too.
std::string lower_ascii(std::string_view text);

}  // namespace kefu
