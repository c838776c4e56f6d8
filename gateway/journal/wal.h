// Whether SQLite's write-ahead log still holds what was synced to it. SQLite reads a log up to the first
// frame that does not fit and takes a missing one for an empty one, without a word; so a file beside it says
// how far the last commit had got.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace kefu {

// How far the log had got when the last commit was synced. The log begins anew now and then: each time
// `salt1` is one more, and `salt2` another number.
struct WalMark {
  std::uint32_t salt1 = 0;
  std::uint32_t salt2 = 0;
  std::uint64_t frames = 0;
};

// The file of the mark. Written with every commit and synced only with the first one after a start: an older
// mark claims less. Throws JournalError when it cannot be written.
class WalMarkFile {
 public:
  // Makes the file when it is missing.
  explicit WalMarkFile(const std::string& path);
  ~WalMarkFile();
  WalMarkFile(const WalMarkFile&) = delete;
  WalMarkFile& operator=(const WalMarkFile&) = delete;

  // No value: the log holds nothing that is not in the database, or the file does not say.
  static std::optional<WalMark> read(const std::string& path);

  void write(const WalMark& mark) const;
  // From now on the log may go. Synced.
  void clear() const;
  void sync() const;

 private:
  void put(std::string line) const;
  int descriptor_;
};

// What a log's file holds.
struct WalScan {
  bool is_readable = false;  // it is there, with a header that SQLite takes
  std::uint32_t salt1 = 0;
  std::uint32_t salt2 = 0;
  std::uint64_t frames = 0;  // up to the end of the last transaction that SQLite would read
  // Whole transactions stand behind a frame that does not fit, so that SQLite would leave them out. A crash
  // leaves one transaction unfinished at most.
  bool is_broken = false;
};
WalScan scan_wal(const std::string& path);

// What of the synced content is missing, for people; empty when nothing is.
std::string missing_in(const WalScan& wal, const std::optional<WalMark>& mark);

}  // namespace kefu
