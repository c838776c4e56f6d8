#include "gateway/journal/private_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace kefu {
namespace {

constexpr mode_t kOfOthers = S_IRWXG | S_IRWXO;

bool is_of_the_journal(const std::filesystem::path& file) {
  const auto name = file.filename().string();
  return name == "lock" || std::string_view(name).starts_with("journal.");
}

std::string problem(const std::filesystem::path& path, const std::string& why) {
  return path.string() + " can be read by other users: " + why;
}

// A folder that is used for other things, too, stays as it is: somebody else may need it.
std::string keep_others_out(const std::filesystem::path& folder) {
  struct stat found {};
  if (::stat(folder.c_str(), &found) != 0 || (found.st_mode & kOfOthers) == 0) return {};
  if (found.st_uid != ::geteuid()) return problem(folder, "it belongs to another user; give it mode 0700");
  bool is_shared = (found.st_mode & S_ISVTX) != 0;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed))
    is_shared = is_shared || !(is_of_the_journal(entry.path()) || entry.path().filename() == "lost+found");
  if (failed || is_shared)
    return problem(folder, "it holds more than the journal; give KEFU_DATA_DIR a folder of its own");
  if (::chmod(folder.c_str(), S_IRWXU) != 0) return problem(folder, std::strerror(errno));
  return {};
}

}  // namespace

Result<std::vector<std::string>> make_private(const std::string& folder) {
  std::error_code failed;
  const bool made = std::filesystem::create_directories(folder, failed);
  if (failed) return Error{"KEFU_DATA_DIR: " + folder + " cannot be made: " + failed.message()};
  std::vector<std::string> warnings;
  if (made) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failed);
    if (failed) warnings.push_back(problem(folder, failed.message()));
  } else if (auto warning = keep_others_out(folder); !warning.empty()) {
    warnings.push_back(std::move(warning));
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    struct stat found {};
    if (!is_of_the_journal(entry.path()) || ::lstat(entry.path().c_str(), &found) != 0) continue;
    if (!S_ISREG(found.st_mode) || (found.st_mode & kOfOthers) == 0) continue;
    if (::chmod(entry.path().c_str(), S_IRUSR | S_IWUSR) != 0)
      warnings.push_back(problem(entry.path(), std::strerror(errno)));
  }
  return warnings;
}

void make_private_file(const std::string& file) {
  const int descriptor =
      ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) return;
  ::fchmod(descriptor, S_IRUSR | S_IWUSR);
  ::close(descriptor);
}

}  // namespace kefu
