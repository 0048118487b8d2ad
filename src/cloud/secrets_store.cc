// SPDX-License-Identifier: Apache-2.0
#include "cloud/secrets_store.h"

namespace cofferdam::cloud {
namespace {

constexpr std::string_view kColumns =
    "SELECT arn, account, name, description, kms_key, policy, created, changed, accessed, "
    "deletion, rotation, lambda, after_days, schedule, duration, rotated, next_rotation "
    "FROM sm_secrets ";

// Larger values are read anew each time, to keep what is remembered small.
constexpr std::size_t kMostRemembered = 4096;

std::int64_t to_milliseconds(Timestamp time) { return time.time_since_epoch().count(); }

Timestamp from_milliseconds(std::int64_t value) {
  return Timestamp(std::chrono::milliseconds(value));
}

// Absent is zero in the database.
std::int64_t to_milliseconds(const std::optional<Timestamp>& time) {
  return time ? to_milliseconds(*time) : 0;
}

std::optional<Timestamp> optional_time(std::int64_t value) {
  return value == 0 ? std::nullopt : std::optional(from_milliseconds(value));
}

// Never configured, switched off, switched on.
std::int64_t rotation_state(const SecretRecord& secret) {
  if (!secret.rotation) return 0;
  return secret.rotation->enabled ? 2 : 1;
}

SecretRecord read_secret(const Rows& rows) {
  SecretRecord secret;
  secret.arn = rows.text(0);
  secret.account = rows.text(1);
  secret.name = rows.text(2);
  secret.description = rows.text(3);
  secret.kms_key = rows.text(4);
  secret.policy = rows.text(5);
  secret.created = from_milliseconds(rows.integer(6));
  secret.changed = from_milliseconds(rows.integer(7));
  secret.accessed = optional_time(rows.integer(8));
  secret.deletion = optional_time(rows.integer(9));
  if (rows.integer(10) != 0) {
    secret.rotation = RotationSettings{.enabled = rows.integer(10) == 2,
                                       .lambda_arn = rows.text(11),
                                       .after_days = rows.integer(12),
                                       .schedule = rows.text(13),
                                       .duration = rows.text(14)};
  }
  secret.rotated = optional_time(rows.integer(15));
  secret.next_rotation = optional_time(rows.integer(16));
  return secret;
}

Result<std::optional<SecretRecord>> first_secret(Rows rows) {
  COFFERDAM_TRY(const bool found, rows.next());
  return found ? std::optional(read_secret(rows)) : std::nullopt;
}

// Every row through `read`.
template <class Read>
auto collect(Rows rows, Read read) -> Result<std::vector<decltype(read(rows))>> {
  std::vector<decltype(read(rows))> out;
  for (;;) {
    COFFERDAM_TRY(const bool more, rows.next());
    if (!more) return out;
    out.push_back(read(rows));
  }
}

std::string_view column_of(SecretOrder order) noexcept {
  switch (order) {
    case SecretOrder::created:
      return "created";
    case SecretOrder::accessed:
      return "accessed";
    case SecretOrder::changed:
      return "changed";
    case SecretOrder::name:
      break;
  }
  return "name";
}

std::string list_sql(const SecretsAfter& after) {
  const std::string column(column_of(after.order));
  const std::string_view direction = after.descending ? " DESC" : "";
  std::string sql = std::string(kColumns) + "WHERE account = ?1 ";
  if (after.last) {
    sql += "AND (" + column + ", arn) " + (after.descending ? "<" : ">") + " (?2, ?3) ";
  }
  sql += "ORDER BY " + column;
  sql.append(direction).append(", arn").append(direction).append(" LIMIT ?4");
  return sql;
}

Database::Value position_of(SecretOrder order, const SecretRecord& secret) {
  switch (order) {
    case SecretOrder::created:
      return to_milliseconds(secret.created);
    case SecretOrder::accessed:
      return to_milliseconds(secret.accessed);
    case SecretOrder::changed:
      return to_milliseconds(secret.changed);
    case SecretOrder::name:
      break;
  }
  return std::string_view(secret.name);
}

}  // namespace

Status SecretsStore::add(const SecretRecord& secret) {
  return store_.atomically([&]() -> Status {
    COFFERDAM_CHECK(store_.write(
        "INSERT INTO sm_secrets (arn, account, name, created, description, kms_key, policy, "
        "changed, accessed, deletion, rotation, lambda, after_days, schedule, duration, rotated, "
        "next_rotation) VALUES (?1, ?2, ?3, ?4, '', '', '', 0, 0, 0, 0, '', 0, '', '', 0, 0)",
        {std::string_view(secret.arn), std::string_view(secret.account),
         std::string_view(secret.name), to_milliseconds(secret.created)}));
    return update(secret);
  });
}

Result<std::optional<SecretRecord>> SecretsStore::find(std::string_view arn) {
  static const std::string sql = std::string(kColumns) + "WHERE arn = ?1";
  if (const auto known = records_.find(arn)) return std::optional(*known);
  COFFERDAM_TRY(Rows rows, store_.query(sql, {arn}));
  COFFERDAM_TRY(auto found, first_secret(std::move(rows)));
  if (found) records_.keep(arn, *found);
  return found;
}

Result<std::optional<SecretRecord>> SecretsStore::find_by_name(std::string_view account,
                                                               std::string_view name) {
  static const std::string sql = std::string(kColumns) + "WHERE account = ?1 AND name = ?2";
  const std::string both = std::string(account).append("/").append(name);
  if (const auto known = records_.find(both)) return std::optional(*known);
  COFFERDAM_TRY(Rows rows, store_.query(sql, {account, name}));
  COFFERDAM_TRY(auto found, first_secret(std::move(rows)));
  if (found) records_.keep(both, *found);
  return found;
}

Status SecretsStore::update(const SecretRecord& secret) {
  const RotationSettings rotation = secret.rotation.value_or(RotationSettings());
  COFFERDAM_CHECK(store_.write(
      "UPDATE sm_secrets SET description = ?2, kms_key = ?3, policy = ?4, changed = ?5, "
      "accessed = ?6, deletion = ?7, rotation = ?8, lambda = ?9, after_days = ?10, "
      "schedule = ?11, duration = ?12, rotated = ?13, next_rotation = ?14 WHERE arn = ?1",
      {std::string_view(secret.arn), std::string_view(secret.description),
       std::string_view(secret.kms_key), std::string_view(secret.policy),
       to_milliseconds(secret.changed), to_milliseconds(secret.accessed),
       to_milliseconds(secret.deletion), rotation_state(secret),
       std::string_view(rotation.lambda_arn), rotation.after_days,
       std::string_view(rotation.schedule), std::string_view(rotation.duration),
       to_milliseconds(secret.rotated), to_milliseconds(secret.next_rotation)}));
  return {};
}

Status SecretsStore::remove(std::string_view arn) {
  return store_.atomically([&]() -> Status {
    for (const std::string_view sql :
         {"DELETE FROM sm_labels WHERE secret = ?1", "DELETE FROM sm_data_keys WHERE secret = ?1",
          "DELETE FROM sm_versions WHERE secret = ?1", "DELETE FROM sm_tags WHERE secret = ?1",
          "DELETE FROM sm_secrets WHERE arn = ?1"}) {
      COFFERDAM_CHECK(store_.write(sql, {arn}));
    }
    return {};
  });
}

Result<std::vector<SecretRecord>> SecretsStore::list(std::string_view account,
                                                     const SecretsAfter& after, std::size_t limit) {
  const auto most = static_cast<std::int64_t>(limit);
  const SecretRecord last = after.last.value_or(SecretRecord());
  COFFERDAM_TRY(Rows rows, store_.query(list_sql(after), {account, position_of(after.order, last),
                                                          std::string_view(last.arn), most}));
  return collect(std::move(rows), read_secret);
}

Result<Timestamp> SecretsStore::first_deletion() {
  if (const auto known = first_deletion_.find({})) return *known;
  COFFERDAM_TRY(Rows rows,
                store_.query("SELECT MIN(deletion) FROM sm_secrets WHERE deletion > 0", {}));
  COFFERDAM_TRY([[maybe_unused]] const bool found, rows.next());
  return *first_deletion_.keep({}, optional_time(rows.integer(0)).value_or(Timestamp::max()));
}

Result<std::vector<std::string>> SecretsStore::due_for_deletion(Timestamp now) {
  COFFERDAM_TRY(const Timestamp first, first_deletion());
  if (now < first) return std::vector<std::string>();
  COFFERDAM_TRY(Rows rows,
                store_.query("SELECT arn FROM sm_secrets WHERE deletion > 0 AND deletion <= ?1",
                             {to_milliseconds(now)}));
  return collect(std::move(rows), [](const Rows& row) { return row.text(0); });
}

Result<SecretVersions> SecretsStore::labels(std::string_view arn) {
  if (const auto known = labels_.find(arn)) return *known;
  COFFERDAM_TRY(SecretVersions found, read_labels(arn));
  return *labels_.keep(arn, std::move(found));
}

Result<SecretVersions> SecretsStore::read_labels(std::string_view arn) {
  std::map<std::string, SecretVersions::Stages, std::less<>> versions;
  COFFERDAM_TRY(Rows ids, store_.query("SELECT id FROM sm_versions WHERE secret = ?1", {arn}));
  COFFERDAM_TRY(const auto names,
                collect(std::move(ids), [](const Rows& row) { return row.text(0); }));
  for (const std::string& name : names) versions[name];
  COFFERDAM_TRY(Rows rows,
                store_.query("SELECT version, label FROM sm_labels WHERE secret = ?1", {arn}));
  COFFERDAM_TRY(const auto labels, collect(std::move(rows), [](const Rows& row) {
                  return std::pair(row.text(0), row.text(1));
                }));
  for (const auto& [version, label] : labels) versions[version].insert(label);
  return SecretVersions(std::move(versions));
}

Status SecretsStore::put_labels(std::string_view arn, const SecretVersions& versions) {
  return store_.atomically([&]() -> Status {
    COFFERDAM_CHECK(store_.write("DELETE FROM sm_labels WHERE secret = ?1", {arn}));
    for (const auto& [version, labels] : versions.all()) {
      for (const std::string& label : labels) {
        COFFERDAM_CHECK(
            store_.write("INSERT INTO sm_labels (secret, label, version) VALUES (?1, ?2, ?3)",
                         {arn, std::string_view(label), std::string_view(version)}));
      }
    }
    return {};
  });
}

Status SecretsStore::put_version(std::string_view arn, const SecretVersion& version) {
  return store_.atomically([&]() -> Status {
    COFFERDAM_CHECK(store_.write(
        "INSERT INTO sm_versions (secret, id, serial, created, accessed, is_binary, sealed) "
        "VALUES (?1, ?2, (SELECT COALESCE(MAX(serial), 0) + 1 FROM sm_versions "
        "WHERE secret = ?1), ?3, ?4, ?5, ?6) ON CONFLICT (secret, id) DO UPDATE SET "
        "created = excluded.created, accessed = excluded.accessed, "
        "is_binary = excluded.is_binary, sealed = excluded.sealed",
        {arn, std::string_view(version.id), to_milliseconds(version.created),
         to_milliseconds(version.accessed), static_cast<std::int64_t>(version.binary),
         ByteView(version.sealed)}));
    COFFERDAM_CHECK(store_.write("DELETE FROM sm_data_keys WHERE secret = ?1 AND version = ?2",
                                 {arn, std::string_view(version.id)}));
    for (std::size_t i = 0; i < version.keys.size(); ++i) {
      COFFERDAM_CHECK(store_.write(
          "INSERT INTO sm_data_keys (secret, version, position, kms_key, blob) "
          "VALUES (?1, ?2, ?3, ?4, ?5)",
          {arn, std::string_view(version.id), static_cast<std::int64_t>(i),
           std::string_view(version.keys[i].kms_key), ByteView(version.keys[i].blob)}));
    }
    return {};
  });
}

Result<std::vector<WrappedKey>> SecretsStore::keys(std::string_view arn, std::string_view version) {
  COFFERDAM_TRY(Rows rows,
                store_.query("SELECT kms_key, blob FROM sm_data_keys WHERE secret = ?1 AND "
                             "version = ?2 ORDER BY position",
                             {arn, version}));
  return collect(std::move(rows), [](const Rows& row) {
    return WrappedKey{.kms_key = row.text(0), .blob = to_bytes(row.blob(1))};
  });
}

Result<std::optional<SecretVersion>> SecretsStore::find_version(std::string_view arn,
                                                                std::string_view id) {
  const std::string both = std::string(arn).append("/").append(id);
  if (const auto known = versions_.find(both)) return std::optional(*known);
  COFFERDAM_TRY(auto found, read_version(arn, id));
  if (found && found->sealed.size() <= kMostRemembered) versions_.keep(both, *found);
  return found;
}

Result<std::optional<SecretVersion>> SecretsStore::read_version(std::string_view arn,
                                                                std::string_view id) {
  SecretVersion version;
  {
    COFFERDAM_TRY(Rows rows,
                  store_.query("SELECT id, created, accessed, is_binary, sealed FROM sm_versions "
                               "WHERE secret = ?1 AND id = ?2",
                               {arn, id}));
    COFFERDAM_TRY(const bool found, rows.next());
    if (!found) return std::optional<SecretVersion>();
    version = {.id = rows.text(0),
               .created = from_milliseconds(rows.integer(1)),
               .accessed = optional_time(rows.integer(2)),
               .binary = rows.integer(3) != 0,
               .sealed = to_bytes(rows.blob(4)),
               .keys = {}};
  }
  COFFERDAM_TRY(version.keys, keys(arn, id));
  return std::optional(std::move(version));
}

Result<std::vector<SecretVersion>> SecretsStore::list_versions(std::string_view arn) {
  COFFERDAM_TRY(Rows rows, store_.query("SELECT id, created, accessed, is_binary FROM sm_versions "
                                        "WHERE secret = ?1 ORDER BY serial",
                                        {arn}));
  COFFERDAM_TRY(auto versions, collect(std::move(rows), [](const Rows& row) {
                  return SecretVersion{.id = row.text(0),
                                       .created = from_milliseconds(row.integer(1)),
                                       .accessed = optional_time(row.integer(2)),
                                       .binary = row.integer(3) != 0,
                                       .sealed = {},
                                       .keys = {}};
                }));
  for (SecretVersion& version : versions) {
    COFFERDAM_TRY(version.keys, keys(arn, version.id));
  }
  return versions;
}

Status SecretsStore::remove_version(std::string_view arn, std::string_view id) {
  return store_.atomically([&]() -> Status {
    for (const std::string_view sql :
         {"DELETE FROM sm_labels WHERE secret = ?1 AND version = ?2",
          "DELETE FROM sm_data_keys WHERE secret = ?1 AND version = ?2",
          "DELETE FROM sm_versions WHERE secret = ?1 AND id = ?2"}) {
      COFFERDAM_CHECK(store_.write(sql, {arn, id}));
    }
    return {};
  });
}

Status SecretsStore::touch_version(std::string_view arn, std::string_view id, Timestamp day) {
  COFFERDAM_CHECK(store_.write("UPDATE sm_versions SET accessed = ?3 WHERE secret = ?1 AND id = ?2",
                               {arn, id, to_milliseconds(day)}));
  return {};
}

Result<SecretTags> SecretsStore::tags(std::string_view arn) {
  if (const auto known = tags_.find(arn)) return *known;
  COFFERDAM_TRY(Rows rows,
                store_.query("SELECT name, value FROM sm_tags WHERE secret = ?1", {arn}));
  COFFERDAM_TRY(const auto pairs, collect(std::move(rows), [](const Rows& row) {
                  return std::pair(row.text(0), row.text(1));
                }));
  return *tags_.keep(arn, SecretTags(pairs.begin(), pairs.end()));
}

Status SecretsStore::put_tags(std::string_view arn, const SecretTags& tags) {
  return store_.atomically([&]() -> Status {
    COFFERDAM_CHECK(store_.write("DELETE FROM sm_tags WHERE secret = ?1", {arn}));
    for (const auto& [name, value] : tags) {
      COFFERDAM_CHECK(store_.write("INSERT INTO sm_tags (secret, name, value) VALUES (?1, ?2, ?3)",
                                   {arn, std::string_view(name), std::string_view(value)}));
    }
    return {};
  });
}

}  // namespace cofferdam::cloud
