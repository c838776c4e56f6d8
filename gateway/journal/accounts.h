// Whose events a journal holds: those of one Official Account and one IM app.
#pragma once

#include <string>

#include "gateway/journal/statement.h"

namespace kefu {

struct Accounts {
  std::string wechat_app_id{};  // WECHAT_APP_ID
  std::string im_sdk_app_id{};  // IM_SDK_APP_ID
  bool operator==(const Accounts&) const = default;
};

// A journal that names no accounts yet gets these. Throws JournalError when it names others, unless `adopt`:
// then it names these from now on, with all that waits in it. `place` is the file's name, for the message.
void claim_accounts(Database& database, const Accounts& accounts, bool adopt, const std::string& place);

}  // namespace kefu
