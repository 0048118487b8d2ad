// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/credentials.h"
#include "base/result.h"
#include "base/time.h"
#include "net/http.h"

// AWS Signature Version 4 (AWS General Reference, "Signing AWS API requests").
namespace cofferdam::aws {

struct SigningScope {
  std::string region;
  std::string service;
};

// Adds X-Amz-Date, X-Amz-Security-Token (with session credentials) and Authorization.
// A Host header must be present; every header present is signed.
Status sign_request(net::HttpRequest& request, const Credentials& credentials,
                    const SigningScope& scope, Timestamp now);

// What a request claims before anything is checked. Owns its text.
struct SignatureClaim {
  std::string access_key_id;
  std::string date;  // YYYYMMDD of the scope
  SigningScope scope;
  std::vector<std::string> signed_headers;
  std::string signature;  // hex
  Timestamp signed_at;
  std::optional<std::string> session_token;
  std::optional<Timestamp> expires_at;  // Presigned URLs only.
};

// From the Authorization header or the query. Errc::unauthenticated with the AWS error
// name in Error::reason ("MissingAuthenticationToken", "IncompleteSignature").
Result<SignatureClaim> parse_signature(const net::HttpRequest& request);

// Whether the request was signed with this secret, in constant time, and within the
// clock skew AWS allows (15 minutes). Error::reason is the AWS error name
// ("SignatureDoesNotMatch", "RequestExpired"...).
Status verify_signature(const net::HttpRequest& request, const SignatureClaim& claim,
                        const Secret& secret_access_key, Timestamp now);

}  // namespace cofferdam::aws
