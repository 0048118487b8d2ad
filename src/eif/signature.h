// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate_view.h"
#include "crypto/digest.h"
#include "crypto/ec.h"

// The signature section of an image: CBOR, an array of {certificate, COSE_Sign1 over
// PCR0}, of which only the first counts, as for the hypervisor. Byte strings are written
// as arrays of integers, since the official tool does so. Source: formats.md §1.5, after
// aws-nitro-enclaves-image-format src/utils/eif_signer.rs.
namespace cofferdam::eif {

struct SignatureEntry {
  Bytes certificate_pem;
  Bytes cose_sign1;

  bool operator==(const SignatureEntry&) const = default;
};

// Errc::invalid_input, reason `malformed`: other members, numbers that are no octets,
// no entry at all, more than kMaxSignatureSize bytes, anything after the array.
Result<std::vector<SignatureEntry>> parse_signature_section(ByteView section);
Bytes encode_signature_section(std::span<const SignatureEntry> entries);

// A certificate whose hash is, or would be, PCR8 of an enclave.
struct SigningCertificate {
  Bytes der;
  crypto::CertificateView view;
  crypto::Sha384 pcr8{};

  // The first certificate of a PEM text, as OpenSSL takes it. `malformed` otherwise.
  static Result<SigningCertificate> from_pem(std::string_view pem);
};

// The certificate of a section's first entry. Nothing is verified.
Result<SigningCertificate> signing_certificate(ByteView section);

// The certificate of a section whose first entry is a signature by its key over exactly
// this PCR0. Reasons: `malformed`, `wrong_algorithm`, `bad_signature`, `wrong_image` (good,
// but over another PCR0). Not judged: who issued the certificate (pin its hash, PCR8,
// instead) and whether it has expired.
Result<SigningCertificate> verify_signature(ByteView section, const crypto::Sha384& pcr0);

// Whether `at` lies in the certificate's validity, both ends included, as the launch of an
// enclave demands. Errc::denied with reason `not_yet_valid` or `expired`.
Status check_validity(const SigningCertificate& certificate, Timestamp at);

// What a key on this curve signs of an image: the Sig_structure of COSE over PCR0. Hashed
// with hash_for(curve) it is what a token or an offline machine signs.
Bytes signature_input(crypto::Curve curve, const crypto::Sha384& pcr0);

// A section with one entry, from a signature over signature_input() made elsewhere: r and s
// of the key of this certificate. Errc::unauthenticated, reason `bad_signature`, if it does
// not verify; Errc::invalid_input for a certificate that is too large for the section.
Result<Bytes> make_signature_section(std::string_view certificate_pem, const crypto::Sha384& pcr0,
                                     ByteView signature);

// Signs images: a certificate and its private key, wherever that is. Move-only.
class Signer {
 public:
  // Fails with Errc::invalid_input if the key is not the certificate's.
  static Result<Signer> make(std::string certificate_pem,
                             std::unique_ptr<const crypto::SigningKey> key);
  static Result<Signer> make(std::string certificate_pem, crypto::EcPrivateKey key);
  // PEM files; the key is unencrypted, on P-256, P-384 or P-521.
  static Result<Signer> load(const std::filesystem::path& certificate,
                             const std::filesystem::path& key);

  const SigningCertificate& certificate() const noexcept { return certificate_; }
  const crypto::SigningKey& key() const noexcept { return *key_; }

  // A section with one entry, over this PCR0.
  Result<Bytes> sign(const crypto::Sha384& pcr0) const;

 private:
  Signer(std::string pem, SigningCertificate certificate,
         std::unique_ptr<const crypto::SigningKey> key)
      : pem_(std::move(pem)), certificate_(std::move(certificate)), key_(std::move(key)) {}

  std::string pem_;
  SigningCertificate certificate_;
  std::unique_ptr<const crypto::SigningKey> key_;
};

}  // namespace cofferdam::eif
