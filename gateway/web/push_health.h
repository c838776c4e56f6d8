// What the last pushes say about our settings, for /readyz. Thread-safe; time is passed in.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "lib/base/clock.h"

namespace kefu {

class PushHealth {
 public:
  // A push was opened: with a key, or it came plain and could be read.
  void opened();
  // A push was signed with our token, and could not be opened.
  void not_opened(const std::string& why);

  // Why pushes do not become messages at present, one line each; empty when they do. After a start there is
  // no trouble until a push shows it: a start is how a key is mended.
  std::vector<std::string> problems() const;

 private:
  mutable std::mutex mutex_;
  std::uint64_t not_opened_ = 0;  // since the last push that was opened; guarded by mutex_
  std::string why_;               // of the last of them; guarded by mutex_
};

}  // namespace kefu
