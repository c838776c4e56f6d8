// The journal in one SQLite file: one connection, one thread, WAL, synchronous=FULL, exclusive.
// docs/journal.md tells the format.
#pragma once

#include <memory>
#include <string>

#include "gateway/journal/journal.h"
#include "lib/base/result.h"

namespace kefu {

// Held while a gateway runs, so that two cannot share a folder. Released with the object.
class FolderLock {
 public:
  // Makes the folder when it is missing. The error says what to do.
  static Result<FolderLock> take(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// Opens or makes `file`; ":memory:" for tests. Throws JournalError: not writable, no journal of ours, of a
// newer version, full disk.
std::unique_ptr<Journal> open_sqlite_journal(const std::string& file);

}  // namespace kefu
