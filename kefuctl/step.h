// One step of one event as the tap tells it (contract §6): which to show, and how. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace kefu::ctl {

// One line without its newline.
std::string render_step(std::string_view step);

// The step with what its event says (the tap's third frame, kefu.v1.Event): "text" of messages, "scene" of
// follows, "source_id". The step as it is when the bytes are no event.
std::string with_content(std::string_view step, std::string_view event);

// Which steps to show; an empty field lets everything pass.
struct StepFilter {
  std::string queue;
  std::string step;
  std::string type;
  std::string customer;
  std::string error;  // a part of the error's text, in any case; a code is a part of it

  bool lets_pass(std::string_view step_json) const;
  // What to subscribe to, so that the rest need not travel: "", "relay.", "relay.done.",
  // "relay.done.<customer>".
  std::string topic() const;
};

// Counts what the tap left out because we did not keep up: gaps in the running number that fits what was
// subscribed to. Subscribed to one customer nobody knows.
class MissedSteps {
 public:
  explicit MissedSteps(const StepFilter& filter);
  // How many were missed before this step. A gateway that has restarted begins anew: nothing counts then.
  std::uint64_t before(std::string_view step_json);

 private:
  const char* number_;  // seq, queue_seq, step_seq, or none
  std::uint64_t last_ = 0;
};

}  // namespace kefu::ctl
