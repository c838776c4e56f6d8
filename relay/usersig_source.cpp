#include "relay/usersig_source.h"

#include <utility>

#include "lib/im/usersig.h"

namespace kefu::relay {
namespace {

// Our clock may be ahead of IM's, and a UserSig from the future may be refused (reference: IM §5.3).
constexpr std::int64_t kBackDatedS = 60;

}  // namespace

UserSigSource::UserSigSource(std::uint32_t sdk_app_id, std::string key, std::string identifier)
    : sdk_app_id_(sdk_app_id), key_(std::move(key)), identifier_(std::move(identifier)) {}

std::string UserSigSource::get(Timestamp wall) {
  const std::lock_guard lock(mutex_);
  const bool clock_went_back = wall < minted_at_;
  if (current_.empty() || clock_went_back || wall - minted_at_ >= kLife / 2) mint(wall);
  return current_;
}

std::string UserSigSource::replace(const std::string& refused, Timestamp wall) {
  const std::lock_guard lock(mutex_);
  if (current_ == refused) mint(wall);
  return current_;
}

void UserSigSource::mint(Timestamp wall) {
  const auto life_s = std::chrono::duration_cast<std::chrono::seconds>(kLife).count();
  current_ = im::make_usersig(sdk_app_id_, key_, identifier_, wall.ms / 1000 - kBackDatedS, life_s);
  minted_at_ = wall;
}

}  // namespace kefu::relay
