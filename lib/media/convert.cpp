#include "lib/media/convert.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <semaphore>
#include <string_view>
#include <thread>
#include <utility>

namespace kefu::media {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 10ms;
constexpr const char* kBytesMax = "20000000";
constexpr const char* kPixelsMax = "40000000";
constexpr rlim_t kMemoryMax = 1U << 30;  // bytes of address space
constexpr int kAtOnce = 4;

std::counting_semaphore<kAtOnce> free_turns(kAtOnce);

// How ffmpeg calls what reads the format; empty: it is not asked to. Never left to its own guess: what it
// takes for a playlist may name other files.
std::string demuxer(Format format) {
  switch (format) {
    case Format::amr:
      return "amr";
    case Format::speex:
      return "ogg";
    case Format::mp3:
      return "mp3";
    case Format::wav:
      return "wav";
    case Format::m4a:
    case Format::mp4:
      return "mov";
    default:
      return {};
  }
}

class SpawnSetting {
 public:
  SpawnSetting() {
    posix_spawn_file_actions_init(&files_);
    posix_spawn_file_actions_addopen(&files_, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files_, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files_, 2, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setpgroup(&attributes_, 0);  // a Ctrl-C is ours to answer
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSetting() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSetting(const SpawnSetting&) = delete;
  SpawnSetting& operator=(const SpawnSetting&) = delete;

  // With nothing of our environment: it holds secrets. 0, or the error's number.
  int spawn(pid_t& child, std::vector<std::string>& arguments) const {
    std::vector<char*> pointers;
    pointers.reserve(arguments.size() + 1);
    for (auto& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    char* const no_environment[] = {nullptr};
    return posix_spawn(&child, pointers.front(), &files_, &attributes_, pointers.data(), no_environment);
  }

 private:
  posix_spawn_file_actions_t files_{};
  posix_spawnattr_t attributes_{};
};

// One of the conversions that may run at once, while it lives; false: none became free in time.
class Turn {
 public:
  Turn(Timestamp deadline, const std::stop_token& stop) {
    while (!(mine_ = free_turns.try_acquire_for(kLook)) && !stop.stop_requested() &&
           steady_now() < deadline) {
    }
  }
  ~Turn() {
    if (mine_) free_turns.release();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  explicit operator bool() const { return mine_; }

 private:
  bool mine_ = false;
};

// What is wrong with how it ended; empty when nothing is.
std::string run(std::vector<std::string> arguments, Timestamp deadline, const std::stop_token& stop) {
  const Turn turn(deadline, stop);
  if (!turn) return "too many conversions at once";
  pid_t child = 0;
  if (const int failed = SpawnSetting().spawn(child, arguments); failed != 0)
    return arguments.front() + ": " + std::strerror(failed);
  const rlimit memory{kMemoryMax, kMemoryMax};
  ::prlimit(child, RLIMIT_AS, &memory, nullptr);  // has hardly begun; that it may be over is no matter
  int status = 0;
  for (;;) {
    const auto ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) break;
    if (ended < 0 && errno != EINTR) return arguments.front() + ": " + std::strerror(errno);
    if (!stop.stop_requested() && steady_now() < deadline) {
      std::this_thread::sleep_for(kLook);
      continue;
    }
    ::kill(-child, SIGKILL);  // with what it may have started
    ::waitpid(child, &status, 0);
    return "converting took too long";
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "" : "ffmpeg cannot convert it";
}

}  // namespace

std::optional<Converter> Converter::find() {
  const char* const path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  std::string_view folders = path != nullptr ? path : "";
  while (!folders.empty()) {
    const auto end = std::min(folders.find(':'), folders.size());
    std::string program(folders.substr(0, end));
    folders.remove_prefix(std::min(end + 1, folders.size()));
    program += "/ffmpeg";
    if (program.front() == '/' && ::access(program.c_str(), X_OK) == 0) return Converter(std::move(program));
  }
  return std::nullopt;
}

Converter::Converter(std::string program) : program_(std::move(program)) {}

Result<Object> Converter::to_mp3(const std::string& from, Format format, MediaStore& store,
                                 Timestamp deadline, const std::stop_token& stop) const {
  return convert(from, format,
                 {"-map", "0:a:0", "-map_metadata", "-1", "-c:a", "libmp3lame", "-ar", "16000", "-ac", "1",
                  "-b:a", "32k", "-f", "mp3"},
                 Format::mp3, store, deadline, stop);
}

Result<Object> Converter::first_picture(const std::string& from, Format format, MediaStore& store,
                                        Timestamp deadline, const std::stop_token& stop) const {
  return convert(from, format,
                 {"-map", "0:v:0", "-map_metadata", "-1", "-frames:v", "1", "-vf",
                  "scale=480:480:force_original_aspect_ratio=decrease:force_divisible_by=2,format=yuvj420p",
                  "-c:v", "mjpeg", "-q:v", "6", "-f", "mjpeg"},
                 Format::jpeg, store, deadline, stop);
}

Result<Object> Converter::convert(const std::string& from, Format format, std::vector<std::string> how,
                                  Format into, MediaStore& store, Timestamp deadline,
                                  const std::stop_token& stop) const {
  const auto reader = demuxer(format);
  if (reader.empty()) return Error{std::string(extension(format)) + " is nothing to convert"};
  auto draft = store.draft();
  if (!draft) return Error{draft.error()};
  std::vector<std::string> arguments{
      program_, "-nostdin",    "-v",       "quiet",       "-protocol_whitelist",
      "file",   "-max_pixels", kPixelsMax, "-threads",    "1",
      "-f",     reader,        "-i",       "file:" + from};
  arguments.insert(arguments.end(), how.begin(), how.end());
  arguments.insert(arguments.end(), {"-threads", "1", "-fs", kBytesMax, "-y", "file:" + (*draft)->path()});
  if (auto wrong = run(std::move(arguments), deadline, stop); !wrong.empty()) return Error{std::move(wrong)};
  auto object = (*draft)->keep();
  if (object && object->facts.format != into) return Error{"ffmpeg made something else than was asked for"};
  return object;
}

}  // namespace kefu::media
