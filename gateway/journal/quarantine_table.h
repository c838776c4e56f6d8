// The table `quarantine` of the SQLite journal. Used by the journal's thread, within its transactions.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gateway/journal/quarantine.h"
#include "gateway/journal/statement.h"

namespace kefu {

// Makes the table when the file has none, and brings the rows of the older table `raws` forward. REQUIRES: no
// transaction is open.
void prepare_quarantine(Database& database);

class QuarantineTable {
 public:
  // REQUIRES: prepare_quarantine() ran; `database` lives longer.
  explicit QuarantineTable(Database& database);

  std::uint64_t add(const QuarantinedPush& push);
  void mark_submitted(std::uint64_t id, Timestamp now);
  // At most `steps` of those that came before `before` go away: how many did.
  std::size_t forget(Timestamp before, std::uint32_t steps);

  std::vector<QuarantinedPush> list(const QuarantineFilter& wanted, std::uint32_t limit);  // without bodies
  std::optional<QuarantinedPush> find(std::uint64_t id);
  const QuarantineCounts& waiting() const { return waiting_; }

 private:
  void trim();
  void no_longer_waits(const QuarantinedPush& row);
  void remove(const QuarantinedPush& row);

  Database& database_;
  Statement add_;
  Statement find_;
  Statement mark_;
  Statement delete_;
  QuarantineCounts waiting_;
  std::size_t limited_rows_ = 0;  // of the classes that have a limit
};

}  // namespace kefu
