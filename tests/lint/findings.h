// What ./dev lint must find, each marked with "FIND", or it does not look (findings.cpp has more).
#pragma once

#include <string>

namespace findings {

inline bool in_header(const std::string& text) {
  return text.size() == 0;  // FIND
}

template <class T>
std::size_t in_template(const T& text) {
  const std::string copied = text;  // FIND
  return copied.size();
}

}  // namespace findings
