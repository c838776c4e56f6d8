// What the relay does with a delivery: import, send as the customer, delete (DESIGN §6). Thread-safe; waits
// for nothing but the clouds.
#pragma once

#include <atomic>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/im/elements.h"
#include "lib/im/rest.h"
#include "lib/work/worker.h"
#include "relay/accounts.h"
#include "relay/arrived.h"
#include "relay/compose.h"
#include "relay/customer_media.h"
#include "relay/im_api.h"

namespace kefu::relay {

// With which the generated nicknames begin. REQUIRES: a locale of the contract.
std::string nick_word(std::string_view locale);

class ImHandler {
 public:
  // `nick_word` begins the generated nicknames. `api` and `media` must live longer; without `media` the agent
  // gets a note of what a customer has sent.
  explicit ImHandler(ImApi& api, std::string nick_word = "微信用户",
                     ImApi::Clocks clocks = {steady_now, wall_now}, CustomerMedia* media = nullptr);

  work::Outcome handle(const v1::Delivery& delivery, Timestamp deadline);
  // Follows, or unfollows, with as few calls as they need; the outcome of each in their order.
  std::vector<work::Outcome> handle_together(std::span<const v1::Delivery> deliveries, Timestamp deadline);

 private:
  // One attempt at one message.
  struct Attempt {
    const v1::Delivery& delivery;
    Timestamp deadline;
    v1::AccountChange::Kind account = v1::AccountChange::KIND_UNSPECIFIED;
    std::set<MessageNumbers> arrived{};  // with earlier attempts
  };

  work::Outcome presence(const v1::Delivery& delivery, Timestamp deadline);
  work::Outcome customer_message(const v1::Delivery& delivery, Timestamp deadline);
  work::Outcome send_parts(Attempt& attempt, const im::Message& whole, const std::vector<Elements>& parts);
  // An earlier attempt may have acted so long ago that IM would not recognise the repeat.
  bool repeat_may_double(const Attempt& attempt) const;
  ImCall import_account(Attempt& attempt);
  // Imports the customer and sends again, when that is what is missing.
  ImCall send(Attempt& attempt, const im::Message& message);
  // Cut finer, when IM finds even this part too long.
  ImCall send_part(Attempt& attempt, const im::Message& part, std::uint32_t number);

  ImApi& api_;
  Accounts accounts_;
  const ImApi::Clocks clocks_;
  CustomerMedia* const media_;
  std::atomic<bool> presence_refused_ = false;  // which has been logged
};

}  // namespace kefu::relay
