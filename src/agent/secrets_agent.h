// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/gate.h"
#include "agent/secret_service.h"
#include "net/http.h"

namespace cofferdam::agent {

inline constexpr std::string_view kSecretsTokenHeader = "X-Aws-Parameters-Secrets-Token";

// What a program asks the AWS Secrets Manager Agent.
struct SecretsAgentQuery {
  std::string secret_id;
  std::optional<std::string> version_id;
  std::optional<std::string> version_stage;
  bool refresh_now = false;

  // From "/secretsmanager/get?secretId=…" or "/v1/ID". The status of a refusal is 404 where
  // the path is another (Errc::not_found), else 400; the detail is the agent's own text.
  static Result<SecretsAgentQuery> parse(std::string_view target);
};

// The local interface of the AWS Secrets Manager Agent (aws/aws-secretsmanager-agent, README
// and server.rs), for programs written for it:
//   GET /secretsmanager/get?secretId=ID[&versionId=…][&versionStage=…][&refreshNow=true]
//   GET /v1/ID    the same
//   GET /ping     "healthy"
// with the token of its file in X-Aws-Parameters-Secrets-Token, and no X-Forwarded-For.
//
// ID is the name of a stable secret of the measured configuration, or the ARN that answers
// give it; nothing is asked of AWS Secrets Manager. The one version is AWSCURRENT, and its id
// changes when the secret is fetched anew. A value that is UTF-8 is SecretString, any other
// SecretBinary. refreshNow fetches anew and keeps the old value where that fails. The policy
// is asked with kind "secret" and operation "GetSecretValue".
//
// For one thread. Borrows everything in Parts.
class SecretsAgent {
 public:
  struct Parts {
    const ValidatedEnclave& enclave;
    SecretService& secrets;
    Gate& gate;
  };
  SecretsAgent(Parts parts, std::string token) : parts_(parts), token_(std::move(token)) {}

  Task<net::HttpResponse> handle(net::HttpRequest request, Caller caller);

 private:
  std::optional<net::HttpResponse> refuse_outright(const net::HttpRequest& request) const;
  Task<net::HttpResponse> get(SecretsAgentQuery query, Caller caller);
  const SecretSpec* find(std::string_view secret_id) const;
  std::string arn_of(const SecretSpec& spec) const;
  Result<net::HttpResponse> answer(const SecretSpec& spec, const SecretsAgentQuery& query,
                                   const Secret& value) const;

  Parts parts_;
  std::string token_;
};

}  // namespace cofferdam::agent
