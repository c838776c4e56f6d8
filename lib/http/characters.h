// The classes of characters that HTTP's grammar is made of (RFC 9110 §5.6).
#pragma once

#include <string_view>

namespace kefu::http {

// Of a header's name or a method.
inline bool is_token_character(char c) {
  const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return alphanumeric || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// A tab is none: it may stand in values.
inline bool is_control(char c) {
  return (c >= 0 && c < ' ' && c != '\t') || c == '\x7F';
}

// -1: not a hexadecimal digit.
inline int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace kefu::http
