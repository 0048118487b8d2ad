// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "attest/document.h"
#include "base/byte_view.h"

namespace cofferdam::nsm {

// The payload of an attestation document as the hardware has written it since August 2025
// (formats.md §3.1): a map of indefinite length, keys in this order, absent optional fields
// as null. attest::parse_document reads it back. The document must be of Kind::enclave.
Bytes write_document_payload(const attest::Document& document);

}  // namespace cofferdam::nsm
