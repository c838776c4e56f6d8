// Real binaries under test: started with settings of their own, killed and stopped like a supervisor would.
// Everything ends with the object.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace kefu::test {

using Environment = std::map<std::string, std::string>;

class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Process {
 public:
  // `program`: "kefu-gateway", or the path of another one; nothing of our own environment but PATH and
  // sanitizer options reaches it.
  Process(const std::string& program, const Environment& environment,
          std::vector<std::string> arguments = {});
  ~Process();  // kill -9 when it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number);
  void freeze();  // SIGSTOP, and none of its threads runs any more; SIGCONT thaws it
  void kill();    // -9, and gone
  int wait(std::chrono::seconds most = std::chrono::seconds(30));  // exit status, or -signal
  int stop();                                                      // SIGTERM and wait
  bool running();
  pid_t pid() const { return pid_; }
  std::string output() const;  // stdout and stderr so far

 private:
  pid_t pid_ = -1;
  int status_ = 0;
  bool ended_ = false;
  Folder folder_;
};

// On loopback; no other test gets it while this one runs.
int free_port();

// Asks `condition` again and again until it holds; false when it does not within `most`.
bool eventually(const std::function<bool()>& condition, std::chrono::seconds most = std::chrono::seconds(30));

}  // namespace kefu::test
