// SPDX-License-Identifier: Apache-2.0
#include "channel/identity.h"

#include "channel/evidence_certificate.h"

namespace cofferdam::channel {
namespace {

// The dates of the certificate are for software that insists on them; the age of the
// document inside is what counts.
constexpr std::chrono::minutes kBackdating{5};
constexpr std::chrono::hours kNominalLife{3};

}  // namespace

Result<std::unique_ptr<Identity>> Identity::create(Parts parts, Role role, std::string name) {
  COFFERDAM_TRY(auto key, crypto::EcPrivateKey::generate(crypto::Curve::p256));
  return std::unique_ptr<Identity>(new Identity(parts, role, std::move(name), std::move(key)));
}

Result<std::shared_ptr<const net::TlsPeerContext>> Identity::context() {
  if (context_ != nullptr && parts_.clock.now() < made_at_ + kCertificateLifetime) return context_;
  const crypto::Sha384 binding = certificate_binding(role_, spki_);
  COFFERDAM_TRY(const Bytes document, parts_.attester.attest(spki_, binding, std::nullopt));
  const Timestamp now = parts_.clock.now();
  const EvidenceCertificateSpec spec{
      .common_name = name_, .not_before = now - kBackdating, .not_after = now + kNominalLife};
  net::TlsIdentity own;
  COFFERDAM_TRY(own.certificate, build_evidence_certificate(spec, key_, document));
  own.key = key_.to_pkcs8();
  const std::optional<net::TlsIdentity> shown(std::move(own));
  COFFERDAM_TRY(context_, net::TlsPeerContext::create(shown));
  made_at_ = now;
  return context_;
}

Result<Bytes> Identity::answer(const Challenge& challenge, const net::TlsExporter& exporter) const {
  return parts_.attester.attest(spki_, challenge_binding(role_, spki_, exporter),
                                to_bytes(challenge));
}

}  // namespace cofferdam::channel
