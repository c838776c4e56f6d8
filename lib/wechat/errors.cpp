#include "lib/wechat/errors.h"

#include <algorithm>
#include <iterator>

namespace kefu::wechat {
namespace {

using enum ErrorClass;

// Sorted by code. reference: WeChat §5 (token), §6.6 (customer-service messages), §6.7.
constexpr ErrorRow kTable[] = {
    {-1, unknown_outcome,
     "WeChat is busy, or gave up waiting for another part of itself: the call may have acted"},
    {0, ok, "ok"},
    {40001, refresh_token,
     "the access token is not valid; when asking for a token: WECHAT_APP_SECRET is wrong"},
    {40002, configuration, "wrong grant_type: a fault of this program, please report it"},
    {40003, dead,
     "no openid of a follower of this account: check that WECHAT_APP_ID is the account the customer wrote "
     "to"},
    {40004, dead, "wrong kind of media"},
    {40005, dead, "wrong kind of file"},
    {40006, dead, "wrong size of file"},
    {40007, dead, "the media id is wrong or older than three days: upload again"},
    {40008, dead, "wrong message type"},
    {40009, dead, "the picture is too large"},
    {40010, dead, "the voice recording is too large"},
    {40011, dead, "the video is too large"},
    {40012, dead, "the thumbnail is too large"},
    {40013, configuration, "WECHAT_APP_ID is wrong"},
    {40014, refresh_token, "the access token is malformed"},
    {40033, dead, "WeChat refuses the characters of the text"},
    {40035, dead, "illegal parameter"},
    {40037, dead, "wrong template id"},
    {40113, dead, "WeChat does not take such a file: its name, its type and its bytes must agree"},
    {40125, configuration,
     "WECHAT_APP_SECRET is wrong: copy it from the console again, it may have been reset"},
    {40164, configuration,
     "this server's IP address is not in the account's allow-list: add it in the console (IP whitelist)"},
    {40200, dead, "this kind of account cannot send such a message"},
    {40243, configuration, "the app secret is frozen: thaw it in the console"},
    {41001, configuration, "the call had no access token: a fault of this program, please report it"},
    {41002, configuration, "the call had no app id: set WECHAT_APP_ID"},
    {41004, configuration, "the call had no secret: set WECHAT_APP_SECRET"},
    {41005, dead, "WeChat saw no file in the upload: a fault of this program or of what stands before it"},
    {42001, refresh_token, "the access token has expired"},
    {43002, configuration, "the call must be a POST: check WECHAT_API and what stands between it and us"},
    {43003, configuration, "the call must use https: check WECHAT_API"},
    {43004, dead, "the customer does not follow the account"},
    {43019, dead, "the customer is on the account's blacklist: take them off it in the console"},
    {44001, dead, "the media file is empty"},
    {44002, dead, "the request is empty"},
    {44003, dead, "the article is empty"},
    {44004, dead, "the text is empty"},
    {45001, dead, "the media file is too large"},
    {45002, dead, "the text is too long"},
    {45003, dead, "the title is too long"},
    {45004, dead, "the description is too long"},
    {45005, dead, "the link is too long"},
    {45006, dead, "the picture's link is too long"},
    {45007, dead, "the voice recording is too long"},
    {45008, dead, "too many articles"},
    {45009, throttle,
     "the account's daily quota of calls is used up: wait for the next day or clear the quota"},
    {45011, throttle, "too many calls in this minute"},
    {45015, wait_for_customer,
     "the customer wrote more than 48 hours ago or no longer follows: only their next message reopens it"},
    {45035, configuration, "this server's IP address may not call WeChat: allow it in the console"},
    {45047, wait_for_customer,
     "the customer has got all the replies that one message of theirs allows: only their next message "
     "reopens it"},
    {45072, dead, "wrong command of the typing notice"},
    {45080, dead, "typing notice without a message in the last 30 seconds; harmless"},
    {45081, dead, "typing notice repeated; harmless"},
    {45082, dead, "typing notice refused; harmless"},
    {45098, dead, "too many items in the menu message"},
    {45162, dead, "fields of another message type"},
    {46004, dead, "no such user"},
    {47001, dead, "WeChat cannot read the JSON: a fault of this program, please report it"},
    {48001, configuration,
     "the account may not use the customer-service API: it needs to be certified; personal subscription "
     "accounts never can"},
    {48002, dead, "the customer refuses messages of the account"},
    {48004, configuration, "the account is banned from this API: see the notices in the console"},
    {48006, throttle, "the monthly number of quota resets is used up"},
    {48008, dead, "no permission for this kind of message"},
    {48017, configuration,
     "this server's IP address may no longer call WeChat: see the notices in the console"},
    {50001, configuration, "the account is not authorised for this API: see the permissions in the console"},
    {50002, configuration, "the account is restricted: see the notices in the console"},
    {50005, dead, "the customer does not follow the account"},
    {61004, configuration, "this server's IP address is not permitted: allow it in the console"},
    {61007, configuration,
     "the account has not authorised this API to the platform: see its authorisations in the console"},
    {61450, retry, "system error of WeChat's customer service"},
    {61451, dead, "bad parameter"},
    {61452, dead, "bad customer-service account"},
    {61453, dead, "the customer-service account exists already"},
    {61454, dead, "the name of the customer-service account is longer than 10 characters"},
    {61455, dead, "illegal characters in the name of the customer-service account"},
    {61456, dead, "too many customer-service accounts"},
    {61457, dead, "bad head image of the customer-service account"},
    {61500, dead, "wrong date format"},
    {61501, dead, "wrong date range"},
    {65400, configuration,
     "WeChat's customer-service feature is not switched on for this account: do so in the console"},
    {65401, dead, "no such customer-service account"},
    {65402, dead, "the customer-service account is not bound to a WeChat id"},
    {65415, dead, "the customer-service worker is offline"},
    {89501, configuration, "this server's IP address waits to be confirmed by the account's administrator"},
    {89503, configuration,
     "this server's IP address needs the confirmation of the account's administrator: confirm in WeChat"},
    {89506, configuration,
     "the administrator has refused this server's IP address twice: refused for 24 hours"},
    {89507, configuration, "the administrator has refused this server's IP address: refused for 1 hour"},
    {9001002, retry, "WeChat's remote service failed"},
};
static_assert(std::is_sorted(std::begin(kTable), std::end(kTable),
                             [](const ErrorRow& a, const ErrorRow& b) { return a.code < b.code; }));

}  // namespace

std::span<const ErrorRow> error_table() {
  return kTable;
}

ErrorRow explain(std::int64_t code) {
  const auto* row =
      std::lower_bound(std::begin(kTable), std::end(kTable), code,
                       [](const ErrorRow& known, std::int64_t wanted) { return known.code < wanted; });
  if (row != std::end(kTable) && row->code == code) return *row;
  return {
      code, dead,
      "an error that WeChat does not document for this call; its message names a rid to ask WeChat about"};
}

std::string_view name(ErrorClass error_class) {
  switch (error_class) {
    case ok:
      return "ok";
    case retry:
      return "retry";
    case unknown_outcome:
      return "unknown_outcome";
    case throttle:
      return "throttle";
    case refresh_token:
      return "refresh_token";
    case wait_for_customer:
      return "wait_for_customer";
    case configuration:
      return "configuration";
    case dead:
      return "dead";
  }
  return "unknown";
}

}  // namespace kefu::wechat
