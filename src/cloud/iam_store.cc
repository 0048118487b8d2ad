// SPDX-License-Identifier: Apache-2.0
#include "cloud/iam_store.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "crypto/random.h"

namespace cofferdam::cloud {
namespace {

constexpr std::size_t kMaxJson = std::size_t{256} * 1024;
// The kinds under which earlier versions sealed the credentials of principals.
constexpr std::string_view kSecretKind = "principal-secret";
constexpr std::string_view kTokenKind = "principal-token";

constexpr std::string_view kIdentityColumns =
    "SELECT id, kind, account, name, path, created, boundary, tags, description, trust, "
    "max_session FROM iam_identities WHERE ";

constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::size_t kPrefixSize = 4;   // "AKIA"
constexpr std::size_t kHeadLetters = 8;  // Which only the account decides.

std::int64_t milliseconds(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp to_time(std::int64_t value) { return Timestamp(std::chrono::milliseconds(value)); }

std::string tags_text(const Tags& tags) {
  json::object out;
  for (const auto& [name, value] : tags) out[name] = value;
  return json::serialize(out);
}

Result<Tags> tags_from(const std::string& text) {
  COFFERDAM_TRY(const json::value value, parse_json(text, kMaxJson));
  Tags tags;
  if (!value.is_object()) return fail(Errc::internal, "store: damaged tags");
  for (const auto& [name, content] : value.get_object()) {
    if (!content.is_string()) return fail(Errc::internal, "store: damaged tags");
    tags.emplace(name, content.get_string());
  }
  return tags;
}

std::string list_text(const std::vector<std::string>& list) {
  return json::serialize(json::array(list.begin(), list.end()));
}

Result<std::vector<std::string>> list_from(const std::string& text) {
  COFFERDAM_TRY(const json::value value, parse_json(text, kMaxJson));
  std::vector<std::string> list;
  if (!value.is_array()) return fail(Errc::internal, "store: a damaged list");
  for (const json::value& entry : value.get_array()) {
    if (!entry.is_string()) return fail(Errc::internal, "store: a damaged list");
    list.emplace_back(entry.get_string());
  }
  return list;
}

Result<Identity> read_identity(const Rows& rows) {
  Identity out;
  out.id = rows.text(0);
  out.kind = rows.integer(1) == 0 ? Identity::Kind::user : Identity::Kind::role;
  out.account = rows.text(2);
  out.name = rows.text(3);
  out.path = rows.text(4);
  out.created = to_time(rows.integer(5));
  out.boundary = rows.text(6);
  COFFERDAM_TRY(out.tags, tags_from(rows.text(7)));
  out.description = rows.text(8);
  out.trust_policy = rows.text(9);
  out.max_session_seconds = rows.integer(10);
  return out;
}

AccessKey read_access_key(const Rows& rows) {
  AccessKey key;
  key.id = rows.text(0);
  key.user_id = rows.text(1);
  key.active = rows.integer(2) != 0;
  key.created = to_time(rows.integer(3));
  if (rows.integer(4) != 0) key.used = to_time(rows.integer(4));
  key.used_service = rows.text(5);
  key.used_region = rows.text(6);
  return key;
}

constexpr std::string_view kAccessKeyColumns =
    "SELECT id, identity, active, created, used, used_service, used_region FROM iam_access_keys "
    "WHERE ";

Result<ManagedPolicy> read_policy(const Rows& rows) {
  ManagedPolicy policy;
  policy.arn = rows.text(0);
  policy.id = rows.text(1);
  policy.account = rows.text(2);
  policy.name = rows.text(3);
  policy.path = rows.text(4);
  policy.description = rows.text(5);
  COFFERDAM_TRY(policy.tags, tags_from(rows.text(6)));
  policy.created = to_time(rows.integer(7));
  policy.updated = to_time(rows.integer(8));
  policy.default_version = rows.integer(9);
  policy.next_version = rows.integer(10);
  return policy;
}

constexpr std::string_view kPolicyColumns =
    "SELECT arn, id, account, name, path, description, tags, created, updated, current, next "
    "FROM iam_policies WHERE ";

Result<OidcProvider> read_provider(const Rows& rows) {
  OidcProvider provider;
  provider.arn = rows.text(0);
  provider.account = rows.text(1);
  provider.url = rows.text(2);
  provider.created = to_time(rows.integer(3));
  COFFERDAM_TRY(provider.client_ids, list_from(rows.text(4)));
  COFFERDAM_TRY(provider.thumbprints, list_from(rows.text(5)));
  COFFERDAM_TRY(provider.tags, tags_from(rows.text(6)));
  return provider;
}

constexpr std::string_view kProviderColumns =
    "SELECT arn, account, url, created, clients, thumbprints, tags FROM iam_oidc_providers WHERE ";

std::string select(std::string_view columns, std::string_view condition) {
  return std::string(columns) + std::string(condition);
}

// Every row of a query, each read by `read`.
template <class Read>
auto read_all(Result<Rows> found, Read read)
    -> Result<std::vector<typename decltype(read(std::declval<const Rows&>()))::value_type>> {
  if (!found) return std::unexpected(found.error());
  Rows rows = *std::move(found);
  std::vector<typename decltype(read(rows))::value_type> out;
  while (true) {
    COFFERDAM_TRY(const bool more, rows.next());
    if (!more) return out;
    COFFERDAM_TRY(auto item, read(rows));
    out.push_back(std::move(item));
  }
}

template <class Read>
auto read_one(Result<Rows> found, Read read)
    -> Result<std::optional<typename decltype(read(std::declval<const Rows&>()))::value_type>> {
  COFFERDAM_TRY(auto all, read_all(std::move(found), read));
  if (all.empty()) return std::nullopt;
  return std::optional(std::move(all.front()));
}

Result<std::string> read_text(const Rows& rows) { return rows.text(0); }
Result<std::int64_t> read_integer(const Rows& rows) { return rows.integer(0); }
Result<AccessKey> read_key(const Rows& rows) { return read_access_key(rows); }

std::string_view view(const std::string& text) { return text; }

Status done(const Result<std::int64_t>& written) {
  if (!written) return std::unexpected(written.error());
  return {};
}

}  // namespace

std::string Identity::arn() const {
  return "arn:aws:iam::" + account + (kind == Kind::user ? ":user" : ":role") + path + name;
}

std::string random_iam_id(std::string_view prefix) {
  std::string id(prefix);
  for (const std::uint8_t byte : crypto::random_bytes(16)) id += kBase32[byte % 32];
  return id;
}

// Eighty bits in base32: a one, forty bits of account number, the rest random.
std::string random_access_key_id(std::string_view prefix, std::string_view account) {
  std::string id = random_iam_id(prefix);
  std::uint64_t number = 0;
  std::from_chars(account.data(), account.data() + account.size(), number);
  const std::uint64_t head = (std::uint64_t{1} << 40) | number;
  for (std::size_t i = 0; i < kHeadLetters; ++i) {
    id[prefix.size() + i] = kBase32[(head >> (36 - 5 * i)) & 31];
  }
  // The last bit of the account shares its letter with four random ones.
  const std::size_t mixed = prefix.size() + kHeadLetters;
  id[mixed] = kBase32[((head & 1) << 4) | (kBase32.find(id[mixed]) & 15)];
  return id;
}

std::optional<std::string> account_of_access_key(std::string_view access_key_id) {
  if (access_key_id.size() != kPrefixSize + 16) return std::nullopt;
  std::uint64_t head = 0;
  for (const char letter : access_key_id.substr(kPrefixSize, kHeadLetters + 1)) {
    const std::size_t value = kBase32.find(letter);
    if (value == std::string_view::npos) return std::nullopt;
    head = (head << 5) | value;
  }
  head >>= 4;
  if (head >> 40 != 1) return std::nullopt;
  const std::string digits = std::to_string(head & ((std::uint64_t{1} << 40) - 1));
  if (digits.size() > 12) return std::nullopt;
  return std::string(12 - digits.size(), '0') + digits;
}

Secret random_secret_access_key() {
  Secret bytes(30);
  crypto::random_bytes(bytes.reveal_mut());
  return secret_to_base64(bytes);
}

Status IamStore::add_identity(const Identity& identity) {
  const std::string folded = to_lower(identity.name);
  const std::string tags = tags_text(identity.tags);
  return done(store_.write(
      "INSERT INTO iam_identities VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
      {view(identity.id), static_cast<std::int64_t>(identity.kind), view(identity.account),
       view(identity.name), view(folded), view(identity.path), milliseconds(identity.created),
       view(identity.boundary), view(tags), view(identity.description), view(identity.trust_policy),
       identity.max_session_seconds}));
}

Status IamStore::update_identity(const Identity& identity) {
  const std::string folded = to_lower(identity.name);
  const std::string tags = tags_text(identity.tags);
  return done(store_.write(
      "UPDATE iam_identities SET name = ?2, folded = ?3, path = ?4, boundary = ?5, tags = ?6, "
      "description = ?7, trust = ?8, max_session = ?9 WHERE id = ?1",
      {view(identity.id), view(identity.name), view(folded), view(identity.path),
       view(identity.boundary), view(tags), view(identity.description), view(identity.trust_policy),
       identity.max_session_seconds}));
}

Status IamStore::delete_identity(std::string_view id) {
  return done(store_.write("DELETE FROM iam_identities WHERE id = ?1", {id}));
}

Result<std::optional<Identity>> IamStore::find_identity(Identity::Kind kind,
                                                        std::string_view account,
                                                        std::string_view name) {
  static const std::string sql =
      select(kIdentityColumns, "kind = ?1 AND account = ?2 AND folded = ?3");
  const std::string folded = to_lower(name);
  const std::string all = std::string(kind == Identity::Kind::user ? "user/" : "role/")
                              .append(account)
                              .append("/")
                              .append(folded);
  if (const auto known = identities_.find(all)) return std::optional(*known);
  COFFERDAM_TRY(auto found, read_one(store_.query(sql, {static_cast<std::int64_t>(kind), account,
                                                        std::string_view(folded)}),
                                     read_identity));
  if (found) identities_.keep(all, *found);
  return found;
}

Result<std::optional<Identity>> IamStore::find_identity(std::string_view id) {
  static const std::string sql = select(kIdentityColumns, "id = ?1");
  return read_one(store_.query(sql, {id}), read_identity);
}

Result<std::vector<Identity>> IamStore::list_identities(Identity::Kind kind,
                                                        std::string_view account,
                                                        std::string_view path_prefix,
                                                        const ListPart& part) {
  static const std::string sql =
      select(kIdentityColumns,
             "kind = ?1 AND account = ?2 AND folded > ?3 AND substr(path, 1, length(?4)) = ?4 "
             "ORDER BY folded LIMIT ?5");
  return read_all(store_.query(sql, {static_cast<std::int64_t>(kind), account, view(part.after),
                                     path_prefix, static_cast<std::int64_t>(part.count)}),
                  read_identity);
}

Status IamStore::add_access_key(const AccessKey& key, const Secret& secret) {
  COFFERDAM_TRY(const Bytes sealed, store_.seal(kSecretKind, key.id, secret.reveal()));
  return done(store_.write("INSERT INTO iam_access_keys VALUES (?1, ?2, ?3, ?4, 0, '', '', ?5)",
                           {view(key.id), view(key.user_id), std::int64_t{key.active},
                            milliseconds(key.created), ByteView(sealed)}));
}

Status IamStore::update_access_key(const AccessKey& key) {
  const std::int64_t used = key.used ? milliseconds(*key.used) : 0;
  return done(store_.write(
      "UPDATE iam_access_keys SET active = ?2, used = ?3, used_service = ?4, used_region = ?5 "
      "WHERE id = ?1",
      {view(key.id), std::int64_t{key.active}, used, view(key.used_service),
       view(key.used_region)}));
}

Status IamStore::delete_access_key(std::string_view id) {
  return done(store_.write("DELETE FROM iam_access_keys WHERE id = ?1", {id}));
}

Result<std::optional<AccessKey>> IamStore::find_access_key(std::string_view id) {
  static const std::string sql = select(kAccessKeyColumns, "id = ?1");
  return read_one(store_.query(sql, {id}), read_key);
}

Result<Secret> IamStore::access_key_secret(std::string_view id) {
  COFFERDAM_TRY(Rows rows, store_.query("SELECT secret FROM iam_access_keys WHERE id = ?1", {id}));
  COFFERDAM_TRY(const bool found, rows.next());
  if (!found) return fail(Errc::internal, "store: no such access key");
  return store_.unseal(kSecretKind, id, rows.blob(0));
}

Result<std::vector<AccessKey>> IamStore::access_keys_of(std::string_view user_id) {
  static const std::string sql = select(kAccessKeyColumns, "identity = ?1 ORDER BY id");
  return read_all(store_.query(sql, {user_id}), read_key);
}

Status IamStore::add_fixed_session(const FixedSession& session) {
  const std::string& id = session.access_key_id;
  COFFERDAM_TRY(const Bytes secret,
                store_.seal(kSecretKind, id, session.secret_access_key.reveal()));
  COFFERDAM_TRY(const Bytes token, store_.seal(kTokenKind, id, as_bytes(session.session_token)));
  return done(store_.write(
      "INSERT INTO iam_fixed_sessions VALUES (?1, ?2, ?3, ?4, ?5)",
      {view(id), view(session.role_id), view(session.name), ByteView(secret), ByteView(token)}));
}

namespace {

Result<std::optional<FixedSession>> read_fixed_session(const Store& store, Result<Rows> query) {
  COFFERDAM_TRY(Rows rows, std::move(query));
  COFFERDAM_TRY(const bool found, rows.next());
  if (!found) return std::optional<FixedSession>();
  FixedSession session;
  session.access_key_id = rows.text(0);
  session.role_id = rows.text(1);
  session.name = rows.text(2);
  const std::string& id = session.access_key_id;
  COFFERDAM_TRY(session.secret_access_key, store.unseal(kSecretKind, id, rows.blob(3)));
  COFFERDAM_TRY(const Secret token, store.unseal(kTokenKind, id, rows.blob(4)));
  session.session_token = as_text(token.reveal());
  return session;
}

}  // namespace

Result<std::optional<FixedSession>> IamStore::find_fixed_session(std::string_view access_key_id) {
  return read_fixed_session(store_,
                            store_.query("SELECT access_key, role, name, secret, token FROM "
                                         "iam_fixed_sessions WHERE access_key = ?1",
                                         {access_key_id}));
}

Result<std::optional<FixedSession>> IamStore::find_fixed_session(std::string_view role_id,
                                                                 std::string_view name) {
  return read_fixed_session(store_,
                            store_.query("SELECT access_key, role, name, secret, token FROM "
                                         "iam_fixed_sessions WHERE role = ?1 AND name = ?2",
                                         {role_id, name}));
}

Status IamStore::put_inline_policy(std::string_view identity, const NamedPolicy& policy) {
  return done(store_.write("INSERT OR REPLACE INTO iam_inline_policies VALUES (?1, ?2, ?3)",
                           {identity, view(policy.name), view(policy.document)}));
}

Result<bool> IamStore::delete_inline_policy(std::string_view identity, std::string_view name) {
  COFFERDAM_TRY(const std::int64_t gone,
                store_.write("DELETE FROM iam_inline_policies WHERE identity = ?1 AND name = ?2",
                             {identity, name}));
  return gone == 1;
}

Result<std::vector<NamedPolicy>> IamStore::inline_policies(std::string_view identity) {
  return read_all(store_.query("SELECT name, document FROM iam_inline_policies WHERE identity = "
                               "?1 ORDER BY name",
                               {identity}),
                  [](const Rows& rows) -> Result<NamedPolicy> {
                    return NamedPolicy{.name = rows.text(0), .document = rows.text(1)};
                  });
}

Status IamStore::attach(std::string_view identity, std::string_view policy_arn) {
  return done(store_.write("INSERT INTO iam_attachments VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                           {identity, policy_arn}));
}

Result<bool> IamStore::detach(std::string_view identity, std::string_view policy_arn) {
  COFFERDAM_TRY(const std::int64_t gone,
                store_.write("DELETE FROM iam_attachments WHERE identity = ?1 AND policy = ?2",
                             {identity, policy_arn}));
  return gone == 1;
}

Result<std::vector<std::string>> IamStore::attachments(std::string_view identity) {
  return read_all(
      store_.query("SELECT policy FROM iam_attachments WHERE identity = ?1 ORDER BY policy",
                   {identity}),
      read_text);
}

Result<std::int64_t> IamStore::attachment_count(std::string_view policy_arn) {
  COFFERDAM_TRY(
      const auto count,
      read_one(store_.query("SELECT COUNT(*) FROM iam_attachments WHERE policy = ?1", {policy_arn}),
               read_integer));
  return count.value_or(0);
}

Result<std::int64_t> IamStore::boundary_count(std::string_view policy_arn) {
  COFFERDAM_TRY(const auto count,
                read_one(store_.query("SELECT COUNT(*) FROM iam_identities WHERE boundary = ?1",
                                      {policy_arn}),
                         read_integer));
  return count.value_or(0);
}

Status IamStore::add_policy(const ManagedPolicy& policy, const PolicyVersion& version) {
  const std::string folded = to_lower(policy.name);
  const std::string tags = tags_text(policy.tags);
  COFFERDAM_CHECK(store_.write(
      "INSERT INTO iam_policies VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
      {view(policy.arn), view(policy.id), view(policy.account), view(policy.name), view(folded),
       view(policy.path), view(policy.description), view(tags), milliseconds(policy.created),
       milliseconds(policy.updated), policy.default_version, policy.next_version}));
  return add_policy_version(policy.arn, version);
}

Status IamStore::update_policy(const ManagedPolicy& policy) {
  const std::string tags = tags_text(policy.tags);
  return done(store_.write(
      "UPDATE iam_policies SET updated = ?2, current = ?3, next = ?4, tags = ?5 WHERE arn = ?1",
      {view(policy.arn), milliseconds(policy.updated), policy.default_version, policy.next_version,
       view(tags)}));
}

Status IamStore::delete_policy(std::string_view arn) {
  COFFERDAM_CHECK(store_.write("DELETE FROM iam_policy_versions WHERE policy = ?1", {arn}));
  return done(store_.write("DELETE FROM iam_policies WHERE arn = ?1", {arn}));
}

Result<std::optional<ManagedPolicy>> IamStore::find_policy(std::string_view arn) {
  static const std::string sql = select(kPolicyColumns, "arn = ?1");
  return read_one(store_.query(sql, {arn}), read_policy);
}

Result<std::vector<ManagedPolicy>> IamStore::list_policies(std::string_view account) {
  static const std::string sql = select(kPolicyColumns, "account = ?1 ORDER BY folded");
  return read_all(store_.query(sql, {account}), read_policy);
}

Status IamStore::add_policy_version(std::string_view arn, const PolicyVersion& version) {
  return done(
      store_.write("INSERT INTO iam_policy_versions VALUES (?1, ?2, ?3, ?4)",
                   {arn, version.version, milliseconds(version.created), view(version.document)}));
}

Status IamStore::delete_policy_version(std::string_view arn, std::int64_t version) {
  return done(store_.write("DELETE FROM iam_policy_versions WHERE policy = ?1 AND version = ?2",
                           {arn, version}));
}

Result<std::vector<PolicyVersion>> IamStore::policy_versions(std::string_view arn) {
  return read_all(store_.query("SELECT version, created, document FROM iam_policy_versions WHERE "
                               "policy = ?1 ORDER BY version DESC",
                               {arn}),
                  [](const Rows& rows) -> Result<PolicyVersion> {
                    return PolicyVersion{.version = rows.integer(0),
                                         .created = to_time(rows.integer(1)),
                                         .document = rows.text(2)};
                  });
}

Result<std::optional<std::string>> IamStore::policy_document(std::string_view arn) {
  return read_one(store_.query("SELECT document FROM iam_policy_versions JOIN iam_policies ON "
                               "policy = arn AND version = current WHERE arn = ?1",
                               {arn}),
                  read_text);
}

Status IamStore::put_provider(const OidcProvider& provider) {
  const std::string clients = list_text(provider.client_ids);
  const std::string thumbprints = list_text(provider.thumbprints);
  const std::string tags = tags_text(provider.tags);
  return done(
      store_.write("INSERT OR REPLACE INTO iam_oidc_providers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                   {view(provider.arn), view(provider.account), view(provider.url),
                    milliseconds(provider.created), view(clients), view(thumbprints), view(tags)}));
}

Status IamStore::delete_provider(std::string_view arn) {
  return done(store_.write("DELETE FROM iam_oidc_providers WHERE arn = ?1", {arn}));
}

Result<std::optional<OidcProvider>> IamStore::find_provider(std::string_view arn) {
  static const std::string sql = select(kProviderColumns, "arn = ?1");
  if (const auto known = providers_.find(arn)) return std::optional(*known);
  COFFERDAM_TRY(auto found, read_one(store_.query(sql, {arn}), read_provider));
  if (found) providers_.keep(arn, *found);
  return found;
}

Result<std::vector<OidcProvider>> IamStore::list_providers(std::string_view account) {
  static const std::string sql = select(kProviderColumns, "account = ?1 ORDER BY arn");
  return read_all(store_.query(sql, {account}), read_provider);
}

Result<bool> IamStore::trusts_issuer(std::string_view url) {
  if (const auto known = trusted_.find(url)) return *known;
  COFFERDAM_TRY(
      const auto count,
      read_one(store_.query("SELECT COUNT(*) FROM iam_oidc_providers WHERE url = ?1", {url}),
               read_integer));
  const bool trusted = count.value_or(0) > 0;
  // Anybody can ask about any URL: only the answers that matter are remembered.
  if (trusted) trusted_.keep(url, trusted);
  return trusted;
}

Status IamStore::put_organization(std::string_view account, const Organization& organization) {
  return store_.atomically([&]() -> Status {
    COFFERDAM_CHECK(store_.write("DELETE FROM iam_control_policies WHERE account = ?1", {account}));
    COFFERDAM_CHECK(store_.write("INSERT OR REPLACE INTO iam_organizations VALUES (?1, ?2)",
                                 {account, view(organization.id)}));
    for (std::size_t level = 0; level < organization.levels.size(); ++level) {
      const auto& policies = organization.levels[level];
      for (std::size_t i = 0; i < policies.size(); ++i) {
        COFFERDAM_CHECK(
            store_.write("INSERT INTO iam_control_policies VALUES (?1, ?2, ?3, ?4, ?5)",
                         {account, static_cast<std::int64_t>(level), static_cast<std::int64_t>(i),
                          view(policies[i].name), view(policies[i].document)}));
      }
    }
    return {};
  });
}

Result<Organization> IamStore::organization_of(std::string_view account) {
  Organization out;
  COFFERDAM_TRY(
      auto id,
      read_one(store_.query("SELECT id FROM iam_organizations WHERE account = ?1", {account}),
               read_text));
  if (!id) return out;
  out.id = *std::move(id);
  COFFERDAM_TRY(Rows rows,
                store_.query("SELECT level, name, document FROM iam_control_policies WHERE account "
                             "= ?1 ORDER BY level, position",
                             {account}));
  while (true) {
    COFFERDAM_TRY(const bool more, rows.next());
    if (!more) return out;
    out.levels.resize(static_cast<std::size_t>(rows.integer(0)) + 1);
    out.levels.back().push_back({.name = rows.text(1), .document = rows.text(2)});
  }
}

}  // namespace cofferdam::cloud
