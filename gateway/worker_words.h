// What a worker says, cut to what an honest one can mean: anybody may connect to the queue's door, and what
// comes in there goes into the journal, to agents and before operators. Pure.
#pragma once

#include <string>

#include "kefu/v1/work.pb.h"

namespace kefu {

// Why this Hello is not taken, for the one who said it; empty: it is.
std::string problem_with(const v1::Hello& hello);

// Times, counts and texts within lib/base/limits.h, texts without control characters. An account that cannot
// be one is left out, and so is what a sweep found beyond the limits.
v1::Verdict within_limits(v1::Verdict verdict);

}  // namespace kefu
