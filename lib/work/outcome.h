// What became of one delivery (DESIGN §2). Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kefu/v1/work.pb.h"

namespace kefu::work {

// The reason is for people and never holds a secret.
struct Outcome {
  v1::Outcome kind = v1::OUTCOME_RETRY;
  std::string reason{};
  int code = 0;                                   // the cloud's; 0: none
  v1::Failure failure = v1::FAILURE_UNSPECIFIED;  // why it is not done
  bool unsure = false;                            // the call may have acted
  std::chrono::milliseconds after{0};             // unavailable: not before; 0: by the gateway's schedule
  std::uint32_t progress = 0;                     // parts delivered so far, with those of earlier attempts
  v1::AccountChange::Kind account =
      v1::AccountChange::KIND_UNSPECIFIED;  // what was learnt of delivery.im_user()
  std::vector<v1::FoundMessage> found{};    // by a sweep, oldest first
  std::vector<v1::AgentStatus> presence{};  // by a presence query
  std::string left_out{};                   // what of an agent's message WeChat does not take, for the agent
};

inline Outcome done() {
  Outcome outcome;
  outcome.kind = v1::OUTCOME_DONE;
  return outcome;
}

inline Outcome failed(v1::Outcome kind, v1::Failure failure, std::string reason,
                      std::chrono::milliseconds after = {}) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.reason = std::move(reason);
  outcome.failure = failure;
  outcome.after = after;
  return outcome;
}

}  // namespace kefu::work
