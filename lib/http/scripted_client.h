// For tests of what calls clouds: a Client that plays answers in order and keeps what was asked.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <deque>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/clock.h"
#include "lib/http/client.h"

namespace kefu::http {

class ScriptedClient : public Client {
 public:
  struct Sent {
    std::string target;
    std::string body;
    std::chrono::milliseconds deadline;
  };

  explicit ScriptedClient(std::string content_type) : content_type_(std::move(content_type)) {}

  CallResult post(const std::string& target, const std::string& body, const std::string& content_type,
                  std::chrono::milliseconds deadline) override {
    CHECK(content_type == content_type_);
    sent.push_back({target, body, deadline});
    now = now + takes;
    if (play) return play(target, body);
    return next();
  }
  CallResult get(const std::string&, std::chrono::milliseconds) override { return {}; }

  CallResult download(const std::string& target, const Sink& sink,
                      std::chrono::milliseconds deadline) override {
    sent.push_back({target, "", deadline});
    now = now + takes;
    return play_download ? play_download(target, sink) : unscripted();
  }

  // The body that is kept is "field filename content-type bytes".
  CallResult upload(const std::string& target, const FilePart& file,
                    std::chrono::milliseconds deadline) override {
    std::ifstream bytes(file.path, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(bytes), {}};
    sent.push_back(
        {target, file.field + " " + file.filename + " " + file.content_type + " " + content, deadline});
    now = now + takes;
    if (play) return play(target, sent.back().body);
    return next();
  }

  static CallResult answer(int status, std::string body) {
    return {CallResult::Kind::answered, status, std::move(body), ""};
  }

  std::deque<CallResult> script;
  std::function<CallResult(const std::string& target, const std::string& body)> play;  // instead, when set
  std::function<CallResult(const std::string& target, const Sink& sink)> play_download;
  std::vector<Sent> sent;
  Timestamp now{1735689600000};         // the test's clock
  std::chrono::milliseconds takes{10};  // each call, on that clock

 private:
  static CallResult unscripted() {
    return {CallResult::Kind::not_sent, 0, "", "the script has no answer for this call"};
  }
  CallResult next() {
    if (script.empty()) return unscripted();
    auto result = script.front();
    script.pop_front();
    return result;
  }

  std::string content_type_;
};

}  // namespace kefu::http
