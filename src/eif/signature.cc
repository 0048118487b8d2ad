// SPDX-License-Identifier: Apache-2.0
#include "eif/signature.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "attest/cose.h"
#include "attest/reason.h"
#include "base/file.h"
#include "bytes/cbor.h"
#include "crypto/pem.h"
#include "eif/format.h"
#include "eif/measure.h"

namespace cofferdam::eif {
namespace {

using attest::reason::kExpired;
using attest::reason::kMalformed;
using attest::reason::kNotYetValid;

constexpr std::string_view kCertificateKey = "signing_certificate";
constexpr std::string_view kSignatureKey = "signature";
constexpr std::string_view kPemLabel = "CERTIFICATE";
constexpr std::size_t kMaxPemSize = std::size_t{64} * 1024;

// Every octet is a data item of its own, so the limit on items is the one on bytes.
constexpr cbor::Limits kSectionLimits{.max_size = kMaxSignatureSize,
                                      .max_depth = 4,
                                      .max_items = kMaxSignatureSize,
                                      .allow_indefinite = true,
                                      .allow_long_heads = true};

std::unexpected<Error> malformed(std::string detail) {
  return fail(Errc::invalid_input, kMalformed, "signature section: " + std::move(detail));
}

void write_octets(cbor::Writer& out, ByteView octets) {
  out.array(octets.size());
  for (const std::uint8_t octet : octets) out.unsigned_integer(octet);
}

Result<Bytes> read_octets(const cbor::Item* item) {
  if (item == nullptr) return malformed("an entry lacks its certificate or its signature");
  const auto items = item->array();
  if (!items) return malformed("expected an array of octets");
  Bytes out;
  out.reserve(items->size());
  for (const cbor::Item& element : *items) {
    const auto octet = element.unsigned_integer();
    if (!octet || *octet > 0xff) return malformed("expected an array of octets");
    out.push_back(static_cast<std::uint8_t>(*octet));
  }
  return out;
}

Result<SignatureEntry> read_entry(const cbor::Item& item) {
  const auto members = item.map();
  if (!members || members->size() != 4) return malformed("an entry is not a map of two members");
  SignatureEntry out;
  COFFERDAM_TRY(out.certificate_pem, read_octets(item.find(kCertificateKey)));
  COFFERDAM_TRY(out.cose_sign1, read_octets(item.find(kSignatureKey)));
  return out;
}

// What an image's signature covers: {"register_index": 0, "register_value": PCR0}.
Bytes signed_payload(const crypto::Sha384& pcr0) {
  cbor::Writer out;
  out.map(2).text("register_index").unsigned_integer(0).text("register_value");
  write_octets(out, pcr0);
  return std::move(out).take();
}

Result<SignatureEntry> first_entry(ByteView section) {
  COFFERDAM_TRY(std::vector<SignatureEntry> entries, parse_signature_section(section));
  return std::move(entries.front());
}

}  // namespace

Result<std::vector<SignatureEntry>> parse_signature_section(ByteView section) {
  const auto root = cbor::parse(section, kSectionLimits);
  if (!root) return malformed(root.error().detail);
  const auto items = root->array();
  if (!items) return malformed("expected an array of entries");
  if (items->empty()) return malformed("expected an entry, found none");
  std::vector<SignatureEntry> out;
  for (const cbor::Item& item : *items) {
    COFFERDAM_TRY(SignatureEntry entry, read_entry(item));
    out.push_back(std::move(entry));
  }
  return out;
}

Bytes encode_signature_section(std::span<const SignatureEntry> entries) {
  cbor::Writer out;
  out.array(entries.size());
  for (const SignatureEntry& entry : entries) {
    out.map(2).text(kCertificateKey);
    write_octets(out, entry.certificate_pem);
    out.text(kSignatureKey);
    write_octets(out, entry.cose_sign1);
  }
  return std::move(out).take();
}

Result<SigningCertificate> SigningCertificate::from_pem(std::string_view pem) {
  const auto blocks = crypto::pem_decode_all(pem, kPemLabel);
  if (!blocks) {
    return fail(Errc::invalid_input, kMalformed,
                "signing certificate: expected PEM: " + blocks.error().detail);
  }
  const Bytes& der = blocks->front();
  auto view = crypto::CertificateView::parse(der);
  if (!view) {
    return fail(Errc::invalid_input, kMalformed, "signing certificate: " + view.error().detail);
  }
  return SigningCertificate{.der = der, .view = *std::move(view), .pcr8 = measure_bytes(der)};
}

Result<SigningCertificate> signing_certificate(ByteView section) {
  COFFERDAM_TRY(const SignatureEntry entry, first_entry(section));
  return SigningCertificate::from_pem(as_text(entry.certificate_pem));
}

Result<SigningCertificate> verify_signature(ByteView section, const crypto::Sha384& pcr0) {
  COFFERDAM_TRY(const SignatureEntry entry, first_entry(section));
  COFFERDAM_TRY(SigningCertificate certificate,
                SigningCertificate::from_pem(as_text(entry.certificate_pem)));
  const auto key = crypto::EcPublicKey::from_spki(certificate.view.spki);
  if (!key) return malformed("the certificate's key: " + key.error().detail);
  COFFERDAM_TRY(const attest::CoseSign1 message,
                attest::parse_cose_sign1(entry.cose_sign1, kMaxSignatureSize));
  COFFERDAM_CHECK(attest::verify_cose_sign1(message, *key));
  if (!std::ranges::equal(message.payload, signed_payload(pcr0))) {
    return fail(Errc::unauthenticated, "wrong_image",
                "the signature is good but not over PCR0 of this image");
  }
  return certificate;
}

Status check_validity(const SigningCertificate& certificate, Timestamp at) {
  const crypto::CertificateView& view = certificate.view;
  if (at < view.not_before) {
    return fail(Errc::denied, kNotYetValid,
                "the signing certificate is valid only from " + format_rfc3339(view.not_before));
  }
  // A certificate lives to the end of the second it names.
  if (at >= view.not_after + std::chrono::seconds(1)) {
    return fail(Errc::denied, kExpired,
                "the signing certificate expired at " + format_rfc3339(view.not_after));
  }
  return {};
}

Bytes signature_input(crypto::Curve curve, const crypto::Sha384& pcr0) {
  return attest::cose_signature_input(curve, signed_payload(pcr0));
}

Result<Bytes> make_signature_section(std::string_view certificate_pem, const crypto::Sha384& pcr0,
                                     ByteView signature) {
  COFFERDAM_TRY(const auto certificate, SigningCertificate::from_pem(certificate_pem));
  COFFERDAM_TRY(const auto key, crypto::EcPublicKey::from_spki(certificate.view.spki));
  const std::vector<SignatureEntry> entries{
      {.certificate_pem = to_bytes(certificate_pem),
       .cose_sign1 = attest::assemble_cose_sign1(key.curve(), signed_payload(pcr0), signature)}};
  Bytes section = encode_signature_section(entries);
  if (section.size() > kMaxSignatureSize) {
    return fail(Errc::invalid_input,
                "the signing certificate is too large: its section would have " +
                    std::to_string(section.size()) + " bytes of " +
                    std::to_string(kMaxSignatureSize));
  }
  COFFERDAM_CHECK(verify_signature(section, pcr0));
  return section;
}

Result<Signer> Signer::make(std::string certificate_pem,
                            std::unique_ptr<const crypto::SigningKey> key) {
  COFFERDAM_TRY(SigningCertificate certificate, SigningCertificate::from_pem(certificate_pem));
  COFFERDAM_TRY(const crypto::EcPublicKey stated,
                crypto::EcPublicKey::from_spki(certificate.view.spki));
  if (stated.spki() != key->public_key().spki()) {
    return fail(Errc::invalid_input, "the private key is not the signing certificate's");
  }
  return Signer(std::move(certificate_pem), std::move(certificate), std::move(key));
}

Result<Signer> Signer::make(std::string certificate_pem, crypto::EcPrivateKey key) {
  return make(std::move(certificate_pem), std::make_unique<crypto::EcPrivateKey>(std::move(key)));
}

Result<Signer> Signer::load(const std::filesystem::path& certificate,
                            const std::filesystem::path& key) {
  COFFERDAM_TRY(std::string pem, read_text_file(certificate, kMaxPemSize));
  COFFERDAM_TRY(const Secret key_pem, read_secret_file(key, kMaxPemSize));
  auto private_key = crypto::EcPrivateKey::from_pem(key_pem);
  if (!private_key) return wrap(key.string(), private_key.error());
  return make(std::move(pem), *std::move(private_key));
}

Result<Bytes> Signer::sign(const crypto::Sha384& pcr0) const {
  COFFERDAM_TRY(const Bytes signature,
                key_->sign(signature_input(key_->public_key().curve(), pcr0)));
  return make_signature_section(pem_, pcr0, signature);
}

}  // namespace cofferdam::eif
