// SPDX-License-Identifier: Apache-2.0
#include "eif/signing_request.h"

#include <algorithm>
#include <utility>

#include "attest/reason.h"
#include "base/encoding.h"

namespace cofferdam::eif {
namespace {

using attest::reason::kBadSignature;
using attest::reason::kMalformed;

constexpr std::string_view kType = "cofferdam/signing-request/v1";

std::unexpected<Error> malformed(const std::string& detail) {
  return fail(Errc::invalid_input, kMalformed, "signing request: " + detail);
}

std::string_view hash_name(crypto::Hash hash) {
  switch (hash) {
    case crypto::Hash::sha256:
      return "sha256";
    case crypto::Hash::sha384:
      return "sha384";
    case crypto::Hash::sha512:
      return "sha512";
  }
  return "";
}

Result<crypto::Sha384> read_register(const json::object& object, std::string_view name) {
  COFFERDAM_TRY(const std::string text, required_string(object, name));
  COFFERDAM_TRY(const Bytes value, from_hex(text));
  crypto::Sha384 out{};
  if (value.size() != out.size()) return fail(Errc::invalid_input, "expected 48-byte registers");
  std::ranges::copy(value, out.begin());
  return out;
}

Result<SigningRequest> read(const json::object& object) {
  const json::value* const registers = object.if_contains("measurements");
  if (registers == nullptr || !registers->is_object()) {
    return fail(Errc::invalid_input, "it lacks the image's measurements");
  }
  Measurements image;
  COFFERDAM_TRY(image.pcr0, read_register(registers->get_object(), "PCR0"));
  COFFERDAM_TRY(image.pcr1, read_register(registers->get_object(), "PCR1"));
  COFFERDAM_TRY(image.pcr2, read_register(registers->get_object(), "PCR2"));
  COFFERDAM_TRY(std::string pem, required_string(object, "certificate"));
  return SigningRequest::make(image, std::move(pem));
}

}  // namespace

Result<SigningRequest> SigningRequest::make(Measurements image, std::string certificate_pem) {
  COFFERDAM_TRY(const auto certificate, SigningCertificate::from_pem(certificate_pem));
  COFFERDAM_TRY(crypto::EcPublicKey key, crypto::EcPublicKey::from_spki(certificate.view.spki));
  image.pcr8.reset();
  return SigningRequest(image, std::move(certificate_pem), std::move(key));
}

Result<SigningRequest> SigningRequest::parse(std::string_view text) {
  const auto value = parse_json(text, kMaxSigningRequestSize, /*max_depth=*/4);
  if (!value) return malformed(value.error().detail);
  if (!value->is_object()) return malformed("expected a JSON object");
  auto out = read(value->get_object());
  if (!out) return malformed(out.error().detail);
  if (out->to_json() != value->get_object()) {
    return malformed("it does not say what its measurements and certificate imply");
  }
  return out;
}

json::object SigningRequest::to_json() const {
  const crypto::Hash hash = crypto::hash_for(key_.curve());
  const Bytes input = to_be_signed();
  return {{"type", kType},
          {"measurements",
           {{"PCR0", to_hex(image_.pcr0)},
            {"PCR1", to_hex(image_.pcr1)},
            {"PCR2", to_hex(image_.pcr2)}}},
          {"certificate", pem_},
          {"toBeSigned", to_base64(input)},
          {"hash", hash_name(hash)},
          {"digest", to_hex(crypto::digest(hash, input))}};
}

Result<Bytes> section_from_signature(std::string_view certificate_pem, const crypto::Sha384& pcr0,
                                     ByteView signature) {
  COFFERDAM_TRY(const auto certificate, SigningCertificate::from_pem(certificate_pem));
  COFFERDAM_TRY(const auto key, crypto::EcPublicKey::from_spki(certificate.view.spki));
  // No DER of a sound signature is as short as r and s are, but for one in many billions.
  const bool raw = signature.size() == 2 * crypto::coordinate_size(key.curve());
  const auto from_der = raw ? Result<Bytes>(Bytes()) : signature_from_der(key.curve(), signature);
  if (!from_der) {
    return fail(Errc::invalid_input, kBadSignature,
                "expected an ECDSA signature on " + std::string(curve_name(key.curve())) +
                    ", DER or r and s, found " + std::to_string(signature.size()) + " bytes");
  }
  auto section = make_signature_section(certificate_pem, pcr0, raw ? signature : *from_der);
  if (section || section.error().reason != kBadSignature) return section;
  return fail(Errc::unauthenticated, kBadSignature,
              "the signature is not one of this certificate's key over this image: it was made "
              "for another image, or with another key or hash");
}

}  // namespace cofferdam::eif
