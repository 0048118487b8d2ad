// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "cloud/database.h"

namespace cofferdam::cloud {

// Everything the local AWS remembers, in one SQLite database. What a call wrote is on
// disk when the call returns, or after defer_commits() when commit() does. Key material, secret
// access keys and session tokens are sealed under the master key, each bound to its row; a wrong
// master key is found out on opening. Errors: Errc::unavailable for the disk, Errc::internal for a
// damaged row.
//
// One writer, one thread.
class Store {
 public:
  // In memory without a path. `master_key` has crypto::kAeadKeySize bytes.
  static Result<Store> open(const std::optional<std::filesystem::path>& path, Secret master_key);

  // From now on writes wait for commit(), so that many cost one wait for the disk. Nobody
  // may be told of a write before it is committed.
  void defer_commits() noexcept { deferred_ = true; }
  bool has_uncommitted() const noexcept { return database_.in_transaction(); }
  Status commit();
  // Everything `work` writes or, if it fails, nothing.
  Status atomically(const std::function<Status()>& work);
  // Another one each time that what is stored may have changed, if only back to what it was;
  // documents aside. For what was read and is remembered (remembered.h).
  std::uint64_t generation() const noexcept { return generation_; }

  // A secret of the installation itself under a name of its own, such as its TLS CA.
  Result<std::optional<Secret>> find_secret(std::string_view name);
  Status put_secret(std::string_view name, const Secret& value);

  // Remembers an attestation document until `expires`; false if it was seen before.
  Result<bool> remember_document(ByteView digest, Timestamp expires);
  Status forget_documents(Timestamp now);

  // For the tables of one service, which live in a class of that service: SQL is always a
  // literal, and what is secret is sealed under its kind and the id of its row.
  Result<Rows> query(std::string_view sql, std::initializer_list<Database::Value> values) {
    return database_.query(sql, values);
  }
  Result<std::int64_t> write(std::string_view sql, std::initializer_list<Database::Value> values);
  Result<Bytes> seal(std::string_view kind, std::string_view id, ByteView plaintext) const;
  Result<Secret> unseal(std::string_view kind, std::string_view id, ByteView sealed) const;

 private:
  Store(Database database, Secret master_key)
      : database_(std::move(database)), master_key_(std::move(master_key)) {}
  Status prepare();
  Status check_master_key();
  Result<std::int64_t> execute(std::string_view sql, std::initializer_list<Database::Value> values);

  Database database_;
  Secret master_key_;
  std::uint64_t generation_ = 1;
  bool deferred_ = false;
};

}  // namespace cofferdam::cloud
