// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cofferdam::policy {

// Who makes a request, as STS GetCallerIdentity names it.
struct Principal {
  enum class Kind : std::uint8_t {
    root,
    user,
    assumed_role,
    federated_user,
    service,
    web_identity,  // Shows a token of an OIDC provider, and has no other name yet.
  };

  Kind kind = Kind::user;
  std::string arn;       // Services: "backup.amazonaws.com"; web identities: the provider's ARN.
  std::string account;   // Twelve digits; empty for services.
  std::string role_arn;  // Assumed roles: the role's own ARN, with its path.
  std::string name;      // User name, role session name or service name.
};

// From an ARN of iam (root, user) or sts (assumed-role, federated-user). A session's ARN
// leaves out the path of the role: where it has one, the caller overwrites role_arn.
// Errc::invalid_input for any other ARN.
Result<Principal> principal_from_arn(std::string_view arn);

// An AWS service acting on its own: "backup.amazonaws.com".
Principal service_principal(std::string_view name);

// Who calls AssumeRoleWithWebIdentity with a token of `provider_arn`
// ("arn:aws:iam::ACCOUNT:oidc-provider/HOST").
Result<Principal> web_identity_principal(std::string_view provider_arn);

// One entry of a Principal element.
struct PrincipalPattern {
  enum class Kind : std::uint8_t { anyone, account, aws, service, federated };

  Kind kind = Kind::anyone;
  std::string value;  // Account id, ARN, service or provider; empty for anyone.

  bool operator==(const PrincipalPattern&) const = default;
};

// How a pattern meets a requester, from the weakest. `through_account`: it names the
// requester's account, which then decides by its own identity policies. `through_role`: it
// names the role behind a session, whose boundary and session policies still count. `direct`:
// it names the requester as it is, or anyone.
enum class PrincipalMatch : std::uint8_t { none, through_account, through_role, direct };

PrincipalMatch match_principal(const PrincipalPattern& pattern, const Principal& principal);

// The strongest match of any pattern.
PrincipalMatch match_principals(const std::vector<PrincipalPattern>& patterns,
                                const Principal& principal);

// Whether NotPrincipal exempts the requester: every name AWS knows it by must be listed
// (account and user; account, role and session), else the statement applies to it.
bool exempt_by_not_principal(const std::vector<PrincipalPattern>& patterns,
                             const Principal& principal);

}  // namespace cofferdam::policy
