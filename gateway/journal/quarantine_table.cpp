#include "gateway/journal/quarantine_table.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace kefu {
namespace {

using nlohmann::json;

// AUTOINCREMENT: an id that an operator has seen never means another row.
constexpr const char* kSchema = R"sql(
CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, source TEXT NOT NULL, class INTEGER NOT NULL,
  reason TEXT NOT NULL, query TEXT NOT NULL, body_bytes INTEGER NOT NULL,
  submitted_at INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL);
CREATE INDEX quarantine_by_age ON quarantine (at);
CREATE INDEX quarantine_not_submitted ON quarantine (id, class, source) WHERE submitted_at = 0;
CREATE INDEX quarantine_limited ON quarantine (id) WHERE class <> 1;
)sql";

// A raw body was cut at 64 KiB, and nobody wrote down how long it had been.
constexpr const char* kFromRaws = R"sql(
INSERT INTO quarantine (at, source, class, reason, query, body_bytes, body)
  SELECT at, source,
    CASE
      WHEN reason LIKE 'cannot be carried over%' OR reason LIKE 'unknown type%' THEN 5
      WHEN reason = 'moderation' THEN 6
      WHEN reason LIKE 'wrong padding%' OR reason LIKE 'encrypted for another%' OR reason LIKE 'Encrypt %'
        OR reason LIKE 'the decrypted frame%' THEN 1
      ELSE 2
    END,
    reason, '{}', length(body) + (length(body) = 65536), body
  FROM raws ORDER BY id;
DELETE FROM raws;
)sql";

constexpr const char* kColumns = "id, at, source, class, reason, query, body_bytes, submitted_at";

bool has_table(Database& database, const char* table) {
  Statement row(database, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?");
  const bool found = row.bind_text(table).step();
  row.reset();
  return found;
}

QuarantinedPush read(const Statement& row) {
  QuarantinedPush push;
  push.id = static_cast<std::uint64_t>(row.integer(0));
  push.at = {row.integer(1)};
  push.source = row.text(2);
  push.kind = static_cast<QuarantineClass>(row.integer(3));
  push.reason = row.text(4);
  const json query = json::parse(row.text(5), nullptr, false);
  for (const auto& [key, value] : query.items()) {
    if (value.is_string()) push.query[key] = value.get<std::string>();
  }
  push.body_bytes = static_cast<std::size_t>(row.integer(6));
  push.submitted_at = {row.integer(7)};
  return push;
}

bool is_limited(QuarantineClass kind) {
  return kind != QuarantineClass::undecryptable;
}

}  // namespace

void prepare_quarantine(Database& database) {
  const bool is_new = !has_table(database, "quarantine");
  const bool has_raws = has_table(database, "raws");
  if (!is_new && !has_raws) return;
  database.run("BEGIN IMMEDIATE");
  if (is_new) database.run(kSchema);
  if (has_raws) database.run(kFromRaws);
  database.run("COMMIT");
}

QuarantineTable::QuarantineTable(Database& database)
    : database_(database),
      add_(database,
           "INSERT INTO quarantine (at, source, class, reason, query, body_bytes, body) VALUES (?, ?, ?, ?, "
           "?, "
           "?, ?)"),
      find_(database, ("SELECT " + std::string(kColumns) + ", body FROM quarantine WHERE id = ?").c_str()),
      mark_(database, "UPDATE quarantine SET submitted_at = ? WHERE id = ?"),
      delete_(database, "DELETE FROM quarantine WHERE id = ?") {
  Statement counts(
      database,
      "SELECT source, class, count(*) FROM quarantine WHERE submitted_at = 0 GROUP BY source, class");
  while (counts.step()) {
    const auto kind = static_cast<QuarantineClass>(counts.integer(1));
    if (can_be_submitted(kind))
      waiting_[{counts.text(0), kind}] = static_cast<std::uint64_t>(counts.integer(2));
  }
  Statement limited(database, "SELECT count(*) FROM quarantine WHERE class <> 1");
  limited.step();
  limited_rows_ = static_cast<std::size_t>(limited.integer(0));
}

std::uint64_t QuarantineTable::add(const QuarantinedPush& push) {
  const json query(push.query);
  const std::string_view body(push.body);
  const auto kept = is_limited(push.kind) ? body.substr(0, kQuarantineBodyBytesMax) : body;
  add_.bind(push.at.ms)
      .bind_text(push.source)
      .bind(static_cast<int>(push.kind))
      .bind_text(push.reason)
      .bind_text(query.dump(-1, ' ', false, json::error_handler_t::replace))
      .bind(static_cast<std::int64_t>(body.size()))
      .bind_bytes(kept)
      .run();
  const auto id = static_cast<std::uint64_t>(database_.last_id());
  if (can_be_submitted(push.kind)) ++waiting_[{push.source, push.kind}];
  if (is_limited(push.kind)) {
    ++limited_rows_;
    trim();
  }
  return id;
}

void QuarantineTable::trim() {
  while (limited_rows_ > kQuarantineRowsMax) {
    Statement oldest(database_, "SELECT min(id) FROM quarantine WHERE class <> 1");
    oldest.step();
    const auto row = find(static_cast<std::uint64_t>(oldest.integer(0)));
    oldest.reset();
    if (!row) return;
    remove(*row);
  }
}

void QuarantineTable::no_longer_waits(const QuarantinedPush& row) {
  if (row.submitted_at != Timestamp{} || !can_be_submitted(row.kind)) return;
  auto& count = waiting_[{row.source, row.kind}];
  if (count > 0) --count;
}

void QuarantineTable::remove(const QuarantinedPush& row) {
  delete_.bind(static_cast<std::int64_t>(row.id)).run();
  no_longer_waits(row);
  if (is_limited(row.kind) && limited_rows_ > 0) --limited_rows_;
}

void QuarantineTable::mark_submitted(std::uint64_t id, Timestamp now) {
  const auto row = find(id);
  if (!row) return;
  mark_.bind(now.ms).bind(static_cast<std::int64_t>(id)).run();
  no_longer_waits(*row);
}

std::size_t QuarantineTable::forget(Timestamp before, std::uint32_t steps) {
  Statement old(
      database_,
      ("SELECT " + std::string(kColumns) + " FROM quarantine WHERE at < ? ORDER BY at LIMIT ?").c_str());
  old.bind(before.ms).bind(steps);
  std::vector<QuarantinedPush> rows;
  while (old.step()) rows.push_back(read(old));
  for (const auto& row : rows) remove(row);
  return rows.size();
}

std::vector<QuarantinedPush> QuarantineTable::list(const QuarantineFilter& wanted, std::uint32_t limit) {
  std::string where = "id > ?1";
  if (!wanted.submitted) where += " AND submitted_at = 0";
  if (wanted.kind) where += " AND class = " + std::to_string(static_cast<int>(*wanted.kind));
  where += " AND (?3 = '' OR source = ?3)";
  Statement rows(database_, ("SELECT " + std::string(kColumns) + " FROM quarantine WHERE " + where +
                             " ORDER BY id LIMIT ?2")
                                .c_str());
  rows.bind(static_cast<std::int64_t>(wanted.after)).bind(limit).bind_text(wanted.source);
  std::vector<QuarantinedPush> found;
  while (rows.step()) found.push_back(read(rows));
  return found;
}

std::optional<QuarantinedPush> QuarantineTable::find(std::uint64_t id) {
  find_.bind(static_cast<std::int64_t>(id));
  if (!find_.step()) return std::nullopt;
  auto row = read(find_);
  row.body = find_.bytes(8);
  find_.reset();
  return row;
}

}  // namespace kefu
