// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/encoding.h"
#include "cloud/kms_envelope.h"
#include "cloud/kms_on_behalf.h"
#include "cloud/kms_store.h"
#include "cloud/secrets_core.h"
#include "cloud/seeding.h"
#include "cloud/uuid.h"
#include "crypto/random.h"
#include "policy/arn.h"
#include "policy/kms.h"

namespace cofferdam::cloud {
namespace {

constexpr std::size_t kDataKeySize = 32;

Status check_key(KeyStore& keys, const KeyRecord& there, const SeedKey& wanted) {
  const std::string& name = wanted.aliases.front();
  if (!wanted.id.empty() && there.id != wanted.id) return seed_differs(name, "key id");
  if (there.spec != wanted.spec) return seed_differs(name, "spec");
  if (there.usage != wanted.usage) return seed_differs(name, "usage");
  if (there.description != wanted.description) return seed_differs(name, "description");
  if (!wanted.policy.empty() && there.policy != wanted.policy) return seed_differs(name, "policy");
  COFFERDAM_TRY(const auto tags, keys.tags(there.id));
  if (tags != wanted.tags) return seed_differs(name, "set of tags");
  return {};
}

Result<KeyRecord> add_key(KeyStore& keys, const SeedKey& wanted, const Place& place,
                          Timestamp now) {
  KeyRecord key;
  key.id = wanted.id.empty() ? to_text(random_uuid()) : wanted.id;
  key.account = wanted.account;
  key.arn = "arn:aws:kms:" + place.region + ":" + key.account + ":key/" + key.id;
  key.spec = wanted.spec;
  key.usage = wanted.usage;
  key.description = wanted.description;
  key.created = now;
  key.policy = wanted.policy.empty() ? policy::default_key_policy(key.account) : wanted.policy;
  COFFERDAM_TRY(const auto taken, keys.find_key(key.id));
  if (taken) return seed_differs("key " + key.id, "alias");
  COFFERDAM_TRY(const Secret material, generate_material(*key.spec));
  COFFERDAM_CHECK(keys.add_key(key, material));
  for (const auto& [name, value] : wanted.tags) COFFERDAM_CHECK(keys.put_tag(key.id, name, value));
  return key;
}

Status plant_alias(KeyStore& keys, const KeyRecord& key, const std::string& alias, Timestamp now) {
  COFFERDAM_TRY(const auto there, keys.find_alias(key.account, alias));
  if (there) return there->key_id == key.id ? Status() : Status(seed_differs(alias, "key"));
  COFFERDAM_TRY([[maybe_unused]] const bool added,
                keys.add_alias(key.account,
                               {.name = alias, .key_id = key.id, .created = now, .updated = now}));
  return {};
}

// A grant is there where one with the same terms is.
Status plant_grants(Store& store, const KeyRecord& key, const std::vector<Grant>& wanted,
                    Timestamp now) {
  GrantStore grants(store);
  COFFERDAM_TRY(const auto there, grants.grants_of(key.id));
  for (const Grant& terms : wanted) {
    const auto same = [&](const Grant& one) { return same_terms(one, terms); };
    if (std::ranges::any_of(there, same)) continue;
    Grant grant = terms;
    grant.id = to_hex(crypto::random_bytes(32));
    grant.key_id = key.id;
    grant.issuer = "arn:aws:iam::" + key.account + ":root";
    grant.created = now;
    COFFERDAM_CHECK(grants.add(grant));
  }
  return {};
}

// The id of the key that a secret names: an alias, a key id, or the ARN of either.
Result<std::string> key_id_of(KeyStore& keys, const SeedSecret& secret) {
  std::string account = secret.account;
  std::string name = secret.kms_key;
  if (const auto arn = policy::parse_arn(name); arn) {
    account = arn->account;
    name = arn->resource.starts_with("key/") ? arn->resource.substr(4) : arn->resource;
  }
  if (!name.starts_with("alias/")) return name;
  COFFERDAM_TRY(auto alias, keys.find_alias(account, name));
  return alias ? std::move(alias->key_id) : std::string();
}

Result<KeyRecord> key_of(KeyStore& keys, const SeedSecret& secret, const Place& place,
                         Timestamp now) {
  COFFERDAM_TRY(const std::string id,
                secret.kms_key.empty()
                    ? ensure_managed_key(keys, "secretsmanager", secret.account, place, now)
                    : key_id_of(keys, secret));
  COFFERDAM_TRY(auto key, keys.find_key(id));
  if (key && key->spec->symmetric() && key->state == KeyState::enabled) return *std::move(key);
  return fail(Errc::invalid_input, "the seed encrypts secret " + secret.name + " under " +
                                       secret.kms_key +
                                       ", which is no enabled symmetric key that is there");
}

// As Secrets Manager does in a caller's name (secrets_core.h).
Result<SecretVersion> first_version(KeyStore& keys, const KeyRecord& key,
                                    const SecretRecord& record, const SeedSecret& wanted) {
  SecretVersion version;
  version.id = to_text(random_uuid());
  version.created = record.created;
  Secret data_key(kDataKeySize);
  crypto::random_bytes(data_key.reveal_mut());
  const SecretValue value{.bytes = wanted.value->clone(), .binary = wanted.binary};
  COFFERDAM_CHECK(seal_value(data_key, record, value, version));
  COFFERDAM_TRY(kms::Sealed sealed,
                kms::seal_under(keys, key, context_of(record, version.id), data_key));
  version.keys = {{.kms_key = record.kms_key.empty() ? std::string(kDefaultSecretsKey) : key.arn,
                   .blob = std::move(sealed.blob)}};
  return version;
}

Status check_secret(SecretsStore& secrets, const SecretRecord& there, const SeedSecret& wanted) {
  const std::string name = "secret " + wanted.name;
  if (there.description != wanted.description) return seed_differs(name, "description");
  if (there.kms_key != wanted.kms_key) return seed_differs(name, "KMS key");
  if (there.policy != wanted.policy) return seed_differs(name, "policy");
  COFFERDAM_TRY(const SecretTags tags, secrets.tags(there.arn));
  if (tags != wanted.tags) return seed_differs(name, "set of tags");
  return {};
}

}  // namespace

Status plant_key(Store& store, const SeedKey& wanted, const Place& place, Timestamp now) {
  KeyStore keys(store);
  KeyRecord key;
  COFFERDAM_TRY(const auto alias, keys.find_alias(wanted.account, wanted.aliases.front()));
  if (alias) {
    COFFERDAM_TRY(auto there, keys.find_key(alias->key_id));
    if (!there) return fail(Errc::internal, "an alias of a key that is not there");
    COFFERDAM_CHECK(check_key(keys, *there, wanted));
    key = *std::move(there);
  } else {
    COFFERDAM_TRY(key, add_key(keys, wanted, place, now));
  }
  for (const std::string& name : wanted.aliases) {
    COFFERDAM_CHECK(plant_alias(keys, key, name, now));
  }
  return plant_grants(store, key, wanted.grants, now);
}

Status plant_secret(Store& store, const SeedSecret& wanted, const Place& place, Timestamp now) {
  SecretsStore secrets(store);
  COFFERDAM_TRY(const auto there, secrets.find_by_name(wanted.account, wanted.name));
  if (there) return check_secret(secrets, *there, wanted);
  SecretRecord record;
  record.arn = new_secret_arn(place, wanted.account, wanted.name);
  record.account = wanted.account;
  record.name = wanted.name;
  record.description = wanted.description;
  record.kms_key = wanted.kms_key;
  record.policy = wanted.policy;
  record.created = record.changed = now;
  KeyStore keys(store);
  COFFERDAM_TRY(const KeyRecord key, key_of(keys, wanted, place, now));
  COFFERDAM_CHECK(secrets.add(record));
  COFFERDAM_CHECK(secrets.put_tags(record.arn, wanted.tags));
  if (!wanted.value) return {};
  COFFERDAM_TRY(const SecretVersion version, first_version(keys, key, record, wanted));
  SecretVersions versions;
  COFFERDAM_CHECK(versions.add(version.id, {}));
  COFFERDAM_CHECK(secrets.put_version(record.arn, version));
  return secrets.put_labels(record.arn, versions);
}

}  // namespace cofferdam::cloud
