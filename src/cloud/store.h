// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "cloud/database.h"

namespace cofferdam::cloud {

enum class KeyState : std::uint8_t { enabled, disabled };

// A symmetric KMS key, all but its material.
struct KeyRecord {
  std::string id;       // UUID in text.
  std::string arn;      // Full key ARN.
  std::string account;  // 12 digits.
  KeyState state = KeyState::enabled;
  std::string description;
  Timestamp created;
  std::string policy;  // JSON, as given.
};

// Who signs requests with one access key. `session_token` is empty for a user.
struct PrincipalRecord {
  std::string access_key_id;
  std::string arn;       // Of the user, or of the role session.
  std::string role_arn;  // Of the role behind a session; empty for a user.
  std::string user_id;
  std::string account;
  std::vector<std::string> identity_policies;  // JSON documents.
  Secret secret_access_key;
  std::string session_token;
};

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
  Status commit() { return database_.commit(); }

  Status add_key(const KeyRecord& key, const Secret& material);
  Result<std::optional<KeyRecord>> find_key(std::string_view id);
  Result<Secret> key_material(std::string_view id);
  // Ids in order, after `marker`, at most `limit`.
  Result<std::vector<std::string>> list_keys(std::string_view account, std::string_view marker,
                                             std::size_t limit);
  Status set_key_policy(std::string_view id, std::string_view policy);
  Status set_key_state(std::string_view id, KeyState state);

  // False if the account already has an alias of this name ("alias/...").
  Result<bool> add_alias(std::string_view account, std::string_view name, std::string_view key_id,
                         Timestamp created);
  Result<std::optional<std::string>> find_alias(std::string_view account, std::string_view name);
  // The names of a key, in order.
  Result<std::vector<std::string>> aliases_of(std::string_view key_id);

  Status put_principal(const PrincipalRecord& principal);
  Result<std::optional<PrincipalRecord>> find_principal(std::string_view access_key_id);
  Result<std::optional<PrincipalRecord>> find_principal_by_arn(std::string_view arn);

  // A secret of the installation itself under a name of its own, such as its TLS CA.
  Result<std::optional<Secret>> find_secret(std::string_view name);
  Status put_secret(std::string_view name, const Secret& value);

  // Remembers an attestation document until `expires`; false if it was seen before.
  Result<bool> remember_document(ByteView digest, Timestamp expires);
  Status forget_documents(Timestamp now);

 private:
  Store(Database database, Secret master_key)
      : database_(std::move(database)), master_key_(std::move(master_key)) {}
  Status prepare();
  Result<std::int64_t> write(std::string_view sql, std::initializer_list<Database::Value> values);
  Status check_master_key();
  Result<Bytes> seal(std::string_view kind, std::string_view id, ByteView plaintext) const;
  Result<Secret> unseal(std::string_view kind, std::string_view id, ByteView sealed) const;
  Result<std::optional<PrincipalRecord>> read_principal(Rows rows) const;

  Database database_;
  Secret master_key_;
  bool deferred_ = false;
};

}  // namespace cofferdam::cloud
