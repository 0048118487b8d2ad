// SPDX-License-Identifier: Apache-2.0
#include "cloud/store.h"

#include <array>

#include "bytes/cbor.h"
#include "cloud/iam_schema.h"
#include "cloud/secrets_schema.h"
#include "crypto/aead.h"

namespace cofferdam::cloud {
namespace {

// What leads from one version of the database to the next. Never changed once released.
constexpr const char* kVersion1 = R"sql(
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
// Key material gets generations, keys a life cycle; tags and grants.
constexpr const char* kVersion2 = R"sql(
BEGIN IMMEDIATE;
CREATE TABLE materials (
  key_id TEXT NOT NULL REFERENCES keys (id), serial INTEGER NOT NULL, created INTEGER NOT NULL,
  on_demand INTEGER NOT NULL, material BLOB NOT NULL, PRIMARY KEY (key_id, serial)) WITHOUT ROWID;
INSERT INTO materials SELECT id, 0, created, 0, material FROM keys;
ALTER TABLE keys DROP COLUMN material;
ALTER TABLE keys ADD COLUMN deletion INTEGER NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN rotation_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN next_rotation INTEGER NOT NULL DEFAULT 0;
CREATE INDEX keys_by_deletion ON keys (deletion) WHERE deletion > 0;
ALTER TABLE aliases ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;
UPDATE aliases SET updated = created;
CREATE INDEX aliases_of_key ON aliases (key_id, name);
CREATE TABLE tags (
  key_id TEXT NOT NULL REFERENCES keys (id), name TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (key_id, name)) WITHOUT ROWID;
CREATE TABLE grants (
  id TEXT PRIMARY KEY, key_id TEXT NOT NULL REFERENCES keys (id), name TEXT NOT NULL,
  grantee TEXT NOT NULL, retiring TEXT NOT NULL, issuer TEXT NOT NULL, operations TEXT NOT NULL,
  constraints TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX grants_of_key ON grants (key_id, id);
CREATE INDEX grants_by_retiring ON grants (retiring, id);
PRAGMA user_version = 2;
COMMIT;
)sql";
constexpr std::array kVersions{kVersion1, kVersion2, kSecretsSchema, kIamSchema};

// Any sealed value would do: it tells whether the master key is the right one.
constexpr std::string_view kMasterKeyCheck = "master-key-check";

std::int64_t to_milliseconds(Timestamp time) { return time.time_since_epoch().count(); }

// What a sealed value is for: a value moved to another row or column does not open.
Bytes purpose(std::string_view kind, std::string_view id) {
  cbor::Writer writer;
  writer.array(3).text("cofferdam/store/v1").text(kind).text(id);
  return std::move(writer).take();
}

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
  constexpr auto kNewest = static_cast<std::int64_t>(kVersions.size());
  if (version < 0 || version > kNewest) {
    return fail(Errc::invalid_input, "store: the database has version " + std::to_string(version) +
                                         ", this program reads up to version " +
                                         std::to_string(kNewest));
  }
  for (; version < kNewest; ++version) {
    Status done = database_.script(kVersions[static_cast<std::size_t>(version)]);
    if (!done) {
      // A script stops where it fails, inside its transaction.
      if (database_.in_transaction()) COFFERDAM_CHECK(database_.script("ROLLBACK"));
      return done;
    }
  }
  return {};
}

Status Store::atomically(const std::function<Status()>& work) {
  if (deferred_) COFFERDAM_CHECK(database_.begin());
  COFFERDAM_CHECK(database_.execute("SAVEPOINT work"));
  Status done = work();
  if (!done) {
    ++generation_;
    COFFERDAM_CHECK(database_.execute("ROLLBACK TO work"));
  }
  COFFERDAM_CHECK(database_.execute("RELEASE work"));
  return done;
}

// A commit that fails takes back what others may have read meanwhile.
Status Store::commit() {
  Status done = database_.commit();
  if (!done) ++generation_;
  return done;
}

Result<std::int64_t> Store::write(std::string_view sql,
                                  std::initializer_list<Database::Value> values) {
  ++generation_;
  return execute(sql, values);
}

Result<std::int64_t> Store::execute(std::string_view sql,
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

Result<bool> Store::remember_document(ByteView digest, Timestamp expires) {
  COFFERDAM_TRY(const std::int64_t added,
                execute("INSERT INTO documents VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                        {digest, to_milliseconds(expires)}));
  return added == 1;
}

Status Store::forget_documents(Timestamp now) {
  COFFERDAM_CHECK(execute("DELETE FROM documents WHERE expires < ?1", {to_milliseconds(now)}));
  return {};
}

}  // namespace cofferdam::cloud
