// The UserSig under which the relay calls IM: minted when first needed, again at half of its life, and when
// IM refuses it. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "lib/base/clock.h"

namespace kefu::relay {

class UserSigSource {
 public:
  static constexpr std::chrono::hours kLife{24};  // reference: IM §5.3, at least a day is advised

  UserSigSource(std::uint32_t sdk_app_id, std::string key, std::string identifier);

  // `wall`: what the system's clock says; IM checks against its own.
  std::string get(Timestamp wall);
  // IM has refused `refused`: a fresh one, unless another thread has already replaced it.
  std::string replace(const std::string& refused, Timestamp wall);

 private:
  void mint(Timestamp wall);

  const std::uint32_t sdk_app_id_;
  const std::string key_;
  const std::string identifier_;

  std::mutex mutex_;
  std::string current_;     // guarded by mutex_
  Timestamp minted_at_{0};  // guarded by mutex_
};

}  // namespace kefu::relay
