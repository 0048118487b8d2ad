// SPDX-License-Identifier: Apache-2.0
#include "cloud/store.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/json.h"
#include "bytes/cbor.h"
#include "crypto/aead.h"

namespace cofferdam::cloud {
namespace {

constexpr std::int64_t kSchemaVersion = 1;
constexpr const char* kSchema = R"sql(
BEGIN IMMEDIATE;
CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE keys (
  id TEXT PRIMARY KEY, arn TEXT NOT NULL UNIQUE, account TEXT NOT NULL, state INTEGER NOT NULL,
  spec TEXT NOT NULL, usage TEXT NOT NULL, description TEXT NOT NULL, created INTEGER NOT NULL,
  policy TEXT NOT NULL, material BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX keys_of_account ON keys (account, id);
CREATE TABLE aliases (
  account TEXT NOT NULL, name TEXT NOT NULL, key_id TEXT NOT NULL REFERENCES keys (id),
  created INTEGER NOT NULL, PRIMARY KEY (account, name)) WITHOUT ROWID;
CREATE TABLE principals (
  access_key_id TEXT PRIMARY KEY, arn TEXT NOT NULL UNIQUE, role_arn TEXT NOT NULL,
  user_id TEXT NOT NULL, account TEXT NOT NULL, policies TEXT NOT NULL,
  secret BLOB NOT NULL, token BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (digest BLOB PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX documents_by_expiry ON documents (expires);
PRAGMA user_version = 1;
COMMIT;
)sql";

// Any sealed value would do: it tells whether the master key is the right one.
constexpr std::string_view kMasterKeyCheck = "master-key-check";

std::int64_t to_milliseconds(Timestamp time) { return time.time_since_epoch().count(); }

Timestamp from_milliseconds(std::int64_t value) {
  return Timestamp(std::chrono::milliseconds(value));
}

// What a sealed value is for: a value moved to another row or column does not open.
Bytes purpose(std::string_view kind, std::string_view id) {
  cbor::Writer writer;
  writer.array(3).text("cofferdam/store/v1").text(kind).text(id);
  return std::move(writer).take();
}

std::string to_text(const std::vector<std::string>& policies) {
  return json::serialize(json::array(policies.begin(), policies.end()));
}

Result<std::vector<std::string>> policies_from_text(std::string_view text) {
  COFFERDAM_TRY(const json::value value, parse_json(text, /*max_size=*/1 << 20));
  const json::array* array = value.if_array();
  if (array == nullptr) return fail(Errc::internal, "store: policies are not an array");
  std::vector<std::string> policies;
  for (const json::value& policy : *array) {
    if (!policy.is_string()) return fail(Errc::internal, "store: a policy is not text");
    policies.emplace_back(policy.as_string());
  }
  return policies;
}

Result<std::vector<std::string>> first_column(Rows rows) {
  std::vector<std::string> texts;
  for (;;) {
    COFFERDAM_TRY(const bool more, rows.next());
    if (!more) return texts;
    texts.push_back(rows.text(0));
  }
}

constexpr std::string_view kPrincipalColumns =
    "SELECT access_key_id, arn, role_arn, user_id, account, policies, secret, token "
    "FROM principals WHERE ";

}  // namespace

Result<Store> Store::open(const std::optional<std::filesystem::path>& path, Secret master_key) {
  if (master_key.size() != crypto::kAeadKeySize) {
    return fail(Errc::invalid_input, "store: the master key must have 32 bytes, not " +
                                         std::to_string(master_key.size()));
  }
  COFFERDAM_TRY(Database database, Database::open(path));
  Store store(std::move(database), std::move(master_key));
  COFFERDAM_CHECK(store.prepare());
  COFFERDAM_CHECK(store.check_master_key());
  return store;
}

Status Store::prepare() {
  std::int64_t version = 0;
  {
    COFFERDAM_TRY(Rows rows, database_.query("PRAGMA user_version"));
    COFFERDAM_TRY(const bool found, rows.next());
    if (found) version = rows.integer(0);
  }
  if (version == kSchemaVersion) return {};
  if (version == 0) return database_.script(kSchema);
  return fail(Errc::invalid_input, "store: the database has version " + std::to_string(version) +
                                       ", this program reads version " +
                                       std::to_string(kSchemaVersion));
}

Result<std::int64_t> Store::write(std::string_view sql,
                                  std::initializer_list<Database::Value> values) {
  if (deferred_) COFFERDAM_CHECK(database_.begin());
  return database_.execute(sql, values);
}

Status Store::check_master_key() {
  const auto check = find_secret(kMasterKeyCheck);
  if (!check) {
    return fail(Errc::unauthenticated,
                "store: the database is sealed under another master key than the one at hand");
  }
  return *check ? Status() : put_secret(kMasterKeyCheck, Secret::copy_of(as_bytes("opens")));
}

Result<std::optional<Secret>> Store::find_secret(std::string_view name) {
  COFFERDAM_TRY(Rows rows, database_.query("SELECT value FROM secrets WHERE name = ?1", {name}));
  COFFERDAM_TRY(const bool found, rows.next());
  if (!found) return std::optional<Secret>();
  COFFERDAM_TRY(Secret value, unseal("secret", name, rows.blob(0)));
  return std::optional(std::move(value));
}

Status Store::put_secret(std::string_view name, const Secret& value) {
  COFFERDAM_TRY(const Bytes sealed, seal("secret", name, value.reveal()));
  COFFERDAM_CHECK(
      write("INSERT OR REPLACE INTO secrets VALUES (?1, ?2)", {name, ByteView(sealed)}));
  return {};
}

Result<Bytes> Store::seal(std::string_view kind, std::string_view id, ByteView plaintext) const {
  return crypto::aead_seal(master_key_, plaintext, purpose(kind, id));
}

Result<Secret> Store::unseal(std::string_view kind, std::string_view id, ByteView sealed) const {
  auto opened = crypto::aead_open(master_key_, sealed, purpose(kind, id));
  if (!opened) return fail(Errc::internal, "store: a sealed value is damaged");
  return opened;
}

Status Store::add_key(const KeyRecord& key, const Secret& material) {
  COFFERDAM_TRY(const Bytes sealed, seal("key", key.id, material.reveal()));
  COFFERDAM_CHECK(write(
      "INSERT INTO keys (id, arn, account, state, spec, usage, description, created, policy, "
      "material) VALUES (?1, ?2, ?3, ?4, 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', ?5, ?6, ?7, ?8)",
      {std::string_view(key.id), std::string_view(key.arn), std::string_view(key.account),
       static_cast<std::int64_t>(key.state), std::string_view(key.description),
       to_milliseconds(key.created), std::string_view(key.policy), ByteView(sealed)}));
  return {};
}

Result<std::optional<KeyRecord>> Store::find_key(std::string_view id) {
  COFFERDAM_TRY(Rows rows, database_.query("SELECT id, arn, account, state, description, created, "
                                           "policy FROM keys WHERE id = ?1",
                                           {id}));
  COFFERDAM_TRY(const bool found, rows.next());
  if (!found) return std::optional<KeyRecord>();
  return KeyRecord{.id = rows.text(0),
                   .arn = rows.text(1),
                   .account = rows.text(2),
                   .state = rows.integer(3) == 0 ? KeyState::enabled : KeyState::disabled,
                   .description = rows.text(4),
                   .created = from_milliseconds(rows.integer(5)),
                   .policy = rows.text(6)};
}

Result<Secret> Store::key_material(std::string_view id) {
  COFFERDAM_TRY(Rows rows, database_.query("SELECT material FROM keys WHERE id = ?1", {id}));
  COFFERDAM_TRY(const bool found, rows.next());
  if (!found) return fail(Errc::not_found, "store: no such key");
  return unseal("key", id, rows.blob(0));
}

Result<std::vector<std::string>> Store::list_keys(std::string_view account, std::string_view marker,
                                                  std::size_t limit) {
  COFFERDAM_TRY(Rows rows, database_.query("SELECT id FROM keys WHERE account = ?1 AND id > ?2 "
                                           "ORDER BY id LIMIT ?3",
                                           {account, marker, static_cast<std::int64_t>(limit)}));
  return first_column(std::move(rows));
}

Status Store::set_key_policy(std::string_view id, std::string_view policy) {
  COFFERDAM_CHECK(write("UPDATE keys SET policy = ?2 WHERE id = ?1", {id, policy}));
  return {};
}

Status Store::set_key_state(std::string_view id, KeyState state) {
  COFFERDAM_CHECK(
      write("UPDATE keys SET state = ?2 WHERE id = ?1", {id, static_cast<std::int64_t>(state)}));
  return {};
}

Result<bool> Store::add_alias(std::string_view account, std::string_view name,
                              std::string_view key_id, Timestamp created) {
  COFFERDAM_TRY(const std::int64_t added, write("INSERT INTO aliases VALUES (?1, ?2, ?3, ?4) "
                                                "ON CONFLICT DO NOTHING",
                                                {account, name, key_id, to_milliseconds(created)}));
  return added == 1;
}

Result<std::optional<std::string>> Store::find_alias(std::string_view account,
                                                     std::string_view name) {
  COFFERDAM_TRY(Rows rows, database_.query("SELECT key_id FROM aliases WHERE account = ?1 "
                                           "AND name = ?2",
                                           {account, name}));
  COFFERDAM_TRY(const bool found, rows.next());
  return found ? std::optional(rows.text(0)) : std::nullopt;
}

Result<std::vector<std::string>> Store::aliases_of(std::string_view key_id) {
  COFFERDAM_TRY(Rows rows, database_.query("SELECT name FROM aliases WHERE key_id = ?1 "
                                           "ORDER BY name",
                                           {key_id}));
  return first_column(std::move(rows));
}

Status Store::put_principal(const PrincipalRecord& principal) {
  const std::string& id = principal.access_key_id;
  COFFERDAM_TRY(const Bytes secret,
                seal("principal-secret", id, principal.secret_access_key.reveal()));
  COFFERDAM_TRY(const Bytes token, seal("principal-token", id, as_bytes(principal.session_token)));
  const std::string policies = to_text(principal.identity_policies);
  COFFERDAM_CHECK(write(
      "INSERT OR REPLACE INTO principals VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      {std::string_view(id), std::string_view(principal.arn), std::string_view(principal.role_arn),
       std::string_view(principal.user_id), std::string_view(principal.account),
       std::string_view(policies), ByteView(secret), ByteView(token)}));
  return {};
}

Result<std::optional<PrincipalRecord>> Store::find_principal(std::string_view access_key_id) {
  static const std::string sql = std::string(kPrincipalColumns) + "access_key_id = ?1";
  COFFERDAM_TRY(Rows rows, database_.query(sql, {access_key_id}));
  return read_principal(std::move(rows));
}

Result<std::optional<PrincipalRecord>> Store::find_principal_by_arn(std::string_view arn) {
  static const std::string sql = std::string(kPrincipalColumns) + "arn = ?1";
  COFFERDAM_TRY(Rows rows, database_.query(sql, {arn}));
  return read_principal(std::move(rows));
}

Result<std::optional<PrincipalRecord>> Store::read_principal(Rows rows) const {
  COFFERDAM_TRY(const bool found, rows.next());
  if (!found) return std::optional<PrincipalRecord>();
  PrincipalRecord principal;
  principal.access_key_id = rows.text(0);
  principal.arn = rows.text(1);
  principal.role_arn = rows.text(2);
  principal.user_id = rows.text(3);
  principal.account = rows.text(4);
  COFFERDAM_TRY(principal.identity_policies, policies_from_text(rows.text(5)));
  const std::string& id = principal.access_key_id;
  COFFERDAM_TRY(principal.secret_access_key, unseal("principal-secret", id, rows.blob(6)));
  COFFERDAM_TRY(const Secret token, unseal("principal-token", id, rows.blob(7)));
  principal.session_token = as_text(token.reveal());
  return principal;
}

Result<bool> Store::remember_document(ByteView digest, Timestamp expires) {
  COFFERDAM_TRY(const std::int64_t added,
                write("INSERT INTO documents VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                      {digest, to_milliseconds(expires)}));
  return added == 1;
}

Status Store::forget_documents(Timestamp now) {
  COFFERDAM_CHECK(write("DELETE FROM documents WHERE expires < ?1", {to_milliseconds(now)}));
  return {};
}

}  // namespace cofferdam::cloud
