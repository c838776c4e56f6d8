// The customers' IM accounts: imported and deleted, one or many with one call. Thread-safe.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lib/work/worker.h"
#include "relay/im_api.h"

namespace kefu::relay {

class Accounts {
 public:
  // `nick_word` begins the generated nicknames. `api` must live longer.
  Accounts(ImApi& api, std::string nick_word);

  // Of delivery.im_user(), with a generated nickname, or without one when IM refuses that.
  ImCall import(const v1::Delivery& delivery, Timestamp deadline);

  // The outcome of each delivery in its order. An account that IM cannot import or delete fails by itself,
  // never the others. REQUIRES: 1 to limits::kBundleMax deliveries, all with an IM account.
  std::vector<work::Outcome> import_all(std::span<const v1::Delivery> deliveries, Timestamp deadline);
  std::vector<work::Outcome> delete_all(std::span<const v1::Delivery> deliveries, Timestamp deadline);

 private:
  using Deliveries = std::span<const v1::Delivery>;
  using Outcomes = std::span<work::Outcome>;

  void import_together(Deliveries deliveries, Outcomes outcomes, Timestamp deadline);
  void delete_together(Deliveries deliveries, Outcomes outcomes, Timestamp deadline);

  ImApi& api_;
  const std::string nick_word_;
};

}  // namespace kefu::relay
