// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "jose/jws.h"

// JSON Web Tokens (RFC 7519) as OpenID Connect identity tokens use them.
namespace cofferdam::jose {

// Reasons of a refused token, stable.
namespace reason {
inline constexpr char kMalformed[] = "token_malformed";
inline constexpr char kBadSignature[] = "token_bad_signature";
inline constexpr char kWrongIssuer[] = "token_wrong_issuer";
inline constexpr char kWrongAudience[] = "token_wrong_audience";
inline constexpr char kExpired[] = "token_expired";
inline constexpr char kNotYetValid[] = "token_not_yet_valid";
}  // namespace reason

// The claims everyone needs, typed, and all of them.
struct Claims {
  std::string issuer;
  std::string subject;
  std::vector<std::string> audiences;  // Never empty.
  std::optional<std::string> authorized_party;
  Timestamp expires;
  std::optional<Timestamp> not_before;
  std::optional<Timestamp> issued_at;
  json::object all;
};

struct TokenExpectations {
  std::string issuer;
  std::vector<std::string> audiences;  // One of them must be meant.
  Timestamp now;
  std::chrono::milliseconds leeway = std::chrono::seconds(60);
};

// The issuer that a token claims, to find its keys by. Believe nothing of it.
Result<std::string> claimed_issuer(std::string_view token);

// Signature first, then issuer, times and audience. Where the token has "azp", that is the
// audience that counts (OpenID Connect Core, section 3.1.3.7), as for STS. Missing iss, sub,
// aud, exp or iat is malformed. Errc::unauthenticated or Errc::denied with a reason above.
Result<Claims> verify_token(std::string_view token, const KeySet& keys,
                            const TokenExpectations& expected);

}  // namespace cofferdam::jose
