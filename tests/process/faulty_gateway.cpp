// kefu-gateway on a disk that fails when a test says so, and that kills itself at a named point. SQLite's own
// way of replacing the disk is used: everything above it is the gateway as it is shipped.
#include <sqlite3.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "gateway/program.h"
#include "tests/process/faults.h"

namespace {

// What the fault file says now. Used by the gateway's one journal thread.
class Orders {
 public:
  void read() {
    static const char* const path = std::getenv(kefu::test::kFaultFile);
    std::string words;
    if (path) std::getline(std::ifstream(path), words);
    if (words == words_) return;
    words_ = words;
    passed_ = 0;
  }
  bool is_time_to_die(std::string_view point) {
    read();
    std::istringstream words(words_);
    std::string what;
    int count = 0;
    words >> what >> count >> std::ws;
    std::string where;
    std::getline(words, where);
    return what == "die" && where == point && ++passed_ == count;
  }
  void pass(std::string_view point) {
    if (is_time_to_die(point)) std::raise(SIGKILL);
    if (words_ == "throw " + std::string(point)) throw std::runtime_error("a bug that a test made");
  }
  bool writes_fail() {
    read();
    return words_ == "fail";
  }
  bool syncs_fail() { return writes_fail() || words_ == "fail sync"; }
  std::chrono::milliseconds sync_delay() {
    read();
    return std::chrono::milliseconds(words_.starts_with("slow ") ? std::stoi(words_.substr(5)) : 0);
  }

 private:
  std::string words_;
  int passed_ = 0;
};

Orders orders;
sqlite3_vfs* disk = nullptr;

// SQLite's methods for a kind of file, with ours in front of those that write.
struct Methods {
  const sqlite3_io_methods* real = nullptr;
  sqlite3_io_methods ours{};
};
Methods wal;
Methods file;

Methods& methods_of(const sqlite3_file* opened) {
  return opened->pMethods == &wal.ours ? wal : file;
}

int write(sqlite3_file* opened, const void* bytes, int count, sqlite3_int64 at) {
  if (orders.writes_fail()) return SQLITE_IOERR_WRITE;
  const auto& methods = methods_of(opened);
  if (orders.is_time_to_die(&methods == &wal ? "wal half written" : "file half written")) {
    methods.real->xWrite(opened, bytes, count / 2, at);
    std::raise(SIGKILL);
  }
  return methods.real->xWrite(opened, bytes, count, at);
}

int sync(sqlite3_file* opened, int flags) {
  if (orders.syncs_fail()) return SQLITE_IOERR_FSYNC;
  const auto& methods = methods_of(opened);
  const bool of_wal = &methods == &wal;
  orders.pass(of_wal ? "wal written" : "file written");
  if (of_wal) std::this_thread::sleep_for(orders.sync_delay());
  const int status = methods.real->xSync(opened, flags);
  if (of_wal) orders.pass("wal synced");
  return status;
}

int open(sqlite3_vfs*, const char* name, sqlite3_file* opened, int flags, int* out_flags) {
  const int status = disk->xOpen(disk, name, opened, flags, out_flags);
  if (status != SQLITE_OK || !opened->pMethods || (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) == 0)
    return status;
  auto& methods = (flags & SQLITE_OPEN_WAL) != 0 ? wal : file;
  methods.real = opened->pMethods;
  methods.ours = *opened->pMethods;
  methods.ours.xWrite = write;
  methods.ours.xSync = sync;
  opened->pMethods = &methods.ours;
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  disk = sqlite3_vfs_find(nullptr);
  sqlite3_vfs faulty = *disk;
  faulty.zName = "faulty";
  faulty.xOpen = open;
  sqlite3_vfs_register(&faulty, 1);
  return kefu::run_gateway(argc, argv, [](std::string_view point) { orders.pass(point); });
}
