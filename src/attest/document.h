// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "attest/cose.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"

namespace cofferdam::attest {

// Which module signed: an enclave's, or the TPM of a whole instance. Never to be
// taken for one another.
enum class Kind : std::uint8_t { enclave, nitrotpm };

// Register index to value: 32, 48 or 64 octets.
using Pcrs = std::map<std::uint8_t, Bytes>;

// The largest document anyone needs to look at.
inline constexpr std::size_t kMaxDocumentSize = std::size_t{32} * 1024;

// The fields of an attestation document, as the bytes say; nothing here is verified.
// Source: AWS, aws-nitro-enclaves-nsm-api docs/attestation_process.md, with the
// tolerances of real documents (formats.md §3.1). Owns its bytes.
struct Document {
  Kind kind = Kind::enclave;
  std::string module_id;
  std::string digest;  // "SHA384"
  Timestamp timestamp;
  Pcrs pcrs;
  Bytes certificate;            // DER of the signer
  std::vector<Bytes> cabundle;  // DER, root first
  std::optional<Bytes> public_key;
  std::optional<Bytes> user_data;
  std::optional<Bytes> nonce;
  // Names of fields that nobody knew when this was written. They are signed like the rest
  // and decide nothing, so a newer module that adds one does not stop older verifiers.
  std::vector<std::string> unknown_fields;
};

// A document and the message it came in. The message's views point into the bytes it was
// parsed from.
struct SignedDocument {
  Document document;
  CoseSign1 message;
};

// Decodes without judging: sizes, types, ranges, no duplicates, no trailing bytes.
// Fails with reason `malformed`, or `wrong_algorithm` when the header says anything
// but ES384. `bytes` must outlive the result's views.
Result<SignedDocument> parse_document(ByteView bytes);

// Raw, base64 or hexadecimal text of a document: whichever it is, the raw bytes.
Result<Bytes> decode_document_input(ByteView input);

// PCR0, PCR1 and PCR2 all zero: the parent can read the console of this enclave. A register
// that is not there counts as zero: what cannot be told apart from debug mode is debug mode.
bool is_debug(const Pcrs& pcrs);

}  // namespace cofferdam::attest
