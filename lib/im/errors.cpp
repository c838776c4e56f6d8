#include "lib/im/errors.h"

#include <algorithm>
#include <iterator>

namespace kefu::im {
namespace {

using enum ErrorClass;

constexpr std::string_view kOurFault =
    "IM cannot read the request: a fault of this program, please report it";
constexpr std::string_view kInternal = "IM had an internal error or a time-out";
constexpr std::string_view kTooOften = "too many calls in this second: the app's rate limit is reached";
constexpr std::string_view kNoAccount = "the sender's or the recipient's account is not imported in IM";
constexpr std::string_view kNotAdmin = "IM_ADMIN is not an App admin: make it one in the IM console";
constexpr std::string_view kSigBroken = "the UserSig does not parse: check IM_SECRET_KEY and IM_ADMIN";
constexpr std::string_view kTooLong = "the message is too long for IM";
constexpr std::string_view kEdition =
    "the app's edition does not allow more: see its quota in the IM console";
constexpr std::string_view kOwnCallback = "the before-send callback of the app refused the message";

// Sorted by code. reference: IM §1.5.
constexpr ErrorRow kTable[] = {
    {0, ok, "ok"},
    {10002, retry, kInternal},
    {10003, dead, "unknown group command"},
    {10004, dead, "illegal group parameter"},
    {10006, throttle, kTooOften},
    {10007, dead, "not permitted in this group"},
    {10010, dead, "the group is gone"},
    {10011, dead, kOurFault},
    {10015, dead, "illegal group id"},
    {10016, dead, "the group callback of the app refused the message"},
    {10017, dead, "the sender is muted in the group"},
    {10019, import_account, kNoAccount},
    {10021, dead, "the group id is used by somebody else"},
    {10023, throttle, "the group's message rate is reached"},
    {10025, done, "the group is ours already"},
    {10036, configuration, kEdition},
    {10037, configuration, kEdition},
    {10038, configuration, kEdition},
    {10045, dead, "a group attribute's key is too long"},
    {10046, dead, "a group attribute's value is too long"},
    {10047, dead, "too many group attributes"},
    {10048, dead, "the group attributes are too large together"},
    {10049, throttle, "group attributes are written too often"},
    {10056, throttle, "the group attributes were changed at the same time"},
    {10058, configuration, kEdition},
    {10059, configuration, kEdition},
    {10063, dead, "too many group counters"},
    {20001, dead, kOurFault},
    {20002, resign, "the UserSig is not valid: check IM_SECRET_KEY and IM_ADMIN"},
    {20003, import_account, kNoAccount},
    {20004, retry, kInternal},
    {20005, retry, kInternal},
    {20006, dead, kOwnCallback},
    {20007, dead, "the sender is on the recipient's blocklist"},
    {20009, dead, "sender and recipient are not friends, and the app demands it"},
    {20010, dead, "the sender is not the recipient's friend, and the app demands it"},
    {20011, dead, "the recipient is not the sender's friend, and the app demands it"},
    {20012, dead, "the sender is muted"},
    {20016, dead, "too late to recall the message"},
    {20022, done, "the message to recall does not exist"},
    {20023, done, "the message is recalled already"},
    {20028, retry, "the message was changed at the same time"},
    {30006, retry, kInternal},
    {30007, retry, kInternal},
    {30008, retry, "the account's relations were changed at the same time"},
    {40001, dead, "illegal profile parameter"},
    {40002, dead, "no permission for the profile field"},
    {40003, import_account, "the account is not imported in IM"},
    {40004, configuration, kNotAdmin},
    {40005, dead, "the nickname holds a word that IM forbids"},
    {40006, retry, kInternal},
    {40007, dead, "no permission to read the profile field"},
    {40008, dead, "no permission to write the profile field"},
    {40009, dead, "no such profile field"},
    {40601, split, "a profile value is longer than 500 bytes"},
    {40605, dead, "no such custom profile field"},
    {40610, dead, "illegal value of a profile field"},
    {60002, dead, "illegal URL of the call: check IM_API"},
    {60003, dead, kOurFault},
    {60004, resign, "the admin's id in the call is wrong: check IM_ADMIN"},
    {60005, resign, "the admin's UserSig in the call is wrong: check IM_ADMIN and IM_SECRET_KEY"},
    {60006, configuration,
     "IM_SDK_APP_ID is not valid here: check it, and that IM_API is the host of the app's data centre"},
    {60007, throttle, kTooOften},
    {60008, retry, "IM timed out or could not read the request"},
    {60009, dead, "no such API: check IM_API"},
    {60010, configuration, kNotAdmin},
    {60011, throttle, kTooOften},
    {60012, dead, "the call had no sdkappid: a fault of this program, please report it"},
    {60013, retry, kInternal},
    {60014, retry, kInternal},
    {60015, dead, "an account id is no string: a fault of this program, please report it"},
    {60016, configuration, "the app is disabled: see the IM console"},
    {60017, configuration, "the app may not make such calls: see the IM console"},
    {60018, throttle, kTooOften},
    {60019, throttle, kTooOften},
    {60020, configuration, "the app's package has expired: renew it in the IM console"},
    {60021, configuration, "this server's IP address is not allowed: add it in the IM console"},
    {70001, resign, "the UserSig has expired: check this machine's clock"},
    {70002, resign, "the UserSig is empty"},
    {70003, resign, kSigBroken},
    {70005, resign, kSigBroken},
    {70009, configuration,
     "the UserSig was made with another app's key: copy IM_SECRET_KEY of this IM_SDK_APP_ID from the IM "
     "console again"},
    {70013, configuration, "the UserSig is for another account than the call's: check IM_ADMIN"},
    {70014, configuration, "the UserSig is for another app than the call's: check IM_SDK_APP_ID"},
    {70016, configuration,
     "IM finds no key for the app: check IM_SDK_APP_ID, and that IM_API is the host of the app's data "
     "centre"},
    {70020, configuration,
     "IM does not know the app: check IM_SDK_APP_ID, and that IM_API is the host of the app's data centre"},
    {70050, throttle, "too many wrong UserSigs: IM refuses for a minute; check IM_SECRET_KEY and IM_ADMIN"},
    {70051, account, "the account is on IM's blacklist: see the IM console"},
    {70052, resign, "the UserSig has been made invalid"},
    {70107, import_account, "the account is not imported in IM"},
    {70114, account, "IM restricts the account for security: see the IM console"},
    {70169, retry, kInternal},
    {70202, retry, kInternal},
    {70206, dead, "illegal number of accounts in one call"},
    {70398, account,
     "the app may have no more accounts (100 in the trial edition), so new customers get none: upgrade it in "
     "the IM console"},
    {70399, locked, "the account was deleted and may not be imported again for three months"},
    {70402, dead, "illegal parameter"},
    {70403, configuration, kNotAdmin},
    {70500, retry, kInternal},
    {71000, dead,
     "the app's edition does not allow to delete accounts: allow it in the IM console or set "
     "IM_ON_UNSUBSCRIBE=keep"},
    {72000, configuration,
     "the app has more active users than its edition allows: upgrade it in the IM console"},
    {72001, configuration, "the status feature is not switched on: do so in the IM console"},
    {80001, dead, "IM's moderation blocked the text"},
    {80002, split, kTooLong},
    {80003, retry,
     "the before-send callback of the app does not answer: check the callback URL in the IM console"},
    {80004, dead, "IM's moderation blocked the picture"},
    {90001, dead, kOurFault},
    {90002, dead, kOurFault},
    {90003, import_account, kNoAccount},
    {90004, dead, kOurFault},
    {90005, dead, kOurFault},
    {90006, dead, kOurFault},
    {90007, dead, kOurFault},
    {90008, import_account, kNoAccount},
    {90009, configuration, kNotAdmin},
    {90010, dead, kOurFault},
    {90011, split, "too many recipients in one call"},
    {90012, import_account, kNoAccount},
    {90018, split, "too many accounts in one call"},
    {90026, dead, kOurFault},
    {90031, dead, kOurFault},
    {90043, dead, kOurFault},
    {90044, dead, kOurFault},
    {90048, import_account, kNoAccount},
    {90054, dead, "illegal MsgKey"},
    {90055, split, kTooLong},
    {90992, retry,
     "IM had an internal error; when every call fails so, the app's callback URL does not answer properly"},
    {90994, retry, kInternal},
    {90995, retry, kInternal},
    {91000, retry, kInternal},
    {93000, split, kTooLong},
};
static_assert(std::is_sorted(std::begin(kTable), std::end(kTable),
                             [](const ErrorRow& a, const ErrorRow& b) { return a.code < b.code; }));

}  // namespace

std::span<const ErrorRow> error_table() {
  return kTable;
}

ErrorRow explain(std::int64_t code) {
  if (code >= 120001 && code <= 130000) return {code, dead, kOwnCallback};
  if (code >= 10100 && code <= 10200)
    return {code, dead, "the group callback of the app refused the message"};
  const auto* row =
      std::lower_bound(std::begin(kTable), std::end(kTable), code,
                       [](const ErrorRow& known, std::int64_t wanted) { return known.code < wanted; });
  if (row != std::end(kTable) && row->code == code) return *row;
  return {code, retry, "an error that IM's tables do not know"};
}

std::string_view name(ErrorClass error_class) {
  switch (error_class) {
    case ok:
      return "ok";
    case retry:
      return "retry";
    case throttle:
      return "throttle";
    case resign:
      return "resign";
    case import_account:
      return "import_account";
    case split:
      return "split";
    case configuration:
      return "configuration";
    case account:
      return "account";
    case locked:
      return "locked";
    case done:
      return "done";
    case dead:
      return "dead";
  }
  return "unknown";
}

}  // namespace kefu::im
