// The services as a user runs them, against clouds that the test plays, and the two sides that talk to them.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lib/http/client.h"
#include "tests/process/clouds.h"
#include "tests/process/process.h"

namespace kefu::test {

// Obeys tests/process/faults.h.
inline constexpr const char* kFaultyGateway = KEFU_BIN_DIR "/../tests/kefu-gateway-faulty";

struct Answer {
  int status = 0;  // 0: none came
  std::string body;
};

class Stack {
 public:
  // Nothing runs yet. `more` overrides or adds settings of all programs.
  explicit Stack(Environment more = {});

  Clouds clouds;

  // Before anything starts: the programs share a folder for media, and the gateway serves it.
  void with_media();
  void start_gateway();
  void start_relay();
  void start_notifier();
  void start_all();  // one of each, ready
  void await_workers(const std::string& queue, std::size_t count);

  std::string gateway_program = "kefu-gateway";
  Environment gateway_settings;  // for the gateway alone
  std::unique_ptr<Process> gateway;
  std::vector<std::unique_ptr<Process>> relays;
  std::unique_ptr<Process> notifier;

  // --- WeChat's side: authentic unless said otherwise ---
  Answer push(const std::string& body, const std::string& query = "");  // query replaces the authentic one
  Answer event(const std::string& customer, const std::string& name);   // of WeChat: CLICK, SCAN, …
  Answer follow(const std::string& customer);
  Answer unfollow(const std::string& customer);
  Answer say(const std::string& customer, const std::string& text);  // a new MsgId each time
  // `fields`: the XML that this type has besides the common one.
  Answer send(const std::string& customer, const std::string& type, const std::string& fields);
  std::string text_body(const std::string& customer, const std::string& text);
  std::string signed_query() const;

  // --- IM's side ---
  Answer reply(const std::string& customer, const std::string& text, const std::string& agent = "agent1");
  Answer callback(const std::string& body, const std::string& query = "");
  std::string callback_query(const std::string& platform = "Windows") const;
  std::string reply_body(const std::string& customer, const std::string& text,
                         const std::string& agent = "agent1");

  // --- operator's side ---
  nlohmann::json ask(const nlohmann::json& question);
  nlohmann::json queue(const std::string& name);
  Answer ops(const std::string& target);  // of the gateway
  Environment environment(const std::string& program, int ops_port) const;
  const std::string& data_folder() const { return folder_.path(); }
  int http_port() const { return http_port_; }
  int queue_port() const { return queue_port_; }
  int tap_port() const { return tap_port_; }
  int admin_port() const { return admin_port_; }

 private:
  Answer call(int port, const std::string& target, const std::optional<std::string>& body,
              const std::string& type);

  Folder folder_;
  Environment more_;
  int http_port_ = free_port();
  int ops_port_ = free_port();
  int queue_port_ = free_port();
  int tap_port_ = free_port();
  int admin_port_ = free_port();
  std::atomic<int> pushes_{0};
};

}  // namespace kefu::test
