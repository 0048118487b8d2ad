// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "attest/token_request.h"
#include "base/byte_view.h"
#include "base/result.h"

namespace cofferdam::broker {

inline constexpr std::size_t kMaxRequestSize = std::size_t{64} * 1024;

// The body of POST /v1/token, read and not believed.
struct Application {
  Bytes document;
  Bytes proof;
  attest::TokenRequest request;
};

// {"document", "audience", "role"?, "sessionName"?, "durationSeconds"?, "algorithm"?, "proof"},
// docs/identity.md. Refused with `malformed_request`: other members, wrong types, empty or
// overlong texts, roles that are no ARN of a role, session names that STS would not take.
Result<Application> parse_application(std::string_view body);

}  // namespace cofferdam::broker
