// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "attest/document.h"
#include "base/json.h"
#include "base/time.h"
#include "broker/releases.h"

namespace cofferdam::broker {

inline constexpr std::chrono::minutes kMaxTokenLifetime{15};

// What a token says, all of it verified.
struct TokenFacts {
  std::string issuer;
  std::string audience;
  std::optional<Release> release;
  attest::Pcrs pcrs;
  std::string key_thumbprint;  // RFC 7638, of the caller's proof key.
  std::string token_id;
  Timestamp issued;
  Timestamp expires;
};

// Registers that are not all zeros, hexadecimal, by number.
json::object registers_of(const attest::Pcrs& pcrs);

// The claims, as docs/identity.md lists them. AWS makes session tags of
// "https://aws.amazon.com/tags": the release and PCR0, 3, 4, 8 and 16, as far as they are there.
json::object claims_of(const TokenFacts& facts);

}  // namespace cofferdam::broker
