// The live view of the queues: what is told between two answers of the gateway, as text that fits a screen.
// Pure: time is passed in.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace kefu::ctl {

struct Screen {
  std::size_t columns = 0;  // 0: as many as it takes
  std::size_t lines = 0;    // 0: as many as it takes
};

class Top {
 public:
  explicit Top(std::string connect) : connect_(std::move(connect)) {}

  // The answer to {"cmd":"queues"}, got at `now_ms` (any steady clock).
  void take_queues(std::string_view answer, std::int64_t now_ms);
  // There is none; what was seen last stays in sight with the reason above it.
  void take_trouble(std::string_view why) { trouble_ = why; }
  // Of the tap: the newest failures are shown.
  void take_step(std::string_view step);

  // Lines that fit, each without its newline.
  std::vector<std::string> frame(const Screen& screen, std::int64_t unix_ms) const;
  // {"at":…,"queues":[… and "accepted_per_s", "done_per_s"]}
  std::string as_json(std::int64_t unix_ms) const;

 private:
  struct Counted {
    std::int64_t done = 0;
    std::int64_t accepted = 0;  // less what was dropped: what came in is what went out and what is there
    std::int64_t at_ms = 0;
  };
  struct Rates {
    double accepted = 0;
    double done = 0;
    bool known = false;  // not with the first answer
  };

  std::string queue_table(const nlohmann::json& answer, std::size_t screen_columns) const;

  std::string connect_;
  std::string answer_;
  std::string trouble_;
  std::map<std::string, Counted> counted_;
  std::map<std::string, Rates> rates_;
  std::deque<std::string> failures_;  // the newest first
};

}  // namespace kefu::ctl
