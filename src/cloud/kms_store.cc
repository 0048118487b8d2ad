// SPDX-License-Identifier: Apache-2.0
#include "cloud/kms_store.h"

namespace cofferdam::cloud {
namespace {

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

// The first generation bears the name it had before there were generations.
std::string material_name(std::string_view id, std::uint32_t serial) {
  return serial == 0 ? std::string(id) : std::string(id) + "/" + std::to_string(serial);
}

Result<KeyRecord> read_key(const Rows& rows) {
  const KeySpec* spec = find_key_spec(rows.text(3));
  const auto usage = find_key_usage(rows.text(4));
  const std::int64_t state = rows.integer(5);
  if (spec == nullptr || !usage || state < 0 ||
      state > static_cast<std::int64_t>(KeyState::pending_deletion)) {
    return fail(Errc::internal, "store: a key has an unknown spec, usage or state");
  }
  KeyRecord key;
  key.id = rows.text(0);
  key.arn = rows.text(1);
  key.account = rows.text(2);
  key.spec = spec;
  key.usage = *usage;
  key.state = static_cast<KeyState>(state);
  key.description = rows.text(6);
  key.created = from_milliseconds(rows.integer(7));
  key.policy = rows.text(8);
  key.deletion = optional_time(rows.integer(9));
  if (rows.integer(10) != 0) key.rotation_days = rows.integer(10);
  key.next_rotation = optional_time(rows.integer(11));
  return key;
}

AliasRecord read_alias(const Rows& rows) {
  return {.name = rows.text(0),
          .key_id = rows.text(1),
          .created = from_milliseconds(rows.integer(2)),
          .updated = from_milliseconds(rows.integer(3))};
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

std::string first_text(const Rows& rows) { return rows.text(0); }

}  // namespace

Status KeyStore::add_key(const KeyRecord& key, const Secret& material) {
  return store_.atomically([&]() -> Status {
    COFFERDAM_CHECK(store_.write(
        "INSERT INTO keys (id, arn, account, spec, usage, state, description, created, policy, "
        "deletion, rotation_days, next_rotation) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        {std::string_view(key.id), std::string_view(key.arn), std::string_view(key.account),
         key.spec->name, usage_name(key.usage), static_cast<std::int64_t>(key.state),
         std::string_view(key.description), to_milliseconds(key.created),
         std::string_view(key.policy), to_milliseconds(key.deletion), key.rotation_days.value_or(0),
         to_milliseconds(key.next_rotation)}));
    return add_material(key.id, {.serial = 0, .created = key.created, .on_demand = false},
                        material);
  });
}

Result<std::optional<KeyRecord>> KeyStore::find_key(std::string_view id) {
  if (const auto known = records_.find(id)) return std::optional(*known);
  COFFERDAM_TRY(Rows rows,
                store_.query("SELECT id, arn, account, spec, usage, state, description, created, "
                             "policy, deletion, rotation_days, next_rotation "
                             "FROM keys WHERE id = ?1",
                             {id}));
  COFFERDAM_TRY(const bool found, rows.next());
  if (!found) return std::optional<KeyRecord>();
  COFFERDAM_TRY(auto key, read_key(rows));
  return std::optional(*records_.keep(id, std::move(key)));
}

Status KeyStore::update_key(const KeyRecord& key) {
  COFFERDAM_CHECK(
      store_.write("UPDATE keys SET state = ?2, description = ?3, policy = ?4, deletion = ?5, "
                   "rotation_days = ?6, next_rotation = ?7 WHERE id = ?1",
                   {std::string_view(key.id), static_cast<std::int64_t>(key.state),
                    std::string_view(key.description), std::string_view(key.policy),
                    to_milliseconds(key.deletion), key.rotation_days.value_or(0),
                    to_milliseconds(key.next_rotation)}));
  return {};
}

Status KeyStore::delete_key(std::string_view id) {
  return store_.atomically([&]() -> Status {
    for (const std::string_view sql :
         {"DELETE FROM aliases WHERE key_id = ?1", "DELETE FROM tags WHERE key_id = ?1",
          "DELETE FROM grants WHERE key_id = ?1", "DELETE FROM materials WHERE key_id = ?1",
          "DELETE FROM keys WHERE id = ?1"}) {
      COFFERDAM_CHECK(store_.write(sql, {id}));
    }
    return {};
  });
}

Result<std::vector<std::string>> KeyStore::list_keys(std::string_view account,
                                                     std::string_view marker, std::size_t limit) {
  COFFERDAM_TRY(Rows rows, store_.query("SELECT id FROM keys WHERE account = ?1 AND id > ?2 "
                                        "ORDER BY id LIMIT ?3",
                                        {account, marker, static_cast<std::int64_t>(limit)}));
  return collect(std::move(rows), first_text);
}

Result<Timestamp> KeyStore::first_deletion() {
  if (const auto known = first_deletion_.find({})) return *known;
  COFFERDAM_TRY(Rows rows, store_.query("SELECT MIN(deletion) FROM keys WHERE deletion > 0", {}));
  COFFERDAM_TRY([[maybe_unused]] const bool found, rows.next());
  return *first_deletion_.keep({}, optional_time(rows.integer(0)).value_or(Timestamp::max()));
}

Result<std::vector<std::string>> KeyStore::keys_to_delete(Timestamp now) {
  COFFERDAM_TRY(const Timestamp first, first_deletion());
  if (now < first) return std::vector<std::string>();
  COFFERDAM_TRY(Rows rows, store_.query("SELECT id FROM keys WHERE deletion > 0 AND deletion <= ?1",
                                        {to_milliseconds(now)}));
  return collect(std::move(rows), first_text);
}

Result<KeyMaterial> KeyStore::current_material(std::string_view id) {
  COFFERDAM_TRY(Rows rows, store_.query("SELECT serial, material FROM materials "
                                        "WHERE key_id = ?1 ORDER BY serial DESC LIMIT 1",
                                        {id}));
  COFFERDAM_TRY(const bool found, rows.next());
  if (!found) return fail(Errc::not_found, "store: no such key");
  const auto serial = static_cast<std::uint32_t>(rows.integer(0));
  COFFERDAM_TRY(Secret bytes, store_.unseal("key", material_name(id, serial), rows.blob(1)));
  return KeyMaterial{.serial = serial, .bytes = std::move(bytes)};
}

Result<Secret> KeyStore::material(std::string_view id, std::uint32_t serial) {
  COFFERDAM_TRY(Rows rows,
                store_.query("SELECT material FROM materials WHERE key_id = ?1 AND serial = ?2",
                             {id, static_cast<std::int64_t>(serial)}));
  COFFERDAM_TRY(const bool found, rows.next());
  if (!found) return fail(Errc::not_found, "store: no such key material");
  return store_.unseal("key", material_name(id, serial), rows.blob(0));
}

Status KeyStore::add_material(std::string_view id, const MaterialRecord& record,
                              const Secret& material) {
  COFFERDAM_TRY(const Bytes sealed,
                store_.seal("key", material_name(id, record.serial), material.reveal()));
  COFFERDAM_CHECK(
      store_.write("INSERT INTO materials (key_id, serial, created, on_demand, material) "
                   "VALUES (?1, ?2, ?3, ?4, ?5)",
                   {id, static_cast<std::int64_t>(record.serial), to_milliseconds(record.created),
                    static_cast<std::int64_t>(record.on_demand), ByteView(sealed)}));
  return {};
}

Result<std::vector<MaterialRecord>> KeyStore::materials(std::string_view id) {
  COFFERDAM_TRY(Rows rows, store_.query("SELECT serial, created, on_demand FROM materials "
                                        "WHERE key_id = ?1 ORDER BY serial",
                                        {id}));
  return collect(std::move(rows), [](const Rows& row) {
    return MaterialRecord{.serial = static_cast<std::uint32_t>(row.integer(0)),
                          .created = from_milliseconds(row.integer(1)),
                          .on_demand = row.integer(2) != 0};
  });
}

Result<bool> KeyStore::add_alias(std::string_view account, const AliasRecord& alias) {
  COFFERDAM_TRY(const std::int64_t added,
                store_.write("INSERT INTO aliases (account, name, key_id, created, updated) "
                             "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                             {account, std::string_view(alias.name), std::string_view(alias.key_id),
                              to_milliseconds(alias.created), to_milliseconds(alias.updated)}));
  return added == 1;
}

Result<std::optional<AliasRecord>> KeyStore::find_alias(std::string_view account,
                                                        std::string_view name) {
  COFFERDAM_TRY(Rows rows, store_.query("SELECT name, key_id, created, updated FROM aliases "
                                        "WHERE account = ?1 AND name = ?2",
                                        {account, name}));
  COFFERDAM_TRY(const bool found, rows.next());
  return found ? std::optional(read_alias(rows)) : std::nullopt;
}

Status KeyStore::retarget_alias(std::string_view account, const AliasRecord& alias) {
  COFFERDAM_CHECK(
      store_.write("UPDATE aliases SET key_id = ?3, updated = ?4 WHERE account = ?1 AND name = ?2",
                   {account, std::string_view(alias.name), std::string_view(alias.key_id),
                    to_milliseconds(alias.updated)}));
  return {};
}

Status KeyStore::delete_alias(std::string_view account, std::string_view name) {
  COFFERDAM_CHECK(
      store_.write("DELETE FROM aliases WHERE account = ?1 AND name = ?2", {account, name}));
  return {};
}

Result<std::vector<AliasRecord>> KeyStore::list_aliases(std::string_view account,
                                                        std::string_view key_id,
                                                        std::string_view marker,
                                                        std::size_t limit) {
  COFFERDAM_TRY(Rows rows,
                store_.query("SELECT name, key_id, created, updated FROM aliases WHERE "
                             "account = ?1 AND name > ?2 AND (?3 = '' OR key_id = ?3) "
                             "ORDER BY name LIMIT ?4",
                             {account, marker, key_id, static_cast<std::int64_t>(limit)}));
  return collect(std::move(rows), read_alias);
}

Result<std::vector<std::string>> KeyStore::aliases_of(std::string_view key_id) {
  COFFERDAM_TRY(Rows rows, store_.query("SELECT name FROM aliases WHERE key_id = ?1 "
                                        "ORDER BY name",
                                        {key_id}));
  return collect(std::move(rows), first_text);
}

Result<std::map<std::string, std::string>> KeyStore::tags(std::string_view key_id) {
  COFFERDAM_TRY(Rows rows,
                store_.query("SELECT name, value FROM tags WHERE key_id = ?1", {key_id}));
  COFFERDAM_TRY(const auto pairs, collect(std::move(rows), [](const Rows& row) {
                  return std::pair(row.text(0), row.text(1));
                }));
  return std::map<std::string, std::string>(pairs.begin(), pairs.end());
}

Status KeyStore::put_tag(std::string_view key_id, std::string_view name, std::string_view value) {
  COFFERDAM_CHECK(
      store_.write("INSERT OR REPLACE INTO tags VALUES (?1, ?2, ?3)", {key_id, name, value}));
  return {};
}

Status KeyStore::delete_tag(std::string_view key_id, std::string_view name) {
  COFFERDAM_CHECK(store_.write("DELETE FROM tags WHERE key_id = ?1 AND name = ?2", {key_id, name}));
  return {};
}

}  // namespace cofferdam::cloud
