// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "cloud/kms_key.h"
#include "cloud/remembered.h"
#include "cloud/store.h"

namespace cofferdam::cloud {

// One generation of a key's material. Automatic and on-demand rotation add generations;
// the highest serial is the current one, and all of them go on decrypting.
struct MaterialRecord {
  std::uint32_t serial = 0;
  Timestamp created;
  bool on_demand = false;
};

struct KeyMaterial {
  std::uint32_t serial = 0;
  Secret bytes;  // 32 to 64 random bytes, or PKCS#8.
};

struct AliasRecord {
  std::string name;  // "alias/..."
  std::string key_id;
  Timestamp created;
  Timestamp updated;
};

// The tables of KMS in the store: keys with their material, aliases and tags. What it
// promises is what Store promises.
class KeyStore {
 public:
  // The store must outlive this.
  explicit KeyStore(Store& store) : store_(store), records_(store), first_deletion_(store) {}

  Status add_key(const KeyRecord& key, const Secret& material);
  Result<std::optional<KeyRecord>> find_key(std::string_view id);
  // Everything of a record that may change: state, description, policy, times.
  Status update_key(const KeyRecord& key);
  // The key with its material, aliases, tags and grants.
  Status delete_key(std::string_view id);
  // Ids in order, after `marker`, at most `limit`.
  Result<std::vector<std::string>> list_keys(std::string_view account, std::string_view marker,
                                             std::size_t limit);
  // Keys whose deletion date has come.
  Result<std::vector<std::string>> keys_to_delete(Timestamp now);

  // Errc::not_found for a key or a serial that is not there.
  Result<KeyMaterial> current_material(std::string_view id);
  Result<Secret> material(std::string_view id, std::uint32_t serial);
  Status add_material(std::string_view id, const MaterialRecord& record, const Secret& material);
  // Oldest first.
  Result<std::vector<MaterialRecord>> materials(std::string_view id);

  // False if the account already has an alias of this name.
  Result<bool> add_alias(std::string_view account, const AliasRecord& alias);
  Result<std::optional<AliasRecord>> find_alias(std::string_view account, std::string_view name);
  Status retarget_alias(std::string_view account, const AliasRecord& alias);
  Status delete_alias(std::string_view account, std::string_view name);
  // By name, after `marker`, at most `limit`; of one key where `key_id` is given.
  Result<std::vector<AliasRecord>> list_aliases(std::string_view account, std::string_view key_id,
                                                std::string_view marker, std::size_t limit);
  // The names of a key, in order.
  Result<std::vector<std::string>> aliases_of(std::string_view key_id);

  Result<std::map<std::string, std::string>> tags(std::string_view key_id);
  Status put_tag(std::string_view key_id, std::string_view name, std::string_view value);
  Status delete_tag(std::string_view key_id, std::string_view name);

  Store& store() noexcept { return store_; }

 private:
  Result<Timestamp> first_deletion();

  Store& store_;
  Remembered<KeyRecord> records_;         // By id.
  Remembered<Timestamp> first_deletion_;  // Under no name.
};

}  // namespace cofferdam::cloud
