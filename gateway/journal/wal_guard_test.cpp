// What was answered 200 is not lost in silence when the journal's files are damaged or taken away.
#include "gateway/journal/wal_guard.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "gateway/journal/sqlite_journal.h"
#include "lib/base/digest.h"

using namespace kefu;
namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t kFrameBytes = 4096 + 24;

class GuardBench {
 public:
  GuardBench() {
    fs::create_directories(running_);
    fs::create_directories(killed_);
    journal_ = open_sqlite_journal(file(running_));
  }
  ~GuardBench() {
    journal_.reset();
    fs::remove_all(above_);
  }
  GuardBench(const GuardBench&) = delete;
  GuardBench& operator=(const GuardBench&) = delete;

  void put(int events, std::size_t text_bytes = 100) {
    for (int i = 0; i < events; ++i) {
      v1::Event event;
      event.set_queue(v1::QUEUE_RELAY);
      event.set_customer("oAlice");
      event.mutable_customer_message()->set_text(std::string(text_bytes, 'x'));
      journal_->put(event, dedup_key({std::to_string(++put_)}), ReplyKind::none);
    }
    journal_->commit();
  }

  // The files are as kill -9 leaves them: what is in the WAL is nowhere else.
  void kill() const {
    fs::copy(running_, killed_, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  }
  void stop() {
    journal_.reset();
    kill();
  }
  fs::path wal() const { return file(killed_) + "-wal"; }
  fs::path state() const { return file(killed_) + ".state"; }
  fs::path database() const { return file(killed_); }
  fs::path running_file(const std::string& end = "") const { return file(running_) + end; }
  int copies(const std::string& part) const {
    int found = 0;
    for (const auto& entry : fs::directory_iterator(killed_))
      found += entry.path().filename().string().find(part) != std::string::npos ? 1 : 0;
    for (const auto& entry : fs::directory_iterator(running_))
      found += entry.path().filename().string().find(part) != std::string::npos ? 1 : 0;
    return found;
  }

  // How many events a start finds, or why there is none.
  std::string started(bool accept_loss = false) const {
    SqliteJournalOptions options;
    options.file = file(killed_);
    options.accept_loss = accept_loss;
    try {
      return events_in(*open_sqlite_journal(options));
    } catch (const JournalError& error) {
      return error.what();
    }
  }

  // While it runs: why the journal must be opened anew; empty when it need not be. The events it has then.
  std::string looked_at() {
    try {
      journal_->check_files();
      return {};
    } catch (const JournalError& error) {
      journal_.reset();
      return error.what();
    }
  }
  std::string reopened() {
    journal_ = open_sqlite_journal(file(running_));
    return events_in(*journal_);
  }

 private:
  static std::string file(const fs::path& folder) { return (folder / "journal.db").string(); }
  static std::string events_in(Journal& journal) {
    int found = 0;
    journal.each_unfinished([&](v1::Queue, const queue::Remembered&) { ++found; });
    return std::to_string(found);
  }

  fs::path above_ = fs::temp_directory_path() / ("kefu-" + random_hex(8));
  fs::path running_ = above_ / "running";
  fs::path killed_ = above_ / "killed";
  std::unique_ptr<Journal> journal_;
  int put_ = 0;
};

void flip_byte(const fs::path& path, std::uintmax_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const auto byte = static_cast<char>(file.get() ^ 1);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(byte);
}

bool is_refusal(const std::string& answer) {
  return answer.find("KEFU_JOURNAL_ACCEPT_LOSS=1") != std::string::npos &&
         answer.find("journal.db-wal") != std::string::npos;
}

}  // namespace

TEST_CASE("after kill -9 and after a stop the journal is opened quietly, with everything") {
  GuardBench bench;
  for (int i = 0; i < 5; ++i) bench.put(2);
  SUBCASE("as it is") {
    bench.kill();
  }
  SUBCASE("with a transaction that was begun") {
    bench.kill();
    std::ofstream(bench.wal(), std::ios::app | std::ios::binary) << std::string(6000, 'x');
  }
  SUBCASE("twice in a row") {
    bench.kill();
    CHECK(bench.started() == "10");
  }
  SUBCASE("after a stop, which leaves no WAL") {
    bench.stop();
    CHECK_FALSE(fs::exists(bench.wal()));
  }
  SUBCASE("after a stop, with a WAL that somebody emptied") {
    bench.stop();
    std::ofstream(bench.wal(), std::ios::trunc).close();
  }
  CHECK(bench.started() == "10");
  CHECK(bench.copies("damaged") == 0);
}

TEST_CASE("after the WAL began anew, the mark follows it") {
  GuardBench bench;
  bench.put(9000, 8000);
  for (int i = 0; i < 3; ++i) bench.put(1);
  bench.kill();
  SUBCASE("nothing is missing") {
    CHECK(bench.started() == "9003");
  }
  SUBCASE("the last transaction is") {
    const auto mark = WalMarkFile::read(bench.state().string());
    REQUIRE(mark);
    REQUIRE(mark->frames < 100);
    flip_byte(bench.wal(), 32 + (mark->frames - 1) * kFrameBytes + 100);
    CHECK(is_refusal(bench.started()));
  }
}

TEST_CASE("a missing or damaged WAL refuses the start, and is accepted on order") {
  GuardBench bench;
  for (int i = 0; i < 10; ++i) bench.put(1);
  bench.kill();
  const auto bytes = fs::file_size(bench.wal());
  bool leaves_copy = true;
  SUBCASE("it was deleted") {
    fs::remove(bench.wal());
    leaves_copy = false;
  }
  SUBCASE("it was emptied") {
    fs::resize_file(bench.wal(), 0);
    leaves_copy = false;
  }
  SUBCASE("it was cut off") {
    fs::resize_file(bench.wal(), bytes / 2);
  }
  SUBCASE("its beginning is damaged") {
    flip_byte(bench.wal(), 5);
  }
  SUBCASE("its middle is damaged") {
    flip_byte(bench.wal(), bytes / 2);
  }
  SUBCASE("its end is damaged") {
    flip_byte(bench.wal(), bytes - 10);
  }
  SUBCASE("its middle is damaged, and nothing says how far it had got") {
    fs::remove(bench.state());
    flip_byte(bench.wal(), bytes / 2);
  }
  SUBCASE("its database was deleted") {
    fs::remove(bench.database());
  }
  CHECK(is_refusal(bench.started()));
  CHECK(is_refusal(bench.started()));
  CHECK(bench.copies("damaged") == 0);
  const auto left = bench.started(true);
  CHECK(left.size() == 1);
  CHECK(left != "10");
  CHECK(bench.copies("damaged") == (leaves_copy ? 1 : 0));
  CHECK(bench.started() == left);
}

TEST_CASE("a file that is taken away while the gateway runs is noticed, and what it held is kept") {
  GuardBench bench;
  bench.put(10);
  CHECK(bench.looked_at().empty());
  std::string name;
  SUBCASE("the WAL was deleted") {
    name = "journal.db-wal";
    fs::remove(bench.running_file("-wal"));
  }
  SUBCASE("the WAL was replaced") {
    name = "journal.db-wal";
    fs::remove(bench.running_file("-wal"));
    std::ofstream(bench.running_file("-wal")) << "something else";
  }
  SUBCASE("the database was deleted") {
    name = "journal.db";
    fs::remove(bench.running_file());
  }
  SUBCASE("both were deleted") {
    name = "journal.db";
    fs::remove(bench.running_file());
    fs::remove(bench.running_file("-wal"));
  }
  CHECK(bench.looked_at().find(name + " was removed or replaced") != std::string::npos);
  CHECK(bench.reopened() == "10");
  bench.put(1);
  CHECK(bench.looked_at().empty());
}

TEST_CASE("a database that is replaced while the gateway runs leaves a copy of what was there") {
  GuardBench bench;
  bench.put(10);
  fs::remove(bench.running_file());
  std::ofstream(bench.running_file()) << "something else";
  CHECK(bench.looked_at().find("rescued") != std::string::npos);
  CHECK(bench.copies("rescued") == 1);
}
