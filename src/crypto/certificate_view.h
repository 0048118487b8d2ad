// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"

namespace cofferdam::crypto {

// What a tool shows of an X.509 certificate that somebody else chose: an image's signing
// certificate may be of any key, extension and naming that OpenSSL can write. Nothing is
// verified. The strict certificates of attestation documents have a parser of their own
// in attest/.
struct CertificateView {
  // Attribute types by their long names, as OpenSSL prints them: {"commonName", "..."}.
  using Attributes = std::vector<std::pair<std::string, std::string>>;

  Attributes issuer;
  Attributes subject;
  Timestamp not_before;
  Timestamp not_after;
  std::string signature_algorithm;  // "ecdsa-with-SHA384"; dotted where it has no name.
  Bytes signature;
  Bytes spki;  // SubjectPublicKeyInfo, DER; EcPublicKey::from_spki() judges it.

  // One DER certificate of at most 16 KiB and nothing after it, else Errc::invalid_input.
  static Result<CertificateView> parse(ByteView der);
};

}  // namespace cofferdam::crypto
