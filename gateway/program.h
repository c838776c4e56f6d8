// The gateway from its settings to its end, so that a test can run it on a disk of its own.
#pragma once

#include "gateway/queue_loop.h"

namespace kefu {

// What main() returns. `at_point`: see QueueLoopOptions.
int run_gateway(int argc, char** argv, TurnHook at_point = {});

}  // namespace kefu
