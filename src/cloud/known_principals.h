// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cloud/iam_store.h"
#include "policy/document.h"

namespace cofferdam::cloud {

// Whether the user or the role that an ARN names, or whose session it names, exists in any
// account here. Accounts, federated users, services and providers are taken to exist, for
// nobody registers them.
Result<bool> principal_exists(IamStore& iam, std::string_view arn);

// The first principal of a policy that does not exist; nothing where all do.
Result<std::optional<std::string>> missing_principal(IamStore& iam,
                                                     const policy::Document& document);

}  // namespace cofferdam::cloud
