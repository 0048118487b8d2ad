// SPDX-License-Identifier: Apache-2.0
#include "cloud/database.h"

#include <sqlite3.h>

namespace cofferdam::cloud {
namespace {

// Exclusive locking keeps a second process out and needs no shared-memory file.
constexpr const char* kSettings =
    "PRAGMA locking_mode=EXCLUSIVE;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA foreign_keys=ON;"
    "PRAGMA trusted_schema=OFF;"
    "BEGIN IMMEDIATE; COMMIT;";

std::unexpected<Error> sqlite_failure(sqlite3* connection, std::string_view doing) {
  const int code = sqlite3_errcode(connection);
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    return fail(Errc::unavailable, "the database is in use by another process");
  }
  return fail(Errc::unavailable,
              "database: cannot " + std::string(doing) + ": " + sqlite3_errmsg(connection));
}

int bind_value(sqlite3_stmt* statement, int index, const Database::Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return sqlite3_bind_int64(statement, index, *integer);
  }
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    // A null pointer would bind NULL instead of the empty text.
    return sqlite3_bind_text64(statement, index, text->empty() ? "" : text->data(), text->size(),
                               SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  const auto& blob = std::get<ByteView>(value);
  if (blob.empty()) return sqlite3_bind_zeroblob(statement, index, 0);
  return sqlite3_bind_blob64(statement, index, blob.data(), blob.size(), SQLITE_TRANSIENT);
}

}  // namespace

Rows::~Rows() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Result<bool> Rows::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return sqlite_failure(sqlite3_db_handle(statement_), "run a statement");
}

std::int64_t Rows::integer(int column) const noexcept {
  return sqlite3_column_int64(statement_, column);
}

std::string Rows::text(int column) const { return std::string(as_text(blob(column))); }

ByteView Rows::blob(int column) const noexcept {
  const void* data = sqlite3_column_blob(statement_, column);
  return {static_cast<const std::uint8_t*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Database::Close::operator()(sqlite3* connection) const noexcept {
  sqlite3_close_v2(connection);
}

void Database::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

Result<Database> Database::open(const std::optional<std::filesystem::path>& path) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path ? path->c_str() : ":memory:", &raw,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  if (raw == nullptr) return fail(Errc::internal, "database: out of memory");
  Database database(raw);
  if (code != SQLITE_OK) return sqlite_failure(raw, "open the file");
  sqlite3_busy_timeout(raw, 500);
  COFFERDAM_CHECK(database.script(kSettings));
  return database;
}

Status Database::script(const char* sql) {
  if (sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return sqlite_failure(connection_.get(), "run a script");
  }
  return {};
}

bool Database::in_transaction() const noexcept {
  return sqlite3_get_autocommit(connection_.get()) == 0;
}

Status Database::begin() {
  if (in_transaction()) return {};
  COFFERDAM_CHECK(execute("BEGIN IMMEDIATE"));
  return {};
}

Status Database::commit() {
  if (!in_transaction()) return {};
  const auto committed = execute("COMMIT");
  if (committed) return {};
  if (in_transaction()) COFFERDAM_CHECK(execute("ROLLBACK"));
  return std::unexpected(committed.error());
}

Result<sqlite3_stmt*> Database::prepare(std::string_view sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) {
    return found->second.get();
  }
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    return sqlite_failure(connection_.get(), "prepare a statement");
  }
  statements_[std::string(sql)].reset(statement);
  return statement;
}

Result<Rows> Database::query(std::string_view sql, std::initializer_list<Value> values) {
  COFFERDAM_TRY(sqlite3_stmt * statement, prepare(sql));
  Rows rows(statement);
  int index = 1;
  for (const Value& value : values) {
    if (bind_value(statement, index++, value) != SQLITE_OK) {
      return sqlite_failure(connection_.get(), "bind a value");
    }
  }
  return rows;
}

Result<std::int64_t> Database::execute(std::string_view sql, std::initializer_list<Value> values) {
  COFFERDAM_TRY(Rows rows, query(sql, values));
  COFFERDAM_TRY([[maybe_unused]] const bool row, rows.next());
  return sqlite3_changes64(connection_.get());
}

}  // namespace cofferdam::cloud
