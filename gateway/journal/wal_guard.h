// Looks after the files of an open journal: that nothing synced is missing at a start, and that nobody takes
// them away while it runs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

#include "gateway/journal/statement.h"
#include "gateway/journal/wal.h"

namespace kefu {

// Before the journal `file` is opened. Throws JournalError when synced content is missing, unless
// `accept_loss`: then it is logged, and what is left of the log is kept in a file beside it.
void check_wal(const std::string& file, bool accept_loss);

class WalGuard {
 public:
  // `database` is the opened `file`, of which nothing was written yet; both outlive this. From here on the
  // log stays when the database is closed, unless close() came before.
  WalGuard(Database& database, std::string file);

  // What the log holds is in the database's file, and the log is empty. REQUIRES: no transaction is open.
  void empty();
  // From now on every commit is noted. REQUIRES: empty().
  void watch();
  // After the first commit since: the files are those that are there now.
  void note_files();
  // All is in the database's file, and the log may go with closing. Throws JournalError when that fails.
  // REQUIRES: no transaction is open.
  void close();

  // False: one of the files was removed or replaced. What is written from then on would be lost.
  bool is_whole() const;
  // Then: writes what the files held where the next opening finds it, or beside it, and throws a JournalError
  // that says so. REQUIRES: no transaction is open.
  [[noreturn]] void rescue();

 private:
  using FileId = std::pair<dev_t, ino_t>;  // 0, 0: none
  static FileId id_of(const std::string& path);
  static int on_commit(void* self, sqlite3* handle, const char* schema, int frames);
  void committed(std::uint64_t frames);
  void move_into_database();
  std::string save_copy();

  Database& database_;
  std::string file_;
  std::string wal_;
  WalMarkFile mark_file_;
  WalMark mark_;
  bool salts_known_ = false;
  bool is_rescued_ = false;
  FileId file_id_{};
  FileId wal_id_{};
};

}  // namespace kefu
