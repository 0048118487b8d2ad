// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace cofferdam::aws {

// What AssumeRoleWithWebIdentity is asked for (STS API reference, version 2011-06-15).
struct WebIdentityCall {
  std::string role_arn;
  std::string session_name;
  std::optional<std::chrono::seconds> duration = {};  // Absent: an hour.
};

// The request for "/". Nobody signs it: the token alone says who asks, so it is as secret as a
// key until it expires. The body is wiped by whoever sends it.
net::HttpRequest web_identity_request(const WebIdentityCall& call, std::string_view token);

}  // namespace cofferdam::aws
