// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "agent/config.h"
#include "agent/evidence.h"
#include "base/result.h"

namespace cofferdam::agent {

using EncryptionContext = std::map<std::string, std::string>;

// The encryption context of a declared secret in this very enclave: the fixed pairs of the
// measured configuration, and those it takes from the evidence. Registers are lower-case
// hex of the enclave's own verified document, the release is the manifest's, in decimal.
// Nothing of it can come from the parent.
//
// Errc::internal for a register that the document does not have.
Result<EncryptionContext> resolve_context(const SecretSpec& spec, const ValidatedEnclave& enclave);

}  // namespace cofferdam::agent
