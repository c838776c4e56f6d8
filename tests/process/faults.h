// What a test can do to the disk and the process of kefu-gateway-faulty (faulty_gateway.cpp): it obeys what a
// file says, from one moment to the next. Without the file all is well.
#pragma once

#include <array>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

namespace kefu::test {

inline constexpr const char* kFaultFile = "KEFU_TEST_FAULT_FILE";

// Where it may die, beside kTurnPoints: at the system calls by which SQLite makes a transaction durable.
inline constexpr std::array<std::string_view, 5> kDiskPoints{
    "wal half written",   // in the middle of a page of a transaction
    "wal written",        // all of it, not synced
    "wal synced",         // nobody knows
    "file half written",  // in the middle of a page on its way from the WAL into the file
    "file written",       // not synced
};

class Faults {
 public:
  explicit Faults(std::string file) : file_(std::move(file)) {}

  // SIGKILL by its own hand when it passes `point` for the `count`th time from now on.
  void die_at(std::string_view point, int count) const {
    say("die " + std::to_string(count) + " " + std::string(point));
  }
  // What the gateway does there fails in a way that nobody has foreseen, each time: kTurnPoints,
  // kHarmlessPoints.
  void throw_at(std::string_view point) const { say("throw " + std::string(point)); }
  void fail_writes() const { say("fail"); }  // every write and sync is an I/O error
  void fail_syncs() const { say("fail sync"); }
  void slow_syncs(int ms) const { say("slow " + std::to_string(ms)); }
  void none() const { std::remove(file_.c_str()); }

 private:
  void say(const std::string& words) const {
    std::ofstream(file_ + ".new") << words;
    std::rename((file_ + ".new").c_str(), file_.c_str());
  }
  std::string file_;
};

}  // namespace kefu::test
