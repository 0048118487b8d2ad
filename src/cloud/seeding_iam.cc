// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.h"
#include "cloud/aws_managed_policies.h"
#include "cloud/seeding.h"

namespace cofferdam::cloud {
namespace {

Timestamp whole_seconds(Timestamp now) { return std::chrono::floor<std::chrono::seconds>(now); }

Status plant_managed_policy(IamStore& iam, const SeedPolicy& wanted, Timestamp now) {
  ManagedPolicy policy = wanted.policy;
  COFFERDAM_TRY(const auto there, iam.list_policies(policy.account));
  const auto found = std::ranges::find_if(
      there, [&](const ManagedPolicy& one) { return equal_ignoring_case(one.name, policy.name); });
  if (found == there.end()) {
    policy.id = random_iam_id("ANPA");
    policy.created = policy.updated = whole_seconds(now);
    return iam.add_policy(policy,
                          {.version = 1, .created = policy.created, .document = wanted.document});
  }
  if (found->arn != policy.arn) return seed_differs(policy.arn, "path");
  if (found->description != policy.description) return seed_differs(policy.arn, "description");
  if (found->tags != policy.tags) return seed_differs(policy.arn, "set of tags");
  COFFERDAM_TRY(const auto document, iam.policy_document(policy.arn));
  if (document != wanted.document) return seed_differs(policy.arn, "document");
  return {};
}

// Whether a policy of this ARN can be attached.
Status check_policy(IamStore& iam, std::string_view user, const std::string& arn) {
  if (find_aws_managed_policy(arn) != nullptr) return {};
  COFFERDAM_TRY(const auto found, iam.find_policy(arn));
  if (found) return {};
  return fail(Errc::invalid_input,
              "the seed gives " + std::string(user) + " a policy that is not there: " + arn);
}

Status check_settings(const Identity& there, const Identity& wanted) {
  const std::string arn = wanted.arn();
  if (there.path != wanted.path) return seed_differs(arn, "path");
  if (there.trust_policy != wanted.trust_policy) return seed_differs(arn, "trust policy");
  if (there.boundary != wanted.boundary) return seed_differs(arn, "permissions boundary");
  if (there.tags != wanted.tags) return seed_differs(arn, "set of tags");
  if (there.description != wanted.description) return seed_differs(arn, "description");
  if (there.max_session_seconds != wanted.max_session_seconds) {
    return seed_differs(arn, "longest session");
  }
  return {};
}

Status check_policies(IamStore& iam, const Identity& there, const SeedIdentity& wanted) {
  COFFERDAM_TRY(const auto inlined, iam.inline_policies(there.id));
  for (const NamedPolicy& policy : wanted.policies) {
    const auto found = std::ranges::find(inlined, policy.name, &NamedPolicy::name);
    if (found == inlined.end() || found->document != policy.document) {
      return seed_differs(there.arn(), "policy " + policy.name);
    }
  }
  COFFERDAM_TRY(const auto attached, iam.attachments(there.id));
  for (const std::string& arn : wanted.attachments) {
    if (std::ranges::find(attached, arn) == attached.end()) {
      return seed_differs(there.arn(), "set of attached policies");
    }
  }
  return {};
}

Status add_identity(IamStore& iam, const SeedIdentity& wanted, Identity& identity, Timestamp now) {
  const bool user = identity.kind == Identity::Kind::user;
  identity.id = random_iam_id(user ? "AIDA" : "AROA");
  identity.created = whole_seconds(now);
  if (!identity.boundary.empty()) {
    COFFERDAM_CHECK(check_policy(iam, identity.arn(), identity.boundary));
  }
  COFFERDAM_CHECK(iam.add_identity(identity));
  for (const NamedPolicy& policy : wanted.policies) {
    COFFERDAM_CHECK(iam.put_inline_policy(identity.id, policy));
  }
  for (const std::string& arn : wanted.attachments) {
    COFFERDAM_CHECK(check_policy(iam, identity.arn(), arn));
    COFFERDAM_CHECK(iam.attach(identity.id, arn));
  }
  return {};
}

Status plant_given_key(IamStore& iam, const Identity& user, const SeedAccessKey& given,
                       Timestamp now) {
  COFFERDAM_TRY(const auto there, iam.find_access_key(given.id));
  if (!there) {
    return iam.add_access_key({.id = given.id, .user_id = user.id, .created = whole_seconds(now)},
                              given.secret);
  }
  if (there->user_id != user.id) return seed_differs("access key " + given.id, "user");
  COFFERDAM_TRY(const Secret secret, iam.access_key_secret(given.id));
  if (secret == given.secret) return {};
  return seed_differs("access key " + given.id, "secret access key");
}

Status plant_access_key(IamStore& iam, const Identity& user, const SeedIdentity& wanted,
                        Timestamp now) {
  if (wanted.access_key) return plant_given_key(iam, user, *wanted.access_key, now);
  if (wanted.credentials.empty()) return {};
  COFFERDAM_TRY(const auto keys, iam.access_keys_of(user.id));
  if (!keys.empty()) return {};
  return iam.add_access_key({.id = random_access_key_id("AKIA", user.account),
                             .user_id = user.id,
                             .created = whole_seconds(now)},
                            random_secret_access_key());
}

Status plant_identity(IamStore& iam, const SeedIdentity& wanted, Timestamp now) {
  Identity identity = wanted.identity;
  COFFERDAM_TRY(auto found, iam.find_identity(identity.kind, identity.account, identity.name));
  if (found) {
    COFFERDAM_CHECK(check_settings(*found, identity));
    COFFERDAM_CHECK(check_policies(iam, *found, wanted));
    identity = *std::move(found);
  } else {
    COFFERDAM_CHECK(add_identity(iam, wanted, identity, now));
  }
  return plant_access_key(iam, identity, wanted, now);
}

Status plant_provider(IamStore& iam, const OidcProvider& wanted, Timestamp now) {
  COFFERDAM_TRY(const auto found, iam.find_provider(wanted.arn));
  if (!found) {
    OidcProvider made = wanted;
    made.created = whole_seconds(now);
    return iam.put_provider(made);
  }
  if (found->client_ids != wanted.client_ids) return seed_differs(wanted.arn, "list of clients");
  if (found->thumbprints != wanted.thumbprints) {
    return seed_differs(wanted.arn, "list of thumbprints");
  }
  if (found->tags != wanted.tags) return seed_differs(wanted.arn, "set of tags");
  return {};
}

}  // namespace

Status plant_iam(Store& store, const Seed& seed, Timestamp now) {
  IamStore iam(store);
  for (const SeedPolicy& policy : seed.policies) {
    COFFERDAM_CHECK(plant_managed_policy(iam, policy, now));
  }
  for (const SeedIdentity& identity : seed.identities) {
    COFFERDAM_CHECK(plant_identity(iam, identity, now));
  }
  for (const SeedOrganization& one : seed.organizations) {
    COFFERDAM_CHECK(iam.put_organization(one.account, one.organization));
  }
  for (const OidcProvider& provider : seed.providers) {
    COFFERDAM_CHECK(plant_provider(iam, provider, now));
  }
  return {};
}

}  // namespace cofferdam::cloud
