// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "cloud/remembered.h"
#include "cloud/store.h"

namespace cofferdam::cloud {

using Tags = std::map<std::string, std::string>;

// A user or a role: IAM treats them alike almost everywhere.
struct Identity {
  enum class Kind : std::uint8_t { user, role };

  Kind kind = Kind::user;
  std::string id;  // "AIDA...", "AROA..."; never used again.
  std::string account;
  std::string name;
  std::string path = "/";
  Timestamp created;
  std::string boundary = {};  // ARN of a managed policy; empty: none.
  Tags tags = {};
  // Roles only.
  std::string description = {};
  std::string trust_policy = {};
  std::int64_t max_session_seconds = 3600;

  std::string arn() const;
};

struct AccessKey {
  std::string id;
  std::string user_id;
  bool active = true;
  Timestamp created;
  std::optional<Timestamp> used = {};
  std::string used_service = {};
  std::string used_region = {};
};

// A session whose credentials do not expire: what the parent instance hands to its enclave.
struct FixedSession {
  std::string access_key_id;
  std::string role_id;
  std::string name;
  Secret secret_access_key;
  std::string session_token;
};

struct NamedPolicy {
  std::string name;
  std::string document;
};

struct PolicyVersion {
  std::int64_t version = 1;
  Timestamp created;
  std::string document;
};

struct ManagedPolicy {
  std::string arn;
  std::string id;
  std::string account;  // "aws" for AWS's own.
  std::string name;
  std::string path = "/";
  std::string description = {};
  Tags tags = {};
  Timestamp created;
  Timestamp updated;
  std::int64_t default_version = 1;
  std::int64_t next_version = 2;
};

struct OidcProvider {
  std::string arn;
  std::string account;
  std::string url;  // Without "https://": "token.example.com/path".
  Timestamp created;
  std::vector<std::string> client_ids;
  std::vector<std::string> thumbprints;
  Tags tags = {};
};

struct Organization {
  std::string id;                                // Empty: the account is in none.
  std::vector<std::vector<NamedPolicy>> levels;  // From the root down to the account.
};

// A place in a sorted list: everything after `after`, at most `count`.
struct ListPart {
  std::string after = {};
  std::size_t count = 100;
};

// What IAM remembers, account by account. Checks nothing but the uniqueness of rows: rules,
// limits and texts are those of the service. Errors as Store's.
class IamStore {
 public:
  explicit IamStore(Store& store)
      : store_(store), identities_(store), providers_(store), trusted_(store) {}
  Store& store() noexcept { return store_; }

  // Users and roles. Names without regard to case.
  Status add_identity(const Identity& identity);
  Status update_identity(const Identity& identity);
  Status delete_identity(std::string_view id);
  Result<std::optional<Identity>> find_identity(Identity::Kind kind, std::string_view account,
                                                std::string_view name);
  Result<std::optional<Identity>> find_identity(std::string_view id);
  // Sorted by name, whose part begins after a name in lower case.
  Result<std::vector<Identity>> list_identities(Identity::Kind kind, std::string_view account,
                                                std::string_view path_prefix, const ListPart& part);

  Status add_access_key(const AccessKey& key, const Secret& secret);
  Status update_access_key(const AccessKey& key);
  Status delete_access_key(std::string_view id);
  Result<std::optional<AccessKey>> find_access_key(std::string_view id);
  Result<Secret> access_key_secret(std::string_view id);
  Result<std::vector<AccessKey>> access_keys_of(std::string_view user_id);

  Status add_fixed_session(const FixedSession& session);
  Result<std::optional<FixedSession>> find_fixed_session(std::string_view access_key_id);
  Result<std::optional<FixedSession>> find_fixed_session(std::string_view role_id,
                                                         std::string_view name);

  Status put_inline_policy(std::string_view identity, const NamedPolicy& policy);
  Result<bool> delete_inline_policy(std::string_view identity, std::string_view name);
  Result<std::vector<NamedPolicy>> inline_policies(std::string_view identity);

  Status attach(std::string_view identity, std::string_view policy_arn);
  Result<bool> detach(std::string_view identity, std::string_view policy_arn);
  Result<std::vector<std::string>> attachments(std::string_view identity);
  Result<std::int64_t> attachment_count(std::string_view policy_arn);
  Result<std::int64_t> boundary_count(std::string_view policy_arn);

  // Policies of customers only (aws_managed_policies.h has AWS's).
  Status add_policy(const ManagedPolicy& policy, const PolicyVersion& version);
  Status update_policy(const ManagedPolicy& policy);
  Status delete_policy(std::string_view arn);
  Result<std::optional<ManagedPolicy>> find_policy(std::string_view arn);
  Result<std::vector<ManagedPolicy>> list_policies(std::string_view account);
  Status add_policy_version(std::string_view arn, const PolicyVersion& version);
  Status delete_policy_version(std::string_view arn, std::int64_t version);
  Result<std::vector<PolicyVersion>> policy_versions(std::string_view arn);
  // The document in force.
  Result<std::optional<std::string>> policy_document(std::string_view arn);

  Status put_provider(const OidcProvider& provider);
  Status delete_provider(std::string_view arn);
  Result<std::optional<OidcProvider>> find_provider(std::string_view arn);
  Result<std::vector<OidcProvider>> list_providers(std::string_view account);
  Result<bool> trusts_issuer(std::string_view url);  // Any account.

  // Replaces what was there. Service control policies have been checked by the caller.
  Status put_organization(std::string_view account, const Organization& organization);
  Result<Organization> organization_of(std::string_view account);

 private:
  Store& store_;
  Remembered<Identity> identities_;     // By kind, account and name.
  Remembered<OidcProvider> providers_;  // By ARN.
  Remembered<bool> trusted_;            // By URL: whether somebody trusts it.
};

// AWS's identifiers: a prefix that tells the kind and 16 letters of base32.
std::string random_iam_id(std::string_view prefix);
// The same for access keys, which also carry their account, as those of AWS do.
std::string random_access_key_id(std::string_view prefix, std::string_view account);
// The account in an access key id; nothing where the id is of another form.
std::optional<std::string> account_of_access_key(std::string_view access_key_id);
// Forty characters of base64, as AWS makes them.
Secret random_secret_access_key();

}  // namespace cofferdam::cloud
