// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cloud/ciphertext.h"
#include "cloud/kms_key.h"
#include "cloud/store.h"
#include "policy/principal.h"

namespace cofferdam::cloud {

// A permission on one key that stands beside its policy (KMS Developer Guide, "Grants in
// AWS KMS").
struct Grant {
  std::string id;      // 64 hexadecimal digits.
  std::string key_id;  // UUID.
  std::string name;    // May be empty.
  std::string grantee;
  std::string retiring;  // May be empty.
  std::string issuer;    // Account that made it.
  std::vector<std::string> operations;
  // The encryption context must be, or must contain, exactly this.
  std::optional<EncryptionContext> context_equals;
  std::optional<EncryptionContext> context_subset;
  Timestamp created;
};

// Whether the grant lets `principal` do `operation` ("Decrypt") with this context.
bool allows(const Grant& grant, const policy::Principal& principal, std::string_view operation,
            const EncryptionContext& context);
// Whether a grant on this key may list the operation; nothing for what no grant can allow.
std::optional<bool> grant_suits(std::string_view operation, const KeyRecord& key);
// Whether two grants on one key have the same name, principals, operations and constraints.
bool same_terms(const Grant& one, const Grant& other);
// Whether `child` allows nothing that `parent` does not: who may make grants by a grant may
// pass on only what they have.
bool covers(const Grant& parent, const Grant& child);
// Whether a grantee or retiring principal of a grant means `principal`: its ARN, that of
// its role, or that of its whole account.
bool names_principal(std::string_view named, const policy::Principal& principal);

// The grants in the store. What it promises is what Store promises.
class GrantStore {
 public:
  // The store must outlive this.
  explicit GrantStore(Store& store) : store_(store) {}

  Status add(const Grant& grant);
  Status remove(std::string_view id);
  Result<std::optional<Grant>> find(std::string_view id);
  Result<std::vector<Grant>> grants_of(std::string_view key_id);
  // By id, after `marker`, at most `limit`.
  Result<std::vector<Grant>> retirable_by(std::string_view principal, std::string_view marker,
                                          std::size_t limit);

 private:
  Store& store_;
};

}  // namespace cofferdam::cloud
