// One call of IM's REST API: signed, timed, counted, and turned into what it means for a delivery.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/http/client.h"
#include "lib/im/errors.h"
#include "lib/im/rest.h"
#include "lib/ops/ops_page.h"
#include "lib/work/worker.h"
#include "relay/usersig_source.h"

namespace kefu::relay {

struct ImCall {
  im::ErrorClass error_class = im::ErrorClass::retry;  // retry, too, when IM has not answered
  std::int64_t code = 0;                               // IM's; 0 also when it has not answered
  work::Outcome outcome{};                             // of a delivery that consists of this call alone
  std::string body{};                                  // IM's answer; empty when it has not answered

  bool ok() const { return error_class == im::ErrorClass::ok; }
};

// What an error code of IM's `api` means for a delivery. `told`: IM's own words, for the reason.
work::Outcome outcome_of(std::string_view api, std::int64_t code, const std::string& told);

class ImApi {
 public:
  struct Clocks {
    std::function<Timestamp()> steady = steady_now;  // deadlines
    std::function<Timestamp()> wall = wall_now;      // UserSig
  };

  // `client`, `usersig` and `metrics` must live longer. `admin`: the account that calls (IM_ADMIN).
  ImApi(http::Client& client, UserSigSource& usersig, std::uint32_t sdk_app_id, std::string admin,
        ops::Metrics& metrics, Clocks clocks = {steady_now, wall_now});

  // `command`: im::kSendMessage and so on. Refused UserSigs are replaced and the call repeated, once. Ends
  // before `deadline` (steady); with too little time left it does not begin.
  ImCall call(std::string_view command, const std::string& body, Timestamp deadline);
  // IM's own words about one of several accounts, fit for a reason.
  std::string told(const std::string& message);

 private:
  ImCall call_once(std::string_view command, const std::string& body, const std::string& usersig,
                   Timestamp deadline);

  http::Client& client_;
  UserSigSource& usersig_;
  const std::uint32_t sdk_app_id_;
  const std::string admin_;
  ops::Metrics& metrics_;
  const Clocks clocks_;
};

}  // namespace kefu::relay
