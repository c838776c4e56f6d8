// POST /imcallback: what Tencent IM calls back (contract §4). Thread-safe: constant after construction.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/submission.h"
#include "gateway/tally.h"
#include "gateway/web/im_intake.h"
#include "lib/base/clock.h"
#include "lib/http/server.h"
#include "lib/im/callback.h"

namespace kefu {

class ImWebhook {
 public:
  // Tells the receipt once, on any thread.
  using Submit = std::function<void(Submission, std::function<void(Receipt)>)>;

  ImWebhook(ImWebhookOptions options, Submit submit, Tally& tally);

  // Of a callback whose body has not come: everything that is signed stands in the query.
  http::EarlyVerdict check_early(const http::Request& head, Timestamp wall_now) const;
  // Answers at once, or when what the callback says is stored, however late that is: IM repeats no callback,
  // so one that was handed in is never refused for its age. REQUIRES: this outlives the answer, when a
  // receipt is told.
  void callback(const http::Request& request, Timestamp wall_now, http::Answer answer) const;
  // When no receipt came within limits::kCallbackDeadline. What was handed in may still be stored.
  http::Response late() const;

 private:
  // What a callback comes to.
  struct Outcome {
    http::Response answer;                   // at once, or when `submission` is stored
    std::optional<Submission> submission{};  // none: there is nothing to store
    bool not_understood = false;             // all or part of it is stored for inspection only
  };

  Outcome outcome_of(const http::Request& request, Timestamp wall_now) const;
  // What a callback of others is answered.
  std::optional<http::Response> refusal(const http::Request& request, Timestamp wall_now) const;
  bool authentic(const http::Request& request, Timestamp wall_now) const;
  Outcome sent(const http::Request& request, const im::Callback& callback) const;
  Outcome withdrawn(const im::SentMessage& message) const;
  Outcome modified(const http::Request& request, const im::SentMessage& message) const;
  Outcome presence(const im::Presence& presence) const;
  Outcome counted(std::string_view why) const;  // there is nothing to do
  static Outcome to_keep(const http::Request& request, const std::string& why, QuarantineClass kind);

  ImWebhookOptions options_;
  Submit submit_;
  Tally& tally_;
};

}  // namespace kefu
