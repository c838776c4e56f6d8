#include "gateway/journal/accounts.h"

#include "gateway/journal/journal.h"
#include "lib/ops/log.h"

namespace kefu {
namespace {

std::string described(const Accounts& accounts) {
  return "WECHAT_APP_ID=" + accounts.wechat_app_id + " and IM_SDK_APP_ID=" + accounts.im_sdk_app_id;
}

void keep(Database& database, const Accounts& accounts) {
  database.run("DELETE FROM accounts");
  Statement(database, "INSERT INTO accounts (wechat_app_id, im_sdk_app_id) VALUES (?, ?)")
      .bind_text(accounts.wechat_app_id)
      .bind_text(accounts.im_sdk_app_id)
      .run();
}

}  // namespace

void claim_accounts(Database& database, const Accounts& accounts, bool adopt, const std::string& place) {
  // Younger than the format; a program of before does not look at it.
  database.run(
      "CREATE TABLE IF NOT EXISTS accounts (wechat_app_id TEXT NOT NULL, im_sdk_app_id TEXT NOT NULL)");
  Statement row(database, "SELECT wechat_app_id, im_sdk_app_id FROM accounts");
  if (!row.step()) {
    keep(database, accounts);
    return;
  }
  const Accounts kept{row.text(0), row.text(1)};
  row.reset();
  if (kept == accounts) return;
  if (!adopt) {
    throw JournalError("the journal " + place + " belongs to " + described(kept) +
                       ", and the settings name " + described(accounts) +
                       ": what waits in it would be sent to the wrong accounts. Choose another "
                       "KEFU_DATA_DIR, or start once with KEFU_JOURNAL_ADOPT=1 to send it with the accounts "
                       "of the settings");
  }
  keep(database, accounts);
  log::warning("the journal was taken over from other accounts (KEFU_JOURNAL_ADOPT)",
               {{"from", described(kept)}, {"to", described(accounts)}});
}

}  // namespace kefu
