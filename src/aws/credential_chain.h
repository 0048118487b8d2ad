// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "aws/credentials.h"
#include "base/result.h"

namespace cofferdam::aws {

// The value of an environment variable; nullptr if it is not set.
using Environment = std::function<const char*(const char* name)>;

// An operator's AWS credentials, as the AWS CLI finds them first: AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, else the profile AWS_PROFILE (or "default")
// of the shared file at AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials.
//
// Errc::not_found if there are none, with a word on the sources that are not supported
// (roles, single sign-on, instance metadata); Errc::invalid_input for a file or a value that
// cannot be right.
Result<Credentials> find_credentials(const Environment& environment);

// One profile of such a file. std::nullopt if the file has no profile of that name.
Result<std::optional<Credentials>> read_shared_credentials(const Secret& file,
                                                           std::string_view profile);

}  // namespace cofferdam::aws
