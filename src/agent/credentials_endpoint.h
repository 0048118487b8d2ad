// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "agent/credential_source.h"
#include "agent/gate.h"
#include "net/http.h"

namespace cofferdam::agent {

inline constexpr std::string_view kCredentialsPath = "/v1/credentials";

// AWS credentials as AWS SDKs ask a container's host for them:
// AWS_CONTAINER_CREDENTIALS_FULL_URI names this endpoint, and the file of
// AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE holds what the Authorization header must be.
//
// They are those the enclave itself uses (credential_source.h). Where nobody says when they end,
// the answer says in a quarter of an hour, so that SDKs ask again. The policy is asked with kind
// "credentials". Errors have the form of the ECS agent, {"code", "message"}: 400, 401, 403, 404,
// 405, 503 or 504.
//
// For one thread. Borrows everything in Parts.
class CredentialsEndpoint {
 public:
  struct Parts {
    CredentialSource& credentials;
    Gate& gate;
    const Clock& clock;
  };
  CredentialsEndpoint(Parts parts, std::string token) : parts_(parts), token_(std::move(token)) {}

  Task<net::HttpResponse> handle(net::HttpRequest request, Caller caller);

 private:
  Task<LentCredentials> lend(Caller caller);
  net::HttpResponse answer(const LentCredentials& lent) const;

  Parts parts_;
  std::string token_;
};

}  // namespace cofferdam::agent
