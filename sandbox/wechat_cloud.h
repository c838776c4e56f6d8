// WeChat as a customer and a server see it: followers, windows, tokens, the customer-service API (reference:
// WeChat §5, §6). Pure: time and chance are passed in. Used under one lock.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/ids.h"
#include "lib/base/result.h"
#include "sandbox/access_tokens.h"
#include "sandbox/cloud_answer.h"
#include "sandbox/media_shelf.h"
#include "sandbox/push_wire.h"
#include "sandbox/wechat_messages.h"

namespace kefu::sandbox {

// One bubble on the customer's phone. welcome: the answer to following; reply: the answer to a message, both
// passive; message: sent by the customer-service API; fault: WeChat's own words when the server fails.
struct Seen {
  enum class Kind { own, welcome, reply, message, fault };
  Timestamp at;
  Kind kind = Kind::own;
  std::string text;
  std::string type = "text";  // Shown has what these are
  std::string content{};
};
std::string_view name(Seen::Kind kind);

// How many customer-service messages the customer may still be sent, and until when. The latest occasion
// counts: a message opens 5 for 48 hours, following opens 3 for a minute; so does a tap on the menu or a
// scan, unless what is open lasts longer (reference: §6.4).
struct Window {
  int left = 0;
  Timestamp until{};
  bool opened = false;
  bool open(Timestamp now) const { return opened && left > 0 && now < until; }
};

struct Customer {
  OpenId id;
  std::size_t number = 0;  // 1, 2, … in the order of coming
  std::string nick;
  bool following = false;
  Window window;
  std::deque<Seen> seen;      // the last 2000
  Timestamp last_exchange{};  // message of either side
  Timestamp typing_until{};
  std::int64_t last_created_s = 0;  // CreateTime of the last push
};

class WeChatCloud {
 public:
  static constexpr std::string_view kFaultText = "该公众号提供的服务出现故障，请稍后再试";

  WeChatCloud(WeChatAccount account, std::function<std::uint64_t()> chance);

  const WeChatAccount& account() const { return account_; }
  const std::map<OpenId, Customer>& customers() const { return customers_; }
  const Customer* find(const OpenId& id) const;

  // An existing customer is returned as it is; an empty id makes a new one. The error: not an openid.
  Result<OpenId> make_customer(std::string_view id, std::string_view nick);

  // What the customer does. The push is to be delivered; the error says why one cannot do that.
  Result<Push> follow(const OpenId& id, Timestamp now, std::string_view scene = "");
  Result<Push> unfollow(const OpenId& id, Timestamp now);
  Result<Push> say(const OpenId& id, std::string_view text, Timestamp now);
  // compose_message() and compose_event() say what `request` may hold.
  Result<Push> send(const OpenId& id, const nlohmann::json& request, Timestamp now);
  Result<Push> event(const OpenId& id, const nlohmann::json& request, Timestamp now);

  // False: the answer is not legal. Shows the reply, if there is one and the customer still follows.
  bool take_answer(const Push& push, int status, std::string_view body, Timestamp now);
  // No delivery was answered: the customer sees the fault text.
  void give_up(const Push& push, Timestamp now);

  // The APIs. `access_token` is the query's.
  CloudAnswer stable_token(std::string_view body, Timestamp now);
  CloudAnswer plain_token(std::string_view grant_type, std::string_view app_id, std::string_view secret,
                          Timestamp now);
  CloudAnswer custom_send(std::string_view access_token, std::string_view body, Timestamp now);
  CloudAnswer typing(std::string_view access_token, std::string_view body, Timestamp now);
  // `body`: multipart/form-data as `content_type` says.
  CloudAnswer media_upload(std::string_view access_token, std::string_view type,
                           std::string_view content_type, std::string_view body, Timestamp now);
  CloudAnswer media_get(std::string_view access_token, std::string_view media_id, Timestamp now);
  CloudAnswer own_addresses(std::string_view access_token, Timestamp now);
  // `code` with WeChat's text and a rid, for errors that are made on purpose too.
  CloudAnswer failure(std::int64_t code, std::string_view why);

  void revoke_tokens() { tokens_.revoke_all(); }
  const Shelf& media() const { return media_; }

 private:
  Customer* existing(const OpenId& id);
  std::int64_t next_create_time(Customer& customer, Timestamp now);
  void show(Customer& customer, Seen::Kind kind, Shown shown, Timestamp now);
  void grant(Customer& customer, Grant grant, Timestamp now) const;
  Push push_of(Customer& customer, const Composed& composed, Timestamp now);
  MediaRoom room(Timestamp now) { return {media_, account_.public_url, now}; }
  std::int64_t token_problem(std::string_view access_token, Timestamp now) const;
  std::int64_t credential_problem(std::string_view app_id, std::string_view secret) const;
  std::int64_t receiver_problem(const Customer& customer, Timestamp now) const;
  CloudAnswer token_answer(const AccessTokens::Given& given);

  WeChatAccount account_;
  std::function<std::uint64_t()> chance_;
  AccessTokens tokens_;
  std::map<OpenId, Customer> customers_;
  Shelf media_;
  std::uint64_t next_msg_id_;
};

}  // namespace kefu::sandbox
