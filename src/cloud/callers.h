// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "cloud/iam_store.h"
#include "cloud/policy_cache.h"
#include "cloud/remembered.h"
#include "cloud/service.h"
#include "cloud/sessions.h"

namespace cofferdam::cloud {

// Who signs with an access key, if the signature then verifies.
struct Signer {
  Secret secret_access_key;
  Caller caller;
  std::optional<AccessKey> long_term_key;
  std::string session_token = {};         // Empty with a long-term key.
  std::optional<Timestamp> expires = {};  // Of a session that does.
};

// From credentials to callers with all their policies: users by their access keys,
// sessions by what their token carries and what their role has now.
//
// Not safe for concurrent use.
class Callers {
 public:
  explicit Callers(Store& store) : iam_(store), sessions_(store), signers_(store) {}

  // UnrecognizedClientException for keys and tokens that are unknown, inactive or of a
  // deleted user or role, ExpiredTokenException for an expired session.
  Result<std::shared_ptr<const Signer>> find(std::string_view access_key_id,
                                             std::string_view session_token, Timestamp now);

  // For GetAccessKeyLastUsed, to the minute: not every request costs a write.
  Status note_use(const AccessKey& key, std::string_view service, std::string_view region,
                  Timestamp now);

  // A session of this role as a caller.
  Result<Caller> caller_of(const Identity& identity, const Session* session);

  // The document in force of a customer's or AWS's policy.
  Result<std::optional<std::string>> managed_policy(std::string_view arn);
  PolicyCache& policies() noexcept { return cache_; }

 private:
  Result<std::optional<Signer>> find_user(std::string_view access_key_id);
  Result<std::optional<Signer>> find_fixed_session(std::string_view access_key_id,
                                                   std::string_view token);
  Result<std::optional<Signer>> find_session(std::string_view access_key_id,
                                             std::string_view token);
  Result<std::optional<Signer>> read(std::string_view access_key_id, std::string_view token);
  Result<SharedPolicies> policies_of(const Identity& identity);
  Result<SharedPolicies> session_policies(const Session& session);
  Status add_organization(Caller& caller);
  Result<SharedPolicy> attached(std::string_view arn);

  IamStore iam_;
  Sessions sessions_;
  PolicyCache cache_;
  Remembered<Signer> signers_;  // By access key.
};

}  // namespace cofferdam::cloud
