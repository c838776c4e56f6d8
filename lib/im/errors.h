// What each ErrorCode of Tencent IM means for us (reference: IM §1.5), as one table of data.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace kefu::im {

enum class ErrorClass {
  ok,
  retry,
  throttle,
  resign,          // mint a fresh UserSig once and retry; a configuration error when it repeats
  import_account,  // import the account and retry once
  split,           // too long
  configuration,   // an operator must act; no call can succeed
  account,         // this account is refused until an operator acts; others are not
  locked,          // 70399: this UserID is not to be imported for months
  done,            // already so
  dead,            // this event can never succeed
};

constexpr std::int64_t kNoMoreAccounts = 70398;  // the app's edition allows no further account

struct ErrorRow {
  std::int64_t code;
  ErrorClass error_class;
  std::string_view meaning;  // and what to do about it, in English
};

std::span<const ErrorRow> error_table();
// Ranges too (120001..130000). An unknown code is `retry`: IM's tables grow, and a repeat is harmless within
// its de-duplication.
ErrorRow explain(std::int64_t code);
std::string_view name(ErrorClass error_class);

}  // namespace kefu::im
