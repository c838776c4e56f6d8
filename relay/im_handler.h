// What the relay does with a delivery: import, send as the customer, delete (DESIGN §6). Thread-safe; waits
// for nothing but the cloud.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/im/rest.h"
#include "lib/work/worker.h"
#include "relay/im_api.h"

namespace kefu::relay {

// With which the generated nicknames begin. REQUIRES: a locale of the contract.
std::string nick_word(std::string_view locale);

class ImHandler {
 public:
  // `nick_word` begins the generated nicknames. `api` must live longer.
  explicit ImHandler(ImApi& api, std::string nick_word = "微信用户");

  work::Outcome handle(const v1::Delivery& delivery, Timestamp deadline);

 private:
  work::Outcome follow(const v1::Delivery& delivery, Timestamp deadline);
  work::Outcome unfollow(const v1::Delivery& delivery, Timestamp deadline);
  work::Outcome customer_message(const v1::Delivery& delivery, Timestamp deadline);

  ImCall import_account(const v1::Delivery& delivery, Timestamp deadline);
  // Imports the customer and sends again, when that is what is missing; sets `account` then.
  ImCall send(const v1::Delivery& delivery, const im::TextMessage& message, Timestamp deadline,
              v1::AccountChange::Kind& account);
  // Cut finer, when IM finds even this part too long.
  ImCall send_part(const v1::Delivery& delivery, const im::TextMessage& part, std::uint32_t number,
                   Timestamp deadline, v1::AccountChange::Kind& account);

  ImApi& api_;
  const std::string nick_word_;
};

}  // namespace kefu::relay
