// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "base/time.h"
#include "crypto/certificate_builder.h"
#include "crypto/pem.h"

// For tests only.
namespace cofferdam::net::testing {

// A certificate authority made on the spot, and server certificates of its making.
class TestAuthority {
 public:
  static constexpr Timestamp kNow{std::chrono::milliseconds{1'800'000'000'000}};

  explicit TestAuthority(Timestamp now = kNow)
      : root_pem_(crypto::pem_encode("CERTIFICATE", sign(root_spec(now), key_, key_))) {}

  const std::string& root_pem() const noexcept { return root_pem_; }

  struct Server {
    std::string chain_pem;
    Secret key_pem;
  };

  // For "service.test" and 127.0.0.1, valid for a day on either side of `now`.
  static crypto::CertificateSpec server_spec(Timestamp now = kNow) {
    crypto::CertificateSpec spec;
    spec.serial = {2};
    spec.issuer = root_spec(now).subject;
    spec.subject = {{"CN", "service.test"}};
    spec.not_before = now - std::chrono::days(1);
    spec.not_after = now + std::chrono::days(1);
    spec.key_usage = crypto::kDigitalSignature;
    spec.server_auth = true;
    spec.dns_names = {"service.test"};
    spec.ip_addresses = {"127.0.0.1"};
    return spec;
  }

  Server issue(const crypto::CertificateSpec& spec) const {
    const auto key = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
    return {crypto::pem_encode("CERTIFICATE", sign(spec, key, key_)), key.to_pem()};
  }

 private:
  static crypto::CertificateSpec root_spec(Timestamp now) {
    crypto::CertificateSpec spec;
    spec.serial = {1};
    spec.issuer = spec.subject = {{"CN", "test root"}};
    spec.not_before = now - std::chrono::days(10);
    spec.not_after = now + std::chrono::days(10);
    spec.is_ca = true;
    spec.key_usage = crypto::kKeyCertSign | crypto::kCrlSign;
    return spec;
  }

  static Bytes sign(const crypto::CertificateSpec& spec, const crypto::EcPrivateKey& subject,
                    const crypto::EcPrivateKey& issuer) {
    return crypto::build_certificate(spec, subject.public_key(), issuer).value();
  }

  crypto::EcPrivateKey key_ = crypto::EcPrivateKey::generate(crypto::Curve::p384).value();
  std::string root_pem_;
};

}  // namespace cofferdam::net::testing
