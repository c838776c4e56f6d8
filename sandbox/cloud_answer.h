// What either cloud answers to one API call, and what is worth noting about it.
#pragma once

#include <cstdint>
#include <string>

namespace kefu::sandbox {

struct CloudAnswer {
  std::int64_t code = 0;  // errcode, ErrorCode
  std::string body;       // JSON, or a file; the HTTP status is 200 also for errors, as the real clouds do
  bool acted = false;     // something has changed: a message was shown, an account made
  std::string summary;    // for people: whom it was about, and the text; never a secret
  int status = 200;
  std::string content_type{};  // empty: JSON
  std::string disposition{};   // Content-disposition, when there is one
};

}  // namespace kefu::sandbox
