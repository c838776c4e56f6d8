// SQLite through two small types that cannot leak. Errors are JournalError.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace kefu {

class Database {
 public:
  explicit Database(const std::string& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const char* sql);
  std::int64_t last_id() const;
  int changed() const;  // rows, by the last statement
  sqlite3* handle() const { return handle_; }

 private:
  sqlite3* handle_ = nullptr;
};

// Prepared once, used many times: bind in order, step, read columns in order.
class Statement {
 public:
  Statement(Database& database, const char* sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(std::int64_t value);
  Statement& bind_text(std::string_view value);
  Statement& bind_bytes(std::string_view value);
  Statement& bind_null();

  // True: a row is there. After the last one the statement is ready to be bound again.
  bool step();
  // To the end, whatever rows there are.
  void run();
  // Away from a row that was enough.
  void reset();

  std::int64_t integer(int column) const;
  bool is_null(int column) const;
  std::string text(int column) const;
  std::string bytes(int column) const;

 private:
  void check(int status);
  sqlite3* handle_;
  sqlite3_stmt* statement_ = nullptr;
  int next_ = 1;
};

}  // namespace kefu
