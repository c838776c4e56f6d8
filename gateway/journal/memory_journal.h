// The journal in memory, for tests and simulations: as strict as the one on disk, without its cost.
//
// A MemoryDisk stands for the file. Throwing a journal away without commit() is a crash: its disk is then as
// it was at the last commit.
#pragma once

#include <functional>
#include <memory>

#include "gateway/journal/journal.h"

namespace kefu {

class MemoryDisk {
 public:
  MemoryDisk();
  ~MemoryDisk();
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  // Runs before each commit that has something to write. Throw JournalError from it for a disk that fails.
  std::function<void()> before_commit;

  struct Content;
  Content& content() { return *content_; }

 private:
  std::unique_ptr<Content> content_;
};

// One at a time for one disk, which must live longer.
std::unique_ptr<Journal> open_memory_journal(MemoryDisk& disk);

}  // namespace kefu
