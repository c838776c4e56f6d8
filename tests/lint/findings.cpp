#include "tests/lint/findings.h"

#include <utility>

namespace findings {

std::string used_after_move(std::string text) {
  const auto moved = std::move(text);
  return text + moved;  // FIND
}

std::size_t instance() {
  return in_template(std::string("x"));
}

}  // namespace findings
