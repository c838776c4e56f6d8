#include "tests/process/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "lib/base/digest.h"

namespace kefu::test {
namespace {

constexpr std::chrono::milliseconds kLookAgain{10};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_of(const Environment& own) {
  std::vector<std::string> out;
  for (const auto* name : {"PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"}) {
    if (const auto* value = std::getenv(name)) out.push_back(std::string(name) + "=" + value);
  }
  for (const auto& [name, value] : own) out.push_back(name + "=" + value);
  return out;
}

// In the child. It dies with the test, even with one that is killed.
[[noreturn]] void become(const std::vector<char*>& arguments, const std::vector<char*>& variables,
                         const char* log, pid_t parent, const sigset_t& usual) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Others expect the usual mask.
  const std::string_view path(arguments[0]);
  if (!path.substr(path.rfind('/') + 1).starts_with("kefu-")) ::sigprocmask(SIG_SETMASK, &usual, nullptr);
  const int output = ::open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int input = ::open("/dev/null", O_RDONLY);
  if (::getppid() == parent && ::dup2(input, STDIN_FILENO) == 0 && ::dup2(output, STDOUT_FILENO) == 1 &&
      ::dup2(output, STDERR_FILENO) == 2) {
    ::execve(arguments[0], arguments.data(), variables.data());
  }
  ::_exit(127);
}

// Below those that the system gives to outgoing connections by itself.
constexpr int kFirstPort = 10000;
constexpr std::uint64_t kPorts = 10000;

// From other tests that run at the same time, until this process ends: an abstract socket's name is taken
// once, and goes away with its owner.
bool reserve(int port) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto name = "kefu-test-port-" + std::to_string(port);
  name.copy(&address.sun_path[1], sizeof address.sun_path - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const bool reserved = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0;
  if (!reserved) ::close(socket);
  return reserved;
}

bool nobody_listens_on(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool free = ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(socket);
  return free;
}

}  // namespace

Folder::Folder() : path_((std::filesystem::temp_directory_path() / ("kefu-test-" + random_hex(8))).string()) {
  std::filesystem::create_directories(path_);
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Process::Process(const std::string& program, const Environment& environment,
                 std::vector<std::string> arguments) {
  const bool ours = program.find('/') == std::string::npos;
  arguments.insert(arguments.begin(), ours ? std::string(KEFU_BIN_DIR) + "/" + program : program);
  auto variables = environment_of(environment);
  const std::string log = folder_.path() + "/output";
  const auto argument_pointers = pointers(arguments);
  const auto variable_pointers = pointers(variables);
  const pid_t parent = ::getpid();
  // Our programs take SIGTERM when they are ready to. Blocked before the fork, so that none can come too
  // early and kill what has not begun.
  sigset_t term;
  sigset_t usual;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &term, &usual);
  pid_ = ::fork();
  if (pid_ == 0) become(argument_pointers, variable_pointers, log.c_str(), parent, usual);
  ::pthread_sigmask(SIG_SETMASK, &usual, nullptr);
  if (pid_ < 0) throw std::runtime_error("cannot start " + arguments[0]);
}

Process::~Process() {
  if (running()) kill();
}

void Process::signal(int number) {
  ::kill(pid_, number);
}

// The signal alone is not enough: on a busy machine a thread may go on for a moment.
void Process::freeze() {
  signal(SIGSTOP);
  int status = 0;
  ended_ = ::waitpid(pid_, &status, WUNTRACED) == pid_ && !WIFSTOPPED(status);
  if (ended_) status_ = status;
}

void Process::kill() {
  signal(SIGKILL);
  wait();
}

bool Process::running() {
  if (ended_) return false;
  ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
  return !ended_;
}

int Process::wait(std::chrono::seconds most) {
  if (!eventually([this] { return !running(); }, most))
    throw std::runtime_error("the process does not end:\n" + output());
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
}

int Process::stop() {
  signal(SIGTERM);
  return wait();
}

std::string Process::output() const {
  std::ifstream file(folder_.path() + "/output");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

int free_port() {
  constexpr int kTries = 1000;
  for (int i = 0; i < kTries; ++i) {
    const int port = kFirstPort + static_cast<int>(random_u64() % kPorts);
    if (reserve(port) && nobody_listens_on(port)) return port;
  }
  throw std::runtime_error("no free port");
}

bool eventually(const std::function<bool()>& condition, std::chrono::seconds most) {
  const auto until = std::chrono::steady_clock::now() + most;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(kLookAgain);
  }
  return true;
}

}  // namespace kefu::test
