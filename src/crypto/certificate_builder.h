// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/ec.h"

namespace cofferdam::crypto {

// An X.501 name: attributes in order, such as {"C","US"}, {"O","Amazon"}, {"CN","..."}.
// Known types: C, ST, L, O, OU, CN.
using Name = std::vector<std::pair<std::string, std::string>>;

// Bits of the keyUsage extension (RFC 5280 section 4.2.1.3).
enum KeyUsage : std::uint16_t {
  kDigitalSignature = 1 << 0,
  kNonRepudiation = 1 << 1,
  kKeyEncipherment = 1 << 2,
  kKeyCertSign = 1 << 5,
  kCrlSign = 1 << 6,
};

// An extension of the caller's own, not critical: the content octets of its OBJECT
// IDENTIFIER, and its value.
struct CertificateExtension {
  Bytes oid;
  Bytes value;
};

// What to write into an X.509 v3 certificate (RFC 5280).
struct CertificateSpec {
  Bytes serial;  // Big-endian magnitude, 1 to 20 octets.
  Name issuer;
  Name subject;
  Timestamp not_before;  // Cut to seconds.
  Timestamp not_after;
  bool is_ca = false;
  std::optional<std::uint32_t> path_length;  // Only with is_ca.
  std::uint16_t key_usage = 0;               // Left out when zero.
  bool key_usage_critical = true;
  // subjectKeyIdentifier and, unless self-issued, authorityKeyIdentifier. Strict verifiers
  // want them; the leaves of AWS do without.
  bool key_identifiers = true;
  bool server_auth = false;               // extendedKeyUsage serverAuth
  std::vector<std::string> dns_names;     // subjectAltName
  std::vector<std::string> ip_addresses;  // subjectAltName; IPv4 and IPv6 in text
  std::vector<CertificateExtension> extensions;
};

// Signs with ECDSA and the hash that goes with the issuer's curve. The result is DER.
Result<Bytes> build_certificate(const CertificateSpec& spec, const EcPublicKey& subject_key,
                                const SigningKey& issuer_key);

}  // namespace cofferdam::crypto
