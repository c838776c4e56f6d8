// Asks a program's ops page whether it is well (contract §3, KEFU_OPS_LISTEN): what containers and start
// scripts wait for.
#pragma once

#include <chrono>
#include <string>

namespace kefu::ctl {

struct Health {
  enum class Kind { well, unwell, bad_address };
  Kind kind = Kind::unwell;
  std::string says;  // the page's answer, or why there is none
};

// `url` is http://host:port[/path]; without a path it is /readyz. "host:port" is taken too. Well: status 200.
Health ask_health(const std::string& url, std::chrono::milliseconds limit);

}  // namespace kefu::ctl
