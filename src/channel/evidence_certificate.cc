// SPDX-License-Identifier: Apache-2.0
#include "channel/evidence_certificate.h"

#include <algorithm>
#include <vector>

#include "bytes/der.h"
#include "channel/reason.h"
#include "crypto/certificate_builder.h"
#include "crypto/random.h"

namespace cofferdam::channel {
namespace {

constexpr std::size_t kSerialSize = 16;
constexpr std::size_t kMaxExtensions = 32;

// id-ce basicConstraints, keyUsage, extKeyUsage, subjectAltName: 2.5.29.N.
constexpr std::array<std::array<std::uint8_t, 3>, 4> kKnownCritical{
    {{0x55, 0x1d, 19}, {0x55, 0x1d, 15}, {0x55, 0x1d, 37}, {0x55, 0x1d, 17}}};

std::unexpected<Error> malformed(std::string detail) {
  return fail(Errc::invalid_input, reason::kEvidenceMalformed, "certificate: " + std::move(detail));
}

bool is_known_critical(ByteView oid) {
  return std::ranges::any_of(kKnownCritical,
                             [&](const auto& known) { return std::ranges::equal(known, oid); });
}

struct Extension {
  ByteView oid;
  ByteView value;
};

Result<Extension> read_extension(der::Reader& list) {
  COFFERDAM_TRY(der::Reader in, list.nested(der::kSequence));
  Extension out;
  COFFERDAM_TRY(out.oid, in.object_identifier());
  bool critical = false;
  if (in.peek() == der::kBoolean) {
    COFFERDAM_TRY(critical, in.boolean());
  }
  COFFERDAM_TRY(out.value, in.octet_string());
  COFFERDAM_CHECK(in.finish());
  if (critical && !is_known_critical(out.oid)) return malformed("an unknown critical extension");
  return out;
}

// The value of our extension, or nothing.
Result<ByteView> find_evidence(der::Reader wrapper) {
  COFFERDAM_TRY(der::Reader list, wrapper.nested(der::kSequence));
  COFFERDAM_CHECK(wrapper.finish());
  std::vector<ByteView> seen;
  ByteView evidence;
  while (!list.empty()) {
    COFFERDAM_TRY(const Extension one, read_extension(list));
    const auto same = [&](ByteView other) { return std::ranges::equal(one.oid, other); };
    if (seen.size() == kMaxExtensions || std::ranges::any_of(seen, same)) {
      return malformed("an extension twice, or too many");
    }
    seen.push_back(one.oid);
    if (!std::ranges::equal(one.oid, kEvidenceOid)) continue;
    if (one.value.empty()) return malformed("an empty attestation document");
    evidence = one.value;
  }
  return evidence;
}

Result<CertificateParts> read_body(der::Reader body) {
  COFFERDAM_TRY(der::Reader version, body.nested(der::context_constructed(0)));
  COFFERDAM_TRY(const std::uint32_t number, version.small_integer());
  COFFERDAM_CHECK(version.finish());
  if (number != 2) return malformed("expected version 3");
  COFFERDAM_CHECK(body.element(der::kInteger));
  for (int i = 0; i < 4; ++i) {  // signature, issuer, validity, subject
    COFFERDAM_CHECK(body.element(der::kSequence));
  }
  CertificateParts out;
  COFFERDAM_TRY(const der::Element spki, body.element(der::kSequence));
  out.spki = spki.encoded;
  if (!body.empty()) {
    COFFERDAM_TRY(der::Reader extensions, body.nested(der::context_constructed(3)));
    COFFERDAM_TRY(out.evidence, find_evidence(extensions));
  }
  COFFERDAM_CHECK(body.finish());
  return out;
}

Result<CertificateParts> read_certificate(ByteView der) {
  der::Reader file(der);
  COFFERDAM_TRY(der::Reader certificate, file.nested(der::kSequence));
  COFFERDAM_CHECK(file.finish());
  COFFERDAM_TRY(const der::Reader body, certificate.nested(der::kSequence));
  COFFERDAM_CHECK(certificate.element(der::kSequence));
  COFFERDAM_CHECK(certificate.bit_string());
  COFFERDAM_CHECK(certificate.finish());
  return read_body(body);
}

Bytes random_serial() {
  Bytes out = crypto::random_bytes(kSerialSize);
  out.front() = static_cast<std::uint8_t>((out.front() & 0x7f) | 0x40);
  return out;
}

}  // namespace

Result<Bytes> build_evidence_certificate(const EvidenceCertificateSpec& spec,
                                         const crypto::EcPrivateKey& key, ByteView document) {
  crypto::CertificateSpec out;
  out.serial = random_serial();
  out.issuer = out.subject = {{"CN", spec.common_name}};
  out.not_before = spec.not_before;
  out.not_after = spec.not_after;
  out.key_usage = crypto::kDigitalSignature;
  out.server_auth = true;
  out.extensions.push_back({to_bytes(kEvidenceOid), to_bytes(document)});
  return crypto::build_certificate(out, key.public_key(), key);
}

Result<CertificateParts> parse_certificate_parts(ByteView der) {
  if (der.size() > kMaxCertificateSize) return malformed("larger than 40 KiB");
  auto parts = read_certificate(der);
  if (!parts && parts.error().reason.empty()) return malformed(parts.error().detail);
  return parts;
}

}  // namespace cofferdam::channel
