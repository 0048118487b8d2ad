// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/byte_view.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace cofferdam::cloud {

// The rows of one running query, one at a time. Resets the statement when it dies, and
// must not outlive its Database. Columns count from zero and are valid until next().
class Rows {
 public:
  explicit Rows(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  Rows(Rows&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Rows& operator=(Rows&&) = delete;
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  // Moves to the next row; false when there is none.
  Result<bool> next();

  std::int64_t integer(int column) const noexcept;
  std::string text(int column) const;
  ByteView blob(int column) const noexcept;

 private:
  sqlite3_stmt* statement_;
};

// One SQLite connection, the only one of its file: write-ahead log, every commit on disk
// before it returns, foreign keys checked. Statements are prepared once and kept; SQL is
// always a literal and values are always bound. A failure of SQLite is Errc::unavailable.
//
// Not safe for concurrent use.
class Database {
 public:
  using Value = std::variant<std::int64_t, std::string_view, ByteView>;

  // In memory without a path. A file that another process has open is Errc::unavailable.
  static Result<Database> open(const std::optional<std::filesystem::path>& path);

  // Runs statements without results, such as a schema.
  Status script(const char* sql);
  // Runs one statement and says how many rows it changed.
  Result<std::int64_t> execute(std::string_view sql, std::initializer_list<Value> values = {});
  Result<Rows> query(std::string_view sql, std::initializer_list<Value> values = {});

  // Begins a transaction unless one is open; commits the open one, if any. A commit that
  // fails is rolled back.
  Status begin();
  Status commit();
  bool in_transaction() const noexcept;

 private:
  struct Close {
    void operator()(sqlite3* connection) const noexcept;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  explicit Database(sqlite3* connection) : connection_(connection) {}
  Result<sqlite3_stmt*> prepare(std::string_view sql);

  std::unique_ptr<sqlite3, Close> connection_;
  // Declared last: statements are finalized before the connection is closed.
  std::map<std::string, std::unique_ptr<sqlite3_stmt, Finalize>, std::less<>> statements_;
};

}  // namespace cofferdam::cloud
