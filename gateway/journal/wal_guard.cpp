#include "gateway/journal/wal_guard.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <system_error>

#include "gateway/journal/journal.h"
#include "lib/base/clock.h"
#include "lib/ops/log.h"

namespace kefu {
namespace {

// As many pages as journal_size_limit holds: a page that many commits changed goes into the file once, and
// fewer pushes meet a commit that does so.
constexpr std::uint64_t kCheckpointFrames = 16000;
constexpr int kSaltsAt = 16;  // in the log

std::uintmax_t size_of(const std::string& file) {
  std::error_code missing;
  const auto size = std::filesystem::file_size(file, missing);
  return missing ? 0 : size;
}

// Never the name of a file that is there.
std::string beside(const std::string& file, const std::string& what) {
  return file + "." + what + "-" + std::to_string(wall_now().ms);
}

void sync_file(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  if (descriptor >= 0) ::close(descriptor);
  if (!synced) throw JournalError(file + " cannot be synced");
}

// Out of SQLite's way, which would read it as the log of whatever database stands beside it.
std::string move_aside(const std::string& wal) {
  if (size_of(wal) == 0) return {};
  auto kept = beside(wal, "damaged");
  std::error_code failed;
  std::filesystem::rename(wal, kept, failed);
  if (failed) throw JournalError(wal + " cannot be renamed: " + failed.message());
  return kept;
}

std::string keep_copy(const std::string& wal) {
  if (size_of(wal) == 0) return {};
  auto kept = beside(wal, "damaged");
  std::error_code failed;
  std::filesystem::copy_file(wal, kept, failed);
  if (failed) throw JournalError(wal + " cannot be copied: " + failed.message());
  return kept;
}

}  // namespace

void check_wal(const std::string& file, bool accept_loss) {
  const auto wal = file + "-wal";
  const bool no_database = size_of(file) == 0 && size_of(wal) != 0;
  const auto missing = no_database ? "its database " + file + " is missing"
                                   : missing_in(scan_wal(wal), WalMarkFile::read(file + ".state"));
  if (missing.empty()) return;
  if (!accept_loss) {
    throw JournalError(wal + " does not hold what was written to it: " + missing +
                       ". Messages that were answered 200 are lost without it. Put the file back or restore "
                       "the folder from a "
                       "backup; if that cannot be done, or somebody opened the journal with another program "
                       "since the gateway "
                       "ran, start once with KEFU_JOURNAL_ACCEPT_LOSS=1");
  }
  const auto kept = no_database ? move_aside(wal) : keep_copy(wal);
  log::error("the journal goes on without what is missing (KEFU_JOURNAL_ACCEPT_LOSS)",
             {{"file", wal}, {"missing", missing}, {"kept", kept}});
}

WalGuard::WalGuard(Database& database, std::string file)
    : database_(database), file_(std::move(file)), wal_(file_ + "-wal"), mark_file_(file_ + ".state") {
  sqlite3_db_config(database_.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

// After a failed sync the system may take pages for written that are not: what is in the log goes into the
// file, with a sync that works, before anything is built upon it.
void WalGuard::empty() {
  move_into_database();
  database_.run("PRAGMA wal_checkpoint(TRUNCATE)");
}

void WalGuard::move_into_database() {
  database_.run("PRAGMA wal_checkpoint(FULL)");
  mark_file_.clear();
  salts_known_ = false;
}

void WalGuard::watch() {
  sqlite3_wal_hook(database_.handle(), on_commit, this);
}

void WalGuard::note_files() {
  mark_file_.sync();
  file_id_ = id_of(file_);
  wal_id_ = id_of(wal_);
}

void WalGuard::close() {
  if (is_rescued_) return;  // what stands in the files' place is not ours
  move_into_database();
  sqlite3_db_config(database_.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

WalGuard::FileId WalGuard::id_of(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? FileId{found.st_dev, found.st_ino} : FileId{};
}

// Called by SQLite when a commit is synced. It replaces SQLite's own way of moving the log into the file, and
// like it leaves a failure to the next commit.
int WalGuard::on_commit(void* self, sqlite3* handle, const char* schema, int frames) {
  auto& guard = *static_cast<WalGuard*>(self);
  guard.committed(static_cast<std::uint64_t>(frames));
  if (static_cast<std::uint64_t>(frames) >= kCheckpointFrames) {
    sqlite3_wal_checkpoint_v2(handle, schema, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    guard.salts_known_ = false;  // the log may begin anew
  }
  return SQLITE_OK;
}

// No error may pass through SQLite. A mark that could not be written claims less than is there.
void WalGuard::committed(std::uint64_t frames) {
  if (!salts_known_) {
    sqlite3_file* log = nullptr;
    std::array<unsigned char, 8> salts{};
    sqlite3_file_control(database_.handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (!log || !log->pMethods ||
        log->pMethods->xRead(log, salts.data(), salts.size(), kSaltsAt) != SQLITE_OK)
      return;
    const auto number = [&](std::size_t at) {
      return std::uint32_t{salts[at]} << 24 | std::uint32_t{salts[at + 1]} << 16 |
             std::uint32_t{salts[at + 2]} << 8 | salts[at + 3];
    };
    mark_ = {number(0), number(4), 0};
    salts_known_ = true;
  }
  mark_.frames = frames;
  try {
    mark_file_.write(mark_);
  } catch (const JournalError&) {
    salts_known_ = false;
  }
}

bool WalGuard::is_whole() const {
  return id_of(file_) == file_id_ && id_of(wal_) == wal_id_;
}

void WalGuard::rescue() {
  constexpr const char* kTaken = " was removed or replaced while the gateway ran; all that it held is in ";
  if (id_of(file_) != file_id_) {
    const auto copy = save_copy();
    is_rescued_ = true;
    throw JournalError(file_ + kTaken + copy);
  }
  move_into_database();
  const auto other = move_aside(wal_);
  is_rescued_ = true;
  throw JournalError(wal_ + kTaken + file_ + (other.empty() ? "" : ", what stood in its place in " + other));
}

// In the place of the file, or beside what stands there now. Nothing of the log is needed any more then.
std::string WalGuard::save_copy() {
  auto copy = size_of(file_) == 0 ? file_ : beside(file_, "rescued");
  std::error_code ignored;
  if (copy == file_) std::filesystem::remove(copy, ignored);
  Statement(database_, "VACUUM INTO ?").bind_text(copy).run();
  ::chmod(copy.c_str(), S_IRUSR | S_IWUSR);
  sync_file(copy);
  if (id_of(wal_) == wal_id_) std::filesystem::remove(wal_, ignored);
  mark_file_.clear();
  sync_file(std::filesystem::absolute(copy).parent_path().string());
  return copy;
}

}  // namespace kefu
