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
#include "sandbox/push_wire.h"

namespace kefu::sandbox {

// One bubble on the customer's phone. welcome: the answer to following; reply: the answer to a message, both
// passive; message: sent by the customer-service API; fault: WeChat's own words when the server fails.
struct Seen {
  enum class Kind { own, welcome, reply, message, fault };
  Timestamp at;
  Kind kind = Kind::own;
  std::string text;
};
std::string_view name(Seen::Kind kind);

// How many customer-service messages the customer may still be sent, and until when. The latest occasion
// counts: a message opens 5 for 48 hours, following opens 3 for a minute (reference: §6.4).
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
  Result<Push> follow(const OpenId& id, Timestamp now);
  Result<Push> unfollow(const OpenId& id, Timestamp now);
  Result<Push> say(const OpenId& id, std::string_view text, Timestamp now);

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
  // `code` with WeChat's text and a rid, for errors that are made on purpose too.
  CloudAnswer failure(std::int64_t code, std::string_view why);

  void revoke_tokens() { tokens_.revoke_all(); }

 private:
  Customer* existing(const OpenId& id);
  std::int64_t next_create_time(Customer& customer, Timestamp now);
  void show(Customer& customer, Seen::Kind kind, std::string text, Timestamp now);
  std::int64_t token_problem(std::string_view access_token, Timestamp now) const;
  std::int64_t credential_problem(std::string_view app_id, std::string_view secret) const;
  std::int64_t send_problem(const nlohmann::json& message, std::string_view raw, Timestamp now) const;
  CloudAnswer token_answer(const AccessTokens::Given& given);

  WeChatAccount account_;
  std::function<std::uint64_t()> chance_;
  AccessTokens tokens_;
  std::map<OpenId, Customer> customers_;
  std::uint64_t next_msg_id_;
};

}  // namespace kefu::sandbox
