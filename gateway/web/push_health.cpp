#include "gateway/web/push_health.h"

namespace kefu {

void PushHealth::opened() {
  const std::lock_guard lock(mutex_);
  not_opened_ = 0;
}

void PushHealth::not_opened(const std::string& why) {
  const std::lock_guard lock(mutex_);
  ++not_opened_;
  why_ = why;
}

std::vector<std::string> PushHealth::problems() const {
  const std::lock_guard lock(mutex_);
  if (not_opened_ == 0) return {};
  const bool one = not_opened_ == 1;
  return {std::to_string(not_opened_) + (one ? " push was" : " pushes were") +
          " signed with WECHAT_TOKEN but could not be opened (" + why_ +
          "): compare WECHAT_AES_KEY and WECHAT_APP_ID with the WeChat console; " +
          (one ? "it is" : "they are") + " kept, see kefuctl quarantine"};
}

}  // namespace kefu
