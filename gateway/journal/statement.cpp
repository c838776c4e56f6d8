#include "gateway/journal/statement.h"

#include "gateway/journal/journal.h"

namespace kefu {
namespace {

[[noreturn]] void fail(sqlite3* handle, const char* doing) {
  throw JournalError(std::string("the journal cannot ") + doing + ": " + sqlite3_errmsg(handle) +
                     " (SQLite " + std::to_string(sqlite3_extended_errcode(handle)) + ")");
}

}  // namespace

Database::Database(const std::string& file) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(file.c_str(), &handle_, flags, nullptr) != SQLITE_OK) {
    const std::string why = handle_ ? sqlite3_errmsg(handle_) : "out of memory";
    sqlite3_close(handle_);
    throw JournalError("the journal " + file + " cannot be opened: " + why);
  }
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, 2000);
}

Database::~Database() {
  sqlite3_close(handle_);
}

void Database::run(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(handle_, "be written");
}

std::int64_t Database::last_id() const {
  return sqlite3_last_insert_rowid(handle_);
}
int Database::changed() const {
  return sqlite3_changes(handle_);
}

Statement::Statement(Database& database, const char* sql) : handle_(database.handle()) {
  if (sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr) != SQLITE_OK)
    fail(handle_, "be read");
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

void Statement::check(int status) {
  if (status != SQLITE_OK) fail(handle_, "take a value");
}

Statement& Statement::bind(std::int64_t value) {
  check(sqlite3_bind_int64(statement_, next_++, value));
  return *this;
}

Statement& Statement::bind_text(std::string_view value) {
  check(
      sqlite3_bind_text(statement_, next_++, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind_bytes(std::string_view value) {
  check(
      sqlite3_bind_blob(statement_, next_++, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind_null() {
  check(sqlite3_bind_null(statement_, next_++));
  return *this;
}

bool Statement::step() {
  const int status = sqlite3_step(statement_);
  if (status == SQLITE_ROW) return true;
  reset();
  if (status != SQLITE_DONE) fail(handle_, "be read or written");
  return false;
}

void Statement::run() {
  while (step()) {
  }
}

void Statement::reset() {
  sqlite3_reset(statement_);
  next_ = 1;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::string Statement::text(int column) const {
  return bytes(column);
}

std::string Statement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return {data ? data : "", static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

}  // namespace kefu
