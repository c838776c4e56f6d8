// The journal in one SQLite file: one connection, one thread, WAL, synchronous=FULL, exclusive.
// docs/journal.md tells the format.
#pragma once

#include <memory>
#include <string>

#include "gateway/journal/accounts.h"
#include "gateway/journal/journal.h"
#include "lib/base/result.h"

namespace kefu {

// Held while a gateway runs, so that two cannot share a folder. Released with the object.
class FolderLock {
 public:
  // Makes the folder when it is missing, and keeps other users out of it and of the journal's files: what
  // cannot be done of that is a warning in the log. The error says what to do.
  static Result<FolderLock> take(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

struct SqliteJournalOptions {
  std::string file{};        // ":memory:" for tests
  Accounts accounts{};       // whose events it holds; both empty: of nobody in particular, for tests
  bool adopt = false;        // KEFU_JOURNAL_ADOPT: take it over from other accounts
  bool accept_loss = false;  // KEFU_JOURNAL_ACCEPT_LOSS: go on without synced content that is missing
};

// Opens or makes the file. Throws JournalError: not writable, no journal of ours, of a newer version, of
// other accounts, synced content is missing, full disk.
std::unique_ptr<Journal> open_sqlite_journal(const SqliteJournalOptions& options);
std::unique_ptr<Journal> open_sqlite_journal(const std::string& file);

}  // namespace kefu
