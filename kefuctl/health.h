// Asks a program's ops page whether it is well (contract §3, KEFU_OPS_LISTEN): what containers and start
// scripts wait for.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace kefu::ctl {

struct Health {
  enum class Kind { well, unwell, bad_address };
  Kind kind = Kind::unwell;
  std::string says;  // the page's answer, or why there is none; as it came
  std::string url{};
  int status = 0;  // of HTTP; 0: no answer
};

// `url` is http://host:port[/path]; without a path it is /readyz. "host:port" is taken too. Well: status 200.
Health ask_health(const std::string& url, std::chrono::milliseconds limit);
// {"ok":…,"pages":[{"url":…,"ok":…,"status":503,"says":"…"}]}; "ok" when all are well.
std::string health_as_json(const std::vector<Health>& pages);

}  // namespace kefu::ctl
