// kefu-bench-sync: what one fdatasync of an appended 4 KiB page costs on the disk of a folder: the ceiling of
// durability. Usage: kefu-bench-sync FOLDER SECONDS
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "bench/figures.h"
#include "bench/generator.h"

namespace {

using kefu::bench::monotonic_now;
using kefu::bench::Nanoseconds;

// Empty when the disk refuses.
std::vector<Nanoseconds> time_syncs(int file, double seconds) {
  const std::string page(4096, 'x');
  const auto end = monotonic_now() + static_cast<Nanoseconds>(seconds * 1e9);
  std::vector<Nanoseconds> times;
  for (auto began = monotonic_now(); began < end;) {
    if (::write(file, page.data(), page.size()) != static_cast<ssize_t>(page.size())) return {};
    if (::fdatasync(file) != 0) return {};
    const auto now = monotonic_now();
    times.push_back(now - began);
    began = now;
  }
  return times;
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc == 3 ? std::atof(argv[2]) : 0;
  if (seconds <= 0) {
    std::fputs("usage: kefu-bench-sync FOLDER SECONDS\n", stderr);
    return 2;
  }
  const auto path = std::string(argv[1]) + "/kefu-bench-sync";
  const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  auto times = file < 0 ? std::vector<Nanoseconds>() : time_syncs(file, seconds);
  if (times.empty()) std::perror(path.c_str());
  if (file >= 0) ::close(file);
  ::unlink(path.c_str());
  if (times.empty()) return 1;
  const auto per_second = static_cast<double>(times.size()) / seconds;
  std::cout << R"({"per_second":)" << per_second << R"(,"latency":)" << kefu::bench::latency_json(times)
            << "}\n";
}
