// SPDX-License-Identifier: Apache-2.0
#include "cloud/seeding.h"

#include <algorithm>

#include "cloud/iam_store.h"
#include "cloud/identities.h"
#include "cloud/kms_core.h"
#include "cloud/uuid.h"
#include "policy/kms.h"

namespace cofferdam::cloud {
namespace {

std::unexpected<Error> differs(const std::string& what, std::string_view member) {
  return fail(Errc::invalid_input,
              "the seed and the folder differ: " + what + " has another " + std::string(member));
}

Status plant_policies(IamStore& iam, const Identity& identity,
                      const std::vector<SeedPolicy>& wanted, bool is_new) {
  COFFERDAM_TRY(const auto present, iam.inline_policies(identity.id));
  for (const SeedPolicy& policy : wanted) {
    const auto found = std::ranges::find(present, policy.name, &NamedPolicy::name);
    if (is_new) {
      COFFERDAM_CHECK(
          iam.put_inline_policy(identity.id, {.name = policy.name, .document = policy.document}));
    } else if (found == present.end() || found->document != policy.document) {
      return differs(identity.arn(), "policy " + policy.name);
    }
  }
  return {};
}

// The identity, and whether it was made just now.
Result<bool> ensure(IamStore& iam, Identity& identity, Timestamp now) {
  COFFERDAM_TRY(auto found, iam.find_identity(identity.kind, identity.account, identity.name));
  if (found) {
    if (found->trust_policy != identity.trust_policy) return differs(found->arn(), "trust policy");
    identity = *std::move(found);
    return false;
  }
  identity.id = random_iam_id(identity.kind == Identity::Kind::user ? "AIDA" : "AROA");
  identity.created = std::chrono::floor<std::chrono::seconds>(now);
  COFFERDAM_CHECK(iam.add_identity(identity));
  return true;
}

Status plant_user(IamStore& iam, const SeedUser& user, Timestamp now) {
  Identity identity;
  identity.account = user.account;
  identity.name = user.name;
  COFFERDAM_TRY(const bool is_new, ensure(iam, identity, now));
  COFFERDAM_CHECK(plant_policies(iam, identity, user.policies, is_new));
  if (user.credentials.empty()) return {};
  COFFERDAM_TRY(const auto keys, iam.access_keys_of(identity.id));
  if (!keys.empty()) return {};
  const AccessKey key{.id = random_access_key_id("AKIA", user.account),
                      .user_id = identity.id,
                      .created = std::chrono::floor<std::chrono::seconds>(now)};
  return iam.add_access_key(key, random_secret_access_key());
}

Status plant_role(IamStore& iam, const SeedRole& role, Timestamp now) {
  Identity identity;
  identity.kind = Identity::Kind::role;
  identity.account = role.account;
  identity.name = role.name;
  identity.trust_policy = role.trust;
  COFFERDAM_TRY(const bool is_new, ensure(iam, identity, now));
  return plant_policies(iam, identity, role.policies, is_new);
}

Status check_key(const KeyRecord& there, const SeedKey& wanted) {
  if (there.spec->name != wanted.spec) return differs(wanted.alias, "spec");
  if (usage_name(there.usage) != wanted.usage) return differs(wanted.alias, "usage");
  if (there.description != wanted.description) return differs(wanted.alias, "description");
  if (!wanted.policy.empty() && there.policy != wanted.policy) {
    return differs(wanted.alias, "policy");
  }
  return {};
}

Status plant_key(KeyStore& keys, const SeedKey& wanted, const Place& place, Timestamp now) {
  COFFERDAM_TRY(const auto alias, keys.find_alias(wanted.account, wanted.alias));
  if (alias) {
    COFFERDAM_TRY(const auto there, keys.find_key(alias->key_id));
    if (!there) return fail(Errc::internal, "an alias of a key that is not there");
    return check_key(*there, wanted);
  }
  KeyRecord key;
  key.id = to_text(random_uuid());
  key.account = wanted.account;
  key.arn = "arn:aws:kms:" + place.region + ":" + key.account + ":key/" + key.id;
  key.spec = find_key_spec(wanted.spec);
  key.usage = *find_key_usage(wanted.usage);
  key.description = wanted.description;
  key.created = now;
  key.policy = wanted.policy.empty() ? policy::default_key_policy(key.account) : wanted.policy;
  COFFERDAM_TRY(const Secret material, generate_material(*key.spec));
  COFFERDAM_CHECK(keys.add_key(key, material));
  COFFERDAM_TRY(
      const bool added,
      keys.add_alias(key.account,
                     {.name = wanted.alias, .key_id = key.id, .created = now, .updated = now}));
  return added ? Status() : differs(wanted.alias, "key");
}

}  // namespace

Status plant(Store& store, const Seed& seed, const Place& place, Timestamp now) {
  COFFERDAM_CHECK(store.atomically([&]() -> Status {
    IamStore iam(store);
    for (const SeedUser& user : seed.users) COFFERDAM_CHECK(plant_user(iam, user, now));
    for (const SeedRole& role : seed.roles) COFFERDAM_CHECK(plant_role(iam, role, now));
    KeyStore keys(store);
    for (const SeedKey& key : seed.keys) COFFERDAM_CHECK(plant_key(keys, key, place, now));
    return {};
  }));
  for (const SeedUser& user : seed.users) {
    if (user.credentials.empty()) continue;
    const std::string arn = "arn:aws:iam::" + user.account + ":user/" + user.name;
    COFFERDAM_CHECK(export_credentials(store, arn, user.credentials));
  }
  return {};
}

}  // namespace cofferdam::cloud
