// What each errcode of WeChat means for us (reference: WeChat §6.6), as one table of data.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace kefu::wechat {

enum class ErrorClass {
  ok,
  retry,              // this call failed and may succeed
  unknown_outcome,    // the same, but it may have acted
  throttle,           // back off, all calls
  refresh_token,      // once, then again
  wait_for_customer,  // 45015, 45047: only the customer can reopen it
  configuration,      // an operator must act; no call can succeed
  dead,               // this message can never succeed
};

struct ErrorRow {
  std::int64_t code;
  ErrorClass error_class;
  std::string_view meaning;  // and what to do about it, in English
};

std::span<const ErrorRow> error_table();
// An unknown code is dead: a permanent failure of this message (§6.6).
ErrorRow explain(std::int64_t code);
std::string_view name(ErrorClass error_class);

}  // namespace kefu::wechat
