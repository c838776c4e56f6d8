// Both clouds together, with what surrounds them: one lock, the sandbox's own clock, the record of calls, the
// feed of changes, and the deliveries to the gateway. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/http/client.h"
#include "sandbox/faults.h"
#include "sandbox/feed.h"
#include "sandbox/im_cloud.h"
#include "sandbox/lanes.h"
#include "sandbox/rate_limits.h"
#include "sandbox/wechat_cloud.h"

namespace kefu::sandbox {

// How a delivery to the gateway ended.
struct Delivered {
  int status = 0;      // of the last answer; 0: none
  std::string answer;  // its body, or why there was none
  int attempts = 0;
};

// Something that was set going; the outcome comes when the gateway has answered or has been given up.
using Delivery = std::shared_future<Delivered>;

// One API call that a cloud has received.
struct Call {
  std::uint64_t number = 0;
  Timestamp at;
  std::string cloud;  // "im", "wechat"
  std::string api;    // "sendmsg", "custom_send", …
  std::string summary;
  std::string body;  // the first 4 KiB; of token calls nothing
  std::int64_t code = 0;
  int status = 200;  // 0: no answer was given
  bool acted = false;
  std::string fault;  // the mode, when one was ordered
};

// The switches of the IM console, and how many of the next callbacks get lost on their way.
struct CallbackSwitches {
  bool before = false;
  bool after = true;
  bool withdraw = true;
  bool modify = true;
  bool read = true;
  bool state = true;
  int lose = 0;
};

struct SandboxOptions {
  WeChatAccount wechat;
  ImApp im;
  std::string gateway_url;
  std::string locale = "zh-CN";
};

class Sandbox {
 public:
  static Result<std::unique_ptr<Sandbox>> make(SandboxOptions options);
  ~Sandbox();

  // The sandbox's own time: windows, token lifetimes, repeats. advance() moves it ahead of the wall clock.
  Timestamp now() const;
  void advance(Millis by);

  Faults& faults() { return faults_; }
  RateLimits& limits() { return limits_; }
  Feed& feed() { return feed_; }

  // As the customer.
  Result<OpenId> make_customer(std::string_view id, std::string_view nick);
  Result<Delivery> follow(const OpenId& id, std::string_view scene = "");
  Result<Delivery> unfollow(const OpenId& id);
  Result<Delivery> say(const OpenId& id, std::string_view text);
  Result<Delivery> send(const OpenId& id, const nlohmann::json& request);
  Result<Delivery> event(const OpenId& id, const nlohmann::json& request);
  // As the agent. `customer`: an openid or an IM account; an empty agent: the one who talked to the customer
  // last.
  Result<Delivery> reply(std::string agent, const std::string& customer, std::string_view text);
  // `msg_key` receives the message's.
  Result<Delivery> agent_send(std::string agent, const std::string& customer, const nlohmann::json& elements,
                              std::string& msg_key);
  Result<Delivery> typing(std::string agent, const std::string& customer, bool stopped = false);
  Result<Delivery> recall(std::string agent, const std::string& customer, const std::string& msg_key);
  Result<Delivery> edit(std::string agent, const std::string& customer, const std::string& msg_key,
                        const nlohmann::json& elements);
  Result<Delivery> read_all(std::string agent, const std::string& customer);
  Result<Delivery> presence(const std::string& agent, bool online, bool lost);
  CallbackSwitches callbacks() const;
  void set_callbacks(const CallbackSwitches& switches);
  // As anybody: a request to the gateway, once, at once.
  http::CallResult knock(const std::string& target, const std::string& body, const std::string& content_type,
                         bool get);
  WirePush sign(const OpenId& customer, std::string_view xml) const;
  std::string push_xml(const OpenId& customer, std::string_view text, std::string_view msg_id) const;

  // As the services: one API call.
  CloudAnswer wechat_api(std::string_view api,
                         const std::function<CloudAnswer(WeChatCloud&, Timestamp)>& act);
  CloudAnswer im_api(std::string_view command, const ImQuery& query, std::string_view body);
  CloudAnswer failure(std::string_view cloud, std::int64_t code);
  void record(Call call);

  void revoke_tokens();
  void set_paid_edition(bool paid);
  void reset();  // everybody and everything is forgotten
  void stop();   // deliveries under way end soon, watchers are sent home

  // For the page and for tests; JSON as docs/sandbox.md has it.
  nlohmann::json state() const;
  nlohmann::json customers() const;
  std::optional<nlohmann::json> customer(const OpenId& id) const;
  std::optional<nlohmann::json> agent(const std::string& id) const;
  nlohmann::json calls(std::uint64_t since) const;
  // A file of either cloud, by the path of its address.
  struct Served {
    std::string content_type;
    std::shared_ptr<const std::string> bytes;
  };
  std::optional<Served> file_at(std::string_view path) const;

 private:
  Sandbox(SandboxOptions options, std::unique_ptr<http::Client> gateway);

  Delivery deliver(Push push);
  Delivered push_until_answered(const Push& push);
  Delivery deliver(ImCallback callback);
  Delivery deliver_checked(ImMessage message);
  Delivered call_back(const ImCallback& callback);
  Delivered send_as_allowed(ImMessage message);
  void show_message(const ImMessage& message, std::string_view what);
  void publish_seen(const Customer& customer);
  std::string im_account_of(const std::string& customer) const;
  std::string agent_of(const std::string& customer) const;
  void publish(const nlohmann::json& event);
  void publish_customer(const OpenId& id);
  void publish_hop(std::string_view leg, const std::string& customer, bool good, std::string_view what,
                   Millis took);

  const SandboxOptions options_;
  const std::unique_ptr<http::Client> gateway_;
  const std::string boot_;
  std::atomic<std::int64_t> ahead_ms_ = 0;
  std::atomic<bool> stopping_ = false;
  Faults faults_;
  RateLimits limits_;
  Feed feed_;

  mutable std::mutex mutex_;  // guards all below
  WeChatCloud wechat_;
  ImCloud im_;
  CallbackSwitches callbacks_;
  std::deque<Call> calls_;
  std::uint64_t last_call_ = 0;

  Lanes lanes_;  // last: its threads use everything above
};

}  // namespace kefu::sandbox
