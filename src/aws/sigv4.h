// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/credentials.h"
#include "base/result.h"
#include "base/time.h"
#include "net/http.h"

// AWS Signature Version 4 (IAM User Guide, "AWS Signature Version 4 for API requests").
// Secret and derived keys stay in locked memory; signatures are compared in constant time.
namespace cofferdam::aws {

struct SigningScope {
  std::string region;
  std::string service;

  bool operator==(const SigningScope&) const = default;
};

// Adds X-Amz-Date, X-Amz-Security-Token (with session credentials) and Authorization,
// replacing earlier ones. Every header present is signed but those a hop may change
// (Connection, Expect, Transfer-Encoding, User-Agent). Errc::invalid_input without Host,
// or when X-Amz-Content-Sha256 is there and is not the digest of the body.
Status sign_request(net::HttpRequest& request, const Credentials& credentials,
                    const SigningScope& scope, Timestamp now);

// Turns the target into a presigned URL: the signature and what it covers go into the
// query. `lifetime` is one second to seven days.
Status presign_request(net::HttpRequest& request, const Credentials& credentials,
                       const SigningScope& scope, Timestamp now, std::chrono::seconds lifetime);

// What a request claims before anything is checked. Owns its text.
struct SignatureClaim {
  std::string access_key_id;
  std::string date;  // YYYYMMDD of the scope
  SigningScope scope;
  std::vector<std::string> signed_headers;  // Lower case, in the order of the claim.
  std::string signature;                    // 64 hexadecimal digits.
  Timestamp signed_at;
  std::optional<std::string> session_token;
  std::optional<Timestamp> expires_at;  // Presigned URLs only.
};

// From the Authorization header or the query, never both. Errc::unauthenticated with the
// AWS error name in Error::reason: kMissingAuthenticationToken, kIncompleteSignature.
Result<SignatureClaim> parse_signature(const net::HttpRequest& request);

// AWS allows 15 minutes in general; KMS and Secrets Manager have been seen to allow 5.
inline constexpr std::chrono::minutes kDefaultSkew{15};

// Whether the request was signed with this secret, in time, and covers what it must: Host,
// every X-Amz- header present, and the body. A body hash is never taken on trust, so
// UNSIGNED-PAYLOAD is refused. Errc::unauthenticated with reason kInvalidSignature and
// AWS's wording otherwise.
Status verify_signature(const net::HttpRequest& request, const SignatureClaim& claim,
                        const Secret& secret_access_key, Timestamp now,
                        std::chrono::minutes skew = kDefaultSkew);

// Whether the claim is for this service in this region; kInvalidSignature otherwise.
Status check_scope(const SignatureClaim& claim, const SigningScope& expected);

inline constexpr std::string_view kMissingAuthenticationToken =
    "MissingAuthenticationTokenException";
inline constexpr std::string_view kIncompleteSignature = "IncompleteSignatureException";
inline constexpr std::string_view kInvalidSignature = "InvalidSignatureException";

}  // namespace cofferdam::aws
