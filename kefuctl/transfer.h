// Events as JSON lines, from one gateway to a file and from a file to another gateway. Who asks is passed in:
// pure but for that.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "kefuctl/admin.h"

namespace kefu::ctl {

using Ask = std::function<Answer(const nlohmann::json& question)>;

struct Transfer {
  std::uint64_t count = 0;                        // events written, or taken by the gateway
  std::uint64_t skipped = 0;                      // the gateway had them already
  Answer failed{Answer::Kind::accepted, {}, {}};  // not `accepted`: what ended it early
};

// Writes the events of one queue, one a line, a page after the other. `state` empty: all that are unfinished.
Transfer export_events(const std::string& queue, const std::string& state, std::ostream& out, const Ask& ask);

// First every line is checked, by the gateway too; only then is the first one applied. Should it end early
// nevertheless (the gateway stops), the error says how far it got; doing it again skips what is there.
// `lines` is read twice: it must be able to go back to its beginning.
Transfer import_events(std::istream& lines, const Ask& ask);

}  // namespace kefu::ctl
