// SPDX-License-Identifier: Apache-2.0
#include "cloud/known_principals.h"

#include "policy/arn.h"

namespace cofferdam::cloud {
namespace {

constexpr std::string_view kUser = "user/";
constexpr std::string_view kRole = "role/";
constexpr std::string_view kSession = "assumed-role/";

std::string last_part(const std::string& resource) {
  return resource.substr(resource.rfind('/') + 1);
}

// By its full ARN, with its path.
Result<bool> identity_exists(IamStore& iam, Identity::Kind kind, const policy::Arn& arn,
                             std::string_view text) {
  COFFERDAM_TRY(const auto found, iam.find_identity(kind, arn.account, last_part(arn.resource)));
  return found && found->arn() == text;
}

// "assumed-role/ROLE/SESSION": whether anybody holds such a session is not asked.
Result<bool> role_of_session_exists(IamStore& iam, const policy::Arn& arn) {
  const std::string rest = arn.resource.substr(kSession.size());
  COFFERDAM_TRY(const auto found, iam.find_identity(Identity::Kind::role, arn.account,
                                                    rest.substr(0, rest.find('/'))));
  return found.has_value();
}

}  // namespace

Result<bool> principal_exists(IamStore& iam, std::string_view text) {
  const auto arn = policy::parse_arn(text);
  if (!arn) return false;
  if (arn->service == "iam" && arn->resource.starts_with(kUser)) {
    return identity_exists(iam, Identity::Kind::user, *arn, text);
  }
  if (arn->service == "iam" && arn->resource.starts_with(kRole)) {
    return identity_exists(iam, Identity::Kind::role, *arn, text);
  }
  if (arn->service == "sts" && arn->resource.starts_with(kSession)) {
    return role_of_session_exists(iam, *arn);
  }
  return true;
}

Result<std::optional<std::string>> missing_principal(IamStore& iam,
                                                     const policy::Document& document) {
  for (const policy::Statement& statement : document.statements) {
    if (!statement.principal) continue;
    for (const policy::PrincipalPattern& entry : statement.principal->entries) {
      if (entry.kind != policy::PrincipalPattern::Kind::aws) continue;
      COFFERDAM_TRY(const bool exists, principal_exists(iam, entry.value));
      if (!exists) return std::optional(entry.value);
    }
  }
  return std::optional<std::string>();
}

}  // namespace cofferdam::cloud
