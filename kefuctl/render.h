// The gateway's JSON answers as tables and lines for people (contract §6 and §7). Pure. What an answer leaves
// out shows as "-"; what is no JSON at all is returned as it is.
#pragma once

#include <string>
#include <string_view>

namespace kefu::ctl {

std::string render_queues(std::string_view answer);
std::string render_events(std::string_view answer);  // of "list"
std::string render_pretty(std::string_view answer);  // of "show": indented JSON
std::string render_count(std::string_view answer, std::string_view what_happened);  // "3 events replayed"

// One step of one event from the tap, as one line without its newline.
std::string render_step(std::string_view step);

// Which steps to show; an empty field lets everything pass.
struct StepFilter {
  std::string queue;
  std::string step;
  std::string customer;

  bool lets_pass(std::string_view step_json) const;
  // What to subscribe to, so that the rest need not travel: "", "relay.", "relay.done.",
  // "relay.done.<customer>".
  std::string topic() const;
};

}  // namespace kefu::ctl
