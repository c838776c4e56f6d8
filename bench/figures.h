// What a bench program prints for bench/run: JSON, times in milliseconds.
#pragma once

#include <string>
#include <vector>

#include "bench/generator.h"

namespace kefu::bench {

// {"count":…,"p50_ms":…,"p90_ms":…,"p99_ms":…,"p999_ms":…,"max_ms":…,"histogram":[[up to so many
// ms,count],…]} Of none: only the count. Sorts `latencies`.
std::string latency_json(std::vector<Nanoseconds>& latencies);

}  // namespace kefu::bench
