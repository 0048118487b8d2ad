// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/ec.h"

// A self-signed X.509 certificate that carries an attestation document in an extension.
// Nobody issues it: the document is what makes the key believable.
namespace cofferdam::channel {

inline constexpr std::size_t kMaxCertificateSize = std::size_t{40} * 1024;

// The extension, not critical, whose value is the document's COSE_Sign1 as it is. Everybody
// who has a UUID has a node under 2.25 (ITU-T X.667): this is
// 38f44862-c01a-51bd-aaf0-a83c77c7fb00, 2.25.75705156354742116109595750734016019200, as the
// content octets of its OBJECT IDENTIFIER.
inline constexpr std::array<std::uint8_t, 19> kEvidenceOid{0x69, 0xf1, 0xf4, 0xa4, 0x98, 0xd8, 0x81,
                                                           0xd2, 0xc6, 0xfb, 0xaa, 0xf8, 0xaa, 0x87,
                                                           0xc7, 0xbe, 0x9f, 0xf6, 0x00};

struct EvidenceCertificateSpec {
  std::string common_name;  // For people; decides nothing.
  Timestamp not_before;
  Timestamp not_after;
};

Result<Bytes> build_evidence_certificate(const EvidenceCertificateSpec& spec,
                                         const crypto::EcPrivateKey& key, ByteView document);

// The two things a channel looks at in a certificate. Views point into the certificate.
struct CertificateParts {
  ByteView spki;
  ByteView evidence;  // Empty where there is no such extension.
};

// Takes a certificate apart without judging it: DER to the last octet, version 3, no
// extension twice, no critical one but basicConstraints, keyUsage, extendedKeyUsage and
// subjectAltName. Errc::invalid_input, reason `evidence_malformed`.
Result<CertificateParts> parse_certificate_parts(ByteView der);

}  // namespace cofferdam::channel
