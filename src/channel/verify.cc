// SPDX-License-Identifier: Apache-2.0
#include "channel/verify.h"

#include <algorithm>

#include "attest/reason.h"
#include "channel/evidence_certificate.h"
#include "channel/reason.h"

namespace cofferdam::channel {
namespace {

constexpr std::uint8_t kCertificatePcr = 8;

attest::Expectations expectations(const Judge& judge, const PeerPolicy& policy) {
  attest::Expectations out;
  out.at = judge.at;
  out.allow_debug = policy.allow_debug;
  out.pcrs = policy.pcrs;
  out.max_age = policy.max_age;
  return out;
}

// Whom the document is for is compared after it has proved genuine. The key comes first:
// a document that somebody relays shows as that.
Status check_binding(const attest::Document& document, ByteView spki,
                     const crypto::Sha384& binding) {
  if (!document.public_key || !std::ranges::equal(*document.public_key, spki)) {
    return fail(Errc::denied, reason::kKeyMismatch,
                "the document is genuine, but it is not for the key of this connection");
  }
  if (!document.user_data || !std::ranges::equal(*document.user_data, binding)) {
    return fail(Errc::denied, attest::reason::kUserDataMismatch,
                "the document is for this key, but not for this connection and role");
  }
  return {};
}

Result<CertificateParts> evidence_of(ByteView certificate) {
  COFFERDAM_TRY(const CertificateParts parts, parse_certificate_parts(certificate));
  if (parts.evidence.empty()) {
    return fail(Errc::unauthenticated, reason::kEvidenceMissing,
                "the certificate carries no attestation document: is this an enclave's channel?");
  }
  return parts;
}

Result<std::optional<attest::ReleaseManifest>> check_release(
    const Judge& judge, const Bytes& shown, const attest::VerifiedDocument& document,
    const PeerPolicy& policy) {
  if (!policy.release) return std::optional<attest::ReleaseManifest>();
  const Bytes& manifest = policy.manifest ? *policy.manifest : shown;
  if (manifest.empty()) {
    return fail(Errc::denied, reason::kManifestMissing,
                "the other side shows no release manifest, and a release is required");
  }
  const attest::ManifestExpectations expected{.name = policy.release->name,
                                              .minimum_release = policy.release->minimum_release,
                                              .at = judge.at};
  COFFERDAM_TRY(auto verified, attest::verify_release_manifest(manifest, document, expected));
  return std::optional(std::move(verified));
}

}  // namespace

Status check_policy(const PeerPolicy& policy) {
  if (policy.pcrs.empty()) {
    return fail(Errc::invalid_input, "pin at least one register: any enclave would do otherwise");
  }
  if (policy.release && !policy.pcrs.contains(kCertificatePcr)) {
    return fail(Errc::invalid_input,
                "a release needs PCR8 pinned: anybody can sign a manifest with some certificate");
  }
  return {};
}

Result<attest::VerifiedDocument> verify_certificate(const Judge& judge, ByteView certificate,
                                                    Role role, const PeerPolicy& policy) {
  COFFERDAM_TRY(const CertificateParts parts, evidence_of(certificate));
  COFFERDAM_TRY(auto verified, judge.verifier.verify(parts.evidence, expectations(judge, policy)));
  COFFERDAM_CHECK(
      check_binding(verified.document(), parts.spki, certificate_binding(role, parts.spki)));
  return verified;
}

Result<VerifiedPeer> verify_answer(const Judge& judge, const ChannelFacts& facts,
                                   const Answer& answer, const PeerPolicy& policy) {
  COFFERDAM_TRY(const CertificateParts parts, evidence_of(facts.certificate));
  attest::Expectations expected = expectations(judge, policy);
  expected.nonce = to_bytes(facts.challenge);
  COFFERDAM_TRY(auto verified, judge.verifier.verify(answer.document, expected));
  COFFERDAM_CHECK(check_binding(verified.document(), parts.spki,
                                challenge_binding(facts.role, parts.spki, facts.exporter)));
  COFFERDAM_TRY(auto manifest, check_release(judge, answer.manifest, verified, policy));
  return VerifiedPeer{.document = std::move(verified), .manifest = std::move(manifest)};
}

}  // namespace cofferdam::channel
