// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/secret.h"

namespace cofferdam::aws {

// Access key of an AWS principal. The secret part never leaves locked memory.
struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  std::string session_token;  // Empty for long-term keys. Sent in clear to AWS by design.

  Credentials clone() const { return {access_key_id, secret_access_key.clone(), session_token}; }
};

}  // namespace cofferdam::aws
