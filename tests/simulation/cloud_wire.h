// A worker's http::Client into the modelled clouds: what the weather does to a call happens here. A handler
// runs at one instant of the world; the time its calls take passes on a clock of its own.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "kefu/v1/work.pb.h"
#include "lib/http/client.h"
#include "tests/simulation/im_model.h"
#include "tests/simulation/parts.h"
#include "tests/simulation/weather.h"
#include "tests/simulation/wechat_model.h"

namespace kefu::simulation {

struct Clouds {
  ImModel im;
  WechatModel wechat;
  Weather im_weather;
  Weather wechat_weather;
};

// Thrown out of a call: the process is killed in the middle of it. No std::exception on purpose: nobody may
// catch it.
struct WorkerKilled {};

class CloudWire : public http::Client {
 public:
  CloudWire(Parts& parts, Clouds& clouds) : parts_(parts), clouds_(clouds) {}

  // Around a run of the handler. `dies_in_call`: counted from 1.
  void begin(std::span<const v1::Delivery> deliveries, Timestamp now, std::optional<int> dies_in_call);
  // On the worker's clock.
  Timestamp now() const { return began_ + taken_; }

  http::CallResult post(const std::string& target, const std::string& body, const std::string& content_type,
                        std::chrono::milliseconds deadline) override;
  http::CallResult get(const std::string&, std::chrono::milliseconds) override { return {}; }
  http::CallResult download(const std::string&, const http::Sink&, std::chrono::milliseconds) override {
    return {};
  }
  http::CallResult upload(const std::string&, const http::FilePart&, std::chrono::milliseconds) override {
    return {};
  }

 private:
  struct Answer {
    int status = 200;
    std::string body;
  };

  Answer act(const std::string& target, const std::string& body, bool sure);
  Answer act_im(const std::string& target, const std::string& body, bool sure);
  Answer act_wechat(const std::string& target, const std::string& body, bool sure);
  void act_later(const std::string& target, const std::string& body);
  Answer refused(Fault fault, bool is_im);
  const v1::Delivery& delivery_of(const std::string& text) const;

  Parts& parts_;
  Clouds& clouds_;
  std::vector<v1::Delivery> deliveries_;
  Timestamp began_{};
  Millis taken_{0};
  std::optional<int> dies_in_call_;
  int calls_ = 0;
};

}  // namespace kefu::simulation
