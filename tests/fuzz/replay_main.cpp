// Gives every file of the folders named to the target: what fuzzing has once found stays found. An input
// that takes longer than kSecondsMax ends the program.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

// Far more than any input needs, even with many tests at once.
constexpr unsigned kSecondsMax = 20;

int main(int count, char** arguments) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < count; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(arguments[i])) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& path : files) {
    std::cout << path.filename().string() << std::endl;  // flushed: the last line is the one that broke
    std::ifstream file(path, std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(file), {}};
    alarm(kSecondsMax);  // SIGALRM ends the program
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  }
  alarm(0);
  std::cout << files.size() << " inputs\n";
  return files.empty() ? 1 : 0;
}
