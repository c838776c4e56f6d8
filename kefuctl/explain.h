// What the queue does with an error of either cloud, from the very tables that relay and notifier decide by
// (lib/im/errors.h, lib/wechat/errors.h). Pure; needs no gateway.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace kefu::ctl {

struct Explanation {
  std::string_view cloud;            // "im", "wechat", or "any" for what no cloud says itself
  std::optional<std::int64_t> code;  // none: a failure without a code
  std::string_view error_class;      // as in the tables: retry, throttle, configuration, ...
  std::string_view meaning;
  std::string_view rule;    // what the queue does
  std::string_view advice;  // what a person can do
  bool documented = true;   // false: the cloud's tables do not know the code
};

// `what` is a code (20003), a class (throttle, unknown_outcome) or empty for all there is; `cloud` is "im",
// "wechat" or empty for both. A code that only one cloud knows is told of that one; one that nobody knows is
// told of both, as the queue would treat it. The error: neither a code nor a class.
Result<std::vector<Explanation>> explain(std::string_view what, std::string_view cloud);

// For people: one paragraph when there are few, a table when there are many.
std::string render_explanations(const std::vector<Explanation>& explanations);
// For scripts: {"ok":true,"errors":[{"cloud","code","class","meaning","rule","advice","documented"}, …]}
std::string explanations_as_json(const std::vector<Explanation>& explanations);

}  // namespace kefu::ctl
