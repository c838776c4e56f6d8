// POST /imcallback: what Tencent IM calls back (contract §4). Thread-safe: constant after construction.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "gateway/submission.h"
#include "gateway/tally.h"
#include "lib/base/clock.h"
#include "lib/http/server.h"
#include "lib/im/callback.h"

namespace kefu {

struct ImWebhookOptions {
  std::string sdk_app_id;
  std::string token;  // empty: callbacks are taken unsigned (IM_CALLBACK_INSECURE)
  std::set<std::string> agents;
};

class ImWebhook {
 public:
  using Submit = std::function<Receipt(Submission)>;

  ImWebhook(ImWebhookOptions options, Submit submit, Tally& tally);

  http::Response callback(const http::Request& request, Timestamp wall_now) const;

 private:
  http::Response keep(const http::Request& request, const std::string& why) const;
  bool authentic(const http::Request& request, Timestamp wall_now) const;
  http::Response sent(const http::Request& request, const im::Callback& callback) const;
  http::Response withdrawn(const im::SentMessage& message) const;
  http::Response modified(const http::Request& request, const im::SentMessage& message) const;
  http::Response presence(const im::Presence& presence) const;
  http::Response submitted(Submission submission) const;
  http::Response counted(std::string_view why) const;  // there is nothing to do

  ImWebhookOptions options_;
  Submit submit_;
  Tally& tally_;
};

}  // namespace kefu
