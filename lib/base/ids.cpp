#include "lib/base/ids.h"

#include <algorithm>

namespace kefu {

bool is_plain_account_id(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), plain);
}

}  // namespace kefu
