// Both clouds as a test plays them, independent of the sandbox: every call is recorded, every answer can be
// scripted. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lib/http/server.h"

namespace kefu::test {

struct Call {
  std::string api;  // sendmsg, account_import, multiaccount_import, …, stable_token, custom_send, media_get,
                    // media_upload, typing; im_media: a file that an agent has sent
  std::map<std::string, std::string> query;
  std::string raw;
  nlohmann::json body;

  std::string text(const std::string& name) const { return body.at(name).get<std::string>(); }
};

// Of a sendmsg and a custom_send.
inline std::string text_of(const Call& call) {
  return call.api == "sendmsg" ? call.body.at("MsgBody").at(0).at("MsgContent").at("Text").get<std::string>()
                               : call.body.at("text").at("content").get<std::string>();
}

class Clouds {
 public:
  Clouds();
  ~Clouds();

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  // The next calls of `api` get these answers, in order; afterwards all is well again.
  void answer_next(const std::string& api, const http::Response& response);
  void fail_next(const std::string& api, std::int64_t code);  // with the code in the form of that cloud
  // Calls of `api` do not return until release().
  void hold(const std::string& api);
  void release();

  std::vector<Call> calls(const std::string& api) const;
  std::size_t count(const std::string& api) const { return calls(api).size(); }
  void wait_for(const std::string& api, std::size_t count) const;  // fails the test when they do not come

 private:
  http::Response serve(const std::string& api, const http::Request& request);
  static http::Response good_answer(const std::string& api, std::size_t number);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Call> calls_;
  std::map<std::string, std::deque<http::Response>> scripted_;
  std::string held_;
  int port_ = 0;
  std::unique_ptr<http::Server> server_;
};

}  // namespace kefu::test
