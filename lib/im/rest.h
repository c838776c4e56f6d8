// Requests and answers of the REST APIs that the relay calls (reference: IM §1, §2). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/ids.h"
#include "lib/base/result.h"

namespace kefu::im {

inline constexpr std::string_view kAccountImport = "im_open_login_svc/account_import";
inline constexpr std::string_view kAccountDelete = "im_open_login_svc/account_delete";
inline constexpr std::string_view kSendMessage = "openim/sendmsg";

// "/v4/<command>?sdkappid=…&identifier=…&usersig=…&random=…&contenttype=json"; `identifier` is
// percent-encoded.
std::string request_target(std::string_view command, std::uint32_t sdk_app_id, std::string_view identifier,
                           std::string_view usersig, std::uint32_t random);

std::string import_body(const ImUserId& user, std::string_view nick);  // an empty nick is left out
std::string delete_body(const ImUserId& user);

struct TextMessage {
  ImUserId from;
  std::string to;
  std::uint32_t msg_seq = 0;
  std::uint32_t msg_random = 0;
  std::string text;
};
// The same message gives the same bytes. No callbacks are wanted for it (reference: IM §4.4).
std::string send_body(const TextMessage& message);

struct Answer {
  std::int64_t code = 0;  // ErrorCode; for account_delete the item's ResultCode when that is not 0
  std::string message;    // ErrorInfo
  std::string msg_key;
};
// The error: not JSON, or without an ErrorCode.
Result<Answer> parse_answer(std::string_view body);

// "微信用户 3f9a1c": a name for a customer of whom WeChat tells none, the same one each time. `word` is by
// locale.
std::string generated_nick(std::string_view word, const OpenId& customer);

}  // namespace kefu::im
