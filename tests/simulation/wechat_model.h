// WeChat as its rules say (reference: WeChat §5, §6): tokens, the reply window, no de-duplication. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/clock.h"

namespace kefu::simulation {

class WechatModel {
 public:
  struct Answer {
    std::int64_t code = 0;
    std::string body;
    std::optional<std::string> shown{};  // the text the customer sees
  };

  // What customers do.
  void wrote(const std::string& openid, Timestamp now);
  void followed(const std::string& openid, Timestamp now);
  void left(const std::string& openid);
  bool follows(const std::string& openid) const;

  // `target` as the notifier calls it, with its query.
  Answer call(const std::string& target, const std::string& body, Timestamp now);
  // The present token dies.
  void revoke() { token_until_ = {}; }
  static std::string error(std::int64_t code, std::string_view text);

 private:
  struct Customer {
    bool follows = false;
    Timestamp window_until{};
    int replies_left = 0;
  };

  Answer give_token(const std::string& body, Timestamp now);
  Answer send(const std::string& target, const std::string& body, Timestamp now);
  void new_token(Timestamp now);

  std::map<std::string, Customer> customers_;
  std::uint64_t tokens_given_ = 0;
  std::string token_;
  Timestamp token_until_{};
};

}  // namespace kefu::simulation
