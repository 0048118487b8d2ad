// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "aws/credential_chain.h"
#include "base/time.h"
#include "net/task.h"
#include "net/tls.h"

namespace cofferdam::aws {

struct IssuedCredentials {
  Credentials credentials;
  std::optional<Timestamp> expires;  // Never, where a person made them.
};

// The JSON of the instance metadata service and of container endpoints: {"AccessKeyId",
// "SecretAccessKey", "Token", "Expiration"}; others are ignored. Errc::unavailable if "Code"
// is there and is not "Success"; Errc::invalid_input for anything that cannot be.
Result<IssuedCredentials> parse_issued_credentials(ByteView json);

// The same JSON, for whoever takes credentials from us.
Result<Secret> issued_credentials_json(const IssuedCredentials& issued);

// One place where credentials come from. One event loop.
class CredentialProvider {
 public:
  virtual ~CredentialProvider() = default;
  // For people: "the instance metadata service".
  virtual std::string_view name() const = 0;
  // Asks anew, within a deadline of its own. Errc::unavailable, Errc::deadline_exceeded,
  // Errc::denied (the issuer said no), Errc::invalid_input (it said something odd).
  virtual Task<IssuedCredentials> fetch() = 0;
};

struct ProviderContext {
  Environment environment;
  // Whom to believe for https; null: nobody, and what needs TLS is refused.
  std::shared_ptr<const net::TlsClientContext> tls;
};

// The first of these that the environment asks for, in the order of AWS's own SDKs:
//   1. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, or a profile of the shared
//      credentials file (credential_chain.h)
//   2. AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN: IAM roles for service accounts
//   3. AWS_CONTAINER_CREDENTIALS_FULL_URI or ..._RELATIVE_URI: EKS Pod Identity, ECS
//   4. the instance metadata service, unless AWS_EC2_METADATA_DISABLED is "true"
// What is asked for and does not work is an error, never a reason to take the next: a pod
// must not fall back to the rights of its node. Errc::not_found if there is none.
Result<std::unique_ptr<CredentialProvider>> choose_provider(ProviderContext context);

// Each of them. The token files are read anew for every fetch, since they are rotated.
Result<std::unique_ptr<CredentialProvider>> web_identity_provider(const ProviderContext& context);
Result<std::unique_ptr<CredentialProvider>> container_provider(const ProviderContext& context);
// IMDSv2 only: a session token by PUT, then the role and its credentials. The token's packets
// have a hop limit of 1 by default; a parent in a container needs 2 (docs/parent.md).
Result<std::unique_ptr<CredentialProvider>> instance_metadata_provider(
    const ProviderContext& context);

}  // namespace cofferdam::aws
