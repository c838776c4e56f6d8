// Nobody but the gateway's user reads what customers write.
#include "gateway/journal/private_files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "gateway/journal/sqlite_journal.h"
#include "lib/base/digest.h"

using namespace kefu;

namespace {

struct PrivateBench {
  std::filesystem::path above = std::filesystem::temp_directory_path() / ("kefu-" + random_hex(8));
  std::filesystem::path folder = above / "data";
  mode_t umask_before = ::umask(0);
  PrivateBench() { std::filesystem::create_directories(above); }
  ~PrivateBench() {
    std::filesystem::remove_all(above);
    ::umask(umask_before);
  }
  PrivateBench(const PrivateBench&) = delete;
  PrivateBench& operator=(const PrivateBench&) = delete;

  void make(const std::string& name) const { std::ofstream(folder / name) << "x"; }
  mode_t mode(const std::string& name = "") const {
    struct stat found {};
    REQUIRE(::stat((folder / name).c_str(), &found) == 0);
    return found.st_mode & 0777;
  }
};

}  // namespace

TEST_CASE("the journal's folder and files are for their user alone, whatever the umask says") {
  const PrivateBench bench;
  const auto lock = FolderLock::take(bench.folder.string());
  REQUIRE(lock);
  const auto journal = open_sqlite_journal((bench.folder / "journal.db").string());
  CHECK(bench.mode() == 0700);
  for (const auto* name : {"lock", "journal.db", "journal.db-wal", "journal.db.state"}) {
    CAPTURE(name);
    CHECK(bench.mode(name) == 0600);
  }
}

TEST_CASE("a folder and files of before are closed to other users at the start") {
  const PrivateBench bench;
  std::filesystem::create_directory(bench.folder);
  for (const auto* name : {"lock", "journal.db", "journal.db-wal"}) bench.make(name);
  const auto warnings = make_private(bench.folder.string());
  REQUIRE(warnings);
  CHECK(warnings->empty());
  CHECK(bench.mode() == 0700);
  for (const auto* name : {"lock", "journal.db", "journal.db-wal"}) CHECK(bench.mode(name) == 0600);
}

TEST_CASE("a folder that holds other things stays open to others, with a warning, and the journal does not") {
  const PrivateBench bench;
  std::filesystem::create_directory(bench.folder);
  for (const auto* name : {"journal.db", "photo.jpg"}) bench.make(name);
  const auto before = bench.mode();
  const auto warnings = make_private(bench.folder.string());
  REQUIRE(warnings);
  REQUIRE(warnings->size() == 1);
  CHECK(warnings->front().find("KEFU_DATA_DIR") != std::string::npos);
  CHECK(bench.mode() == before);
  CHECK(bench.mode("photo.jpg") == 0666);
  CHECK(bench.mode("journal.db") == 0600);
}
