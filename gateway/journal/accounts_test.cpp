// A journal belongs to the accounts whose events it holds.
#include "gateway/journal/accounts.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "gateway/journal/sqlite_journal.h"
#include "lib/base/digest.h"

using namespace kefu;

namespace {

const Accounts kDemo{"wxdemo", "1400000000"};
const Accounts kReal{"wxreal", "1400000001"};

struct AccountsBench {
  std::filesystem::path folder = std::filesystem::temp_directory_path() / ("kefu-" + random_hex(8));
  AccountsBench() { std::filesystem::create_directories(folder); }
  ~AccountsBench() { std::filesystem::remove_all(folder); }
  AccountsBench(const AccountsBench&) = delete;
  AccountsBench& operator=(const AccountsBench&) = delete;

  // Why not; empty: it was.
  std::string opened(const Accounts& accounts, bool adopt = false) const {
    SqliteJournalOptions options;
    options.file = (folder / "journal.db").string();
    options.accounts = accounts;
    options.adopt = adopt;
    try {
      open_sqlite_journal(options);
    } catch (const JournalError& error) {
      return error.what();
    }
    return {};
  }
};

}  // namespace

TEST_CASE("a journal is opened for its own accounts only, unless it is to be taken over") {
  const AccountsBench bench;
  SUBCASE("made by this program") {
    CHECK(bench.opened(kDemo).empty());
  }
  SUBCASE("made by a program that did not note accounts") {
    open_sqlite_journal((bench.folder / "journal.db").string());
    CHECK(bench.opened(kDemo).empty());
  }
  CHECK(bench.opened(kDemo).empty());
  for (const auto& others : {kReal, Accounts{"wxdemo", "1400000001"}, Accounts{"wxreal", "1400000000"}}) {
    const auto refusal = bench.opened(others);
    for (const auto& told :
         {kDemo.wechat_app_id, kDemo.im_sdk_app_id, others.wechat_app_id, others.im_sdk_app_id,
          bench.folder.string(), std::string("KEFU_DATA_DIR"), std::string("KEFU_JOURNAL_ADOPT=1")}) {
      CAPTURE(told);
      CHECK(refusal.find(told) != std::string::npos);
    }
  }
  CHECK(bench.opened(kReal, true).empty());
  CHECK(bench.opened(kReal).empty());
  CHECK_FALSE(bench.opened(kDemo).empty());
}
