// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "attest/chain.h"
#include "attest/document.h"
#include "base/result.h"

namespace cofferdam::attest {

// What the names in a chain say about where a document comes from.
struct ChainOrigin {
  std::string region;       // "eu-west-1"; empty where the names are not of AWS's form.
  std::string instance_id;  // "i-0123456789abcdef0"; the same.
  std::vector<std::string> inconsistencies;
};

// What every real document shows and AWS cannot leave out without issuing the certificate
// to somebody else: the leaf's common name begins with the module id, and the document was
// made while the leaf was valid. Fails with reason `inconsistent`.
Status require_consistent(const Document& document, const VerifiedChain& chain);

// What every real document shows but nobody documents (formats.md §3.2): the region and
// instance in the names of the chain, enclave id and time of issue in the leaf's serial
// number, launch time in the enclave id, and PCR4 as the measure of the instance id.
ChainOrigin examine_origin(const Document& document, const VerifiedChain& chain);

}  // namespace cofferdam::attest
