// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cloud/store.h"
#include "policy/explain.h"

namespace cofferdam::cloud {

// Why the policies that are in force in `store` would allow or deny a request: what
// `cofferdam cloud explain` tells. The caller must be a user or a role of the store, in a
// session or not; session policies are not known to the store and take no part. Grants
// take no part either. Errc::not_found for a caller or a key that is not there.
Result<policy::Explanation> explain_request(Store& store, const policy::Request& request);

}  // namespace cofferdam::cloud
